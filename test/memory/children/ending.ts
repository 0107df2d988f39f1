/** Holds 1,000 live tensors, with graphs and hooks among them, and ends in the way that is asked for. */

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import * as torch from 'xpmir/torch';

const ways = {
  end: () => {},
  exit: () => process.exit(0),
  throw: () => {
    throw new Error('on purpose');
  },
  reject: () => void Promise.reject(new Error('on purpose')),
  wait: () => {
    console.log('ready');
    setInterval(() => {}, 1000);
  },
  exitWhileStepping: () => void startSteps().then(() => process.exit(0)),
  endWhileStepping: () => void startSteps(),
  workerTerminatedWhileStepping: () => {
    const worker = inWorker('steps', (message) => message === 'steps' && void worker.terminate());
  },
  steps: () =>
    void startSteps().then(() => {
      parentPort?.postMessage('steps');
      setInterval(() => {}, 1000);
    }),
  workerEnds: () => void inWorker('end', () => {}),
  workerTerminated: () => {
    const worker = inWorker('compute', () => setTimeout(() => void worker.terminate(), 50));
  },
} as const;

function inWorker(way: string, ready: (message: unknown) => void): Worker {
  const file = new URL('worker.mjs', import.meta.url);
  const worker = new Worker(file, { workerData: { script: import.meta.url, way } });
  worker.on('message', ready);
  worker.on('error', (error) => {
    console.error(error);
    process.exitCode = 1;
  });
  return worker;
}

export const held: torch.Tensor[] = [];

function hold(): void {
  const weight = torch.randn([16, 16], { requiresGrad: true });
  for (let i = 0; i < 333; i++) {
    const product = weight.mul(i);
    product.registerHook((gradient) => gradient.mul(1));
    held.push(product, product.sum(), torch.ones([64]));
  }
  held[1]?.backward();
}

/** Leaves several steps under way on their thread. */
async function startSteps(): Promise<void> {
  const big = torch.randn([256, 256]);
  const step = torch.compile((x: torch.Tensor) => {
    let product = x;
    for (let i = 0; i < 100; i++) product = product.mm(x).div(16);
    return product;
  });
  for (let i = 0; i < 4; i++) await step(big);
  for (let i = 0; i < 3; i++) void step(big);
}

function compute(): void {
  const big = torch.randn([256, 256]);
  for (;;) torch.tidy(() => big.mm(big));
}

const way = isMainThread ? process.argv[2] : (workerData as { way: string }).way;
hold();
if (!isMainThread) parentPort?.postMessage('ready');
if (way === 'compute') compute();
else ways[way as keyof typeof ways]();
