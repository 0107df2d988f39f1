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

/** Nanoseconds on the clock, and those that this process computed. */
function now(): readonly [clock: number, cpu: number] {
  const { user, system } = process.cpuUsage();
  return [Number(process.hrtime.bigint()), 1000 * (user + system)];
}

async function answer(line: string): Promise<object> {
  const request = JSON.parse(line) as { case: string; iterations: number; settled: number };
  const { iterations, settled } = request;
  const loop = loopOf(request.case);
  loop.prepare?.(settled + iterations);
  const starts = [now()];
  const check = await (settled === 0
    ? loop(iterations)
    : loop(settled + iterations, settled, () => starts.push(now())));
  const [clock, cpu] = now();
  if (settled > 0 && starts.length !== 2) throw new Error(`${request.case} did not tell that it settled`);
  const [clockBefore, cpuBefore] = starts.at(-1) as readonly [number, number];
  return { nanoseconds: (clock - clockBefore) / iterations, cpu: (cpu - cpuBefore) / iterations, check };
}

function say(reply: object): void {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

setNumThreads(Number(process.argv[2]));
say({ torch: version(), runtime: `Node ${process.versions.node}` });
for await (const line of createInterface({ input: process.stdin })) {
  say(await answer(line).catch((error: unknown) => ({ error: String(error) })));
}
