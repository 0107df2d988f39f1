/** `worker.ts THREADS`: our side of the loops; answers one line of JSON for each on standard input. */

import { createInterface } from 'node:readline';
import { setNumThreads, version } from '../../lib/torch/index.ts';
import { type Loop, loops } from './loops.ts';

const made = new Map<string, Loop>();

function loopOf(name: string): Loop {
  let loop = made.get(name);
  if (loop === undefined) {
    const make = loops[name];
    if (make === undefined) throw new Error(`no loop ${name}`);
    loop = make();
    made.set(name, loop);
  }
  return loop;
}

async function answer(line: string): Promise<object> {
  const request = JSON.parse(line) as { case: string; iterations: number };
  const loop = loopOf(request.case);
  loop.prepare?.(request.iterations);
  const started = process.hrtime.bigint();
  const check = await loop(request.iterations);
  const nanoseconds = Number(process.hrtime.bigint() - started) / request.iterations;
  return { nanoseconds, check };
}

function say(reply: object): void {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

setNumThreads(Number(process.argv[2]));
say({ torch: version(), runtime: `Node ${process.versions.node}` });
for await (const line of createInterface({ input: process.stdin })) {
  say(await answer(line).catch((error: unknown) => ({ error: String(error) })));
}
