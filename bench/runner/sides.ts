/** The two sides of a comparison: how each is started, for a loop and for a whole process. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ProcessCase } from './cases.ts';
import { compiledTorch } from './compiled.ts';
import type { Round } from './statistics.ts';
import { type Greeting, Worker } from './worker.ts';

const root = join(import.meta.dirname, '..', '..');
const bench = join(root, 'bench');

let compiledEntry: string | undefined;

/** Once a run: what somebody edits during it comes too late. */
function compiled(): string {
  compiledEntry ??= compiledTorch(root);
  return compiledEntry;
}

type Command = readonly [command: string, ...args: string[]];

/** A pair of measurements, or why they cannot be compared. */
export type RoundOutcome = Round | { readonly problem: string };

interface Measured {
  readonly cost: number;
  readonly check: number;
}

/** Runs one half after the other, the first one first in even rounds, and compares what they computed. */
export async function playRound(
  round: number,
  ours: () => Promise<Measured>,
  reference: () => Promise<Measured>,
): Promise<RoundOutcome> {
  let mine: Measured;
  let theirs: Measured;
  if (round % 2 === 0) {
    mine = await ours();
    theirs = await reference();
  } else {
    theirs = await reference();
    mine = await ours();
  }
  if (mine.check !== theirs.check) {
    return { problem: `the two sides computed different values, ${mine.check} and ${theirs.check}` };
  }
  return { ours: mine.cost, reference: theirs.cost };
}

/** Both workers, which answer until they are stopped. */
export class LoopSides {
  readonly ours: Greeting;
  readonly reference: Greeting;
  readonly #ours: Worker;
  readonly #reference: Worker;

  private constructor(ours: Started, reference: Started) {
    this.#ours = ours.worker;
    this.ours = ours.greeting;
    this.#reference = reference.worker;
    this.reference = reference.greeting;
  }

  static async start(python: string, threads: number): Promise<LoopSides> {
    const worker = join(bench, 'ours', 'worker.ts');
    const ours: Command = [process.execPath, '--import', 'tsx', worker, String(threads)];
    const theirs: Command = [python, join(bench, 'reference', 'worker.py'), String(threads)];
    return new LoopSides(await startWorker('Node', ours), await startWorker('Python', theirs));
  }

  async round(round: number, name: string, iterations: number): Promise<RoundOutcome> {
    const half = (worker: Worker) => async () => {
      const { nanoseconds, check } = await worker.run(name, iterations);
      return { cost: nanoseconds, check };
    };
    return playRound(round, half(this.#ours), half(this.#reference));
  }

  stop(): void {
    this.#ours.stop();
    this.#reference.stop();
  }
}

type Started = Awaited<ReturnType<typeof Worker.start>>;

function startWorker(name: string, [command, ...args]: Command): Promise<Started> {
  return Worker.start(name, command, args, process.env);
}

/** One round of a case that is a whole process. */
export async function processRound(
  round: number,
  { steps, cost, form }: ProcessCase,
  python: string,
  threads: number,
): Promise<RoundOutcome> {
  const torch = form === 'tsx' ? join(root, 'lib', 'torch', 'index.ts') : compiled();
  const loader = form === 'tsx' ? ['--import', 'tsx'] : [];
  const train = join(bench, 'ours', 'train.mjs');
  const ours: Command = [process.execPath, ...loader, train, torch, String(steps), String(threads)];
  const theirs: Command = [python, join(bench, 'reference', 'train.py'), String(steps), String(threads)];
  const half = (command: Command) => async () => {
    const { wall, peakBytes, loss } = await runProcess(command);
    return { cost: cost === 'wall' ? wall : peakBytes / 1e6, check: loss };
  };
  return playRound(round, half(ours), half(theirs));
}

/** From the start of a process to its end, in milliseconds, with what it printed. */
async function runProcess([command, ...args]: Command): Promise<{
  wall: number;
  peakBytes: number;
  loss: number;
}> {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: root });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  const wall = performance.now() - started;
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${status}`);
  return { wall, ...(JSON.parse(output) as { peakBytes: number; loss: number }) };
}
