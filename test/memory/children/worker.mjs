// A worker that runs TypeScript: Node 20 hands it no loader of its own.
import { workerData } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

register();
await import(workerData.script);
