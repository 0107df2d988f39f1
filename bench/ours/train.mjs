/** `train.mjs TORCH STEPS THREADS`: a whole process that trains, and prints its loss and the most memory it had. */

import { pathToFileURL } from 'node:url';
import { mlp } from './mlp.mjs';
import { peakBytes } from './peak.mjs';

const [path, steps, threads] = process.argv.slice(2);
const torch = await import(pathToFileURL(path).href);
torch.setNumThreads(Number(threads));
const loss = await mlp(torch)(Number(steps));
console.log(JSON.stringify({ loss, peakBytes: peakBytes() }));
