/** Several workers at once, several times over: each computes with its own addon and checks the result. */

import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import * as torch from 'xpmir/torch';

function work(): void {
  const generator = new torch.Generator().manualSeed(7);
  const x = torch.randn([32, 32], { generator, requiresGrad: true });
  x.mm(x).sum().backward();
  parentPort?.postMessage({ sum: x.grad?.sum().item(), tensors: torch.memory().tensors });
}

function start(): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('worker.mjs', import.meta.url), {
      workerData: { script: import.meta.url },
    });
    worker.on('message', resolve);
    worker.on('error', reject);
  });
}

async function main(): Promise<void> {
  const results: unknown[] = [];
  for (let round = 0; round < 2; round++)
    results.push(...(await Promise.all(Array.from({ length: 4 }, () => start()))));
  console.log(JSON.stringify(results));
}

if (isMainThread) void main();
else work();
