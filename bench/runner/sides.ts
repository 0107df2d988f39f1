/** The two sides of a comparison: how each is started, for a loop and for a whole process. */

import { join } from 'node:path';
import type { LoopCase, ProcessCase } from './cases.ts';
import { compiledTorch } from './compiled.ts';
import { startOnnx } from './onnx.ts';
import { bench, type Command, measureOurs, measureReference, root, runProcess } from './process.ts';
import type { Round } from './statistics.ts';
import { type Greeting, Worker } from './worker.ts';

let compiledEntry: string | undefined;

/** Once a run: what somebody edits during it comes too late. */
function compiled(): string {
  compiledEntry ??= compiledTorch(root);
  return compiledEntry;
}

/** A pair of measurements, or why they cannot be compared. */
export type RoundOutcome = Round | { readonly problem: string };

interface Measured {
  readonly cost: number;
  readonly check: number;
}

/**
 * Runs one half after the other, the first one first in even rounds, and compares what they computed.
 *
 * @param within by how much of it the second check may differ from the first; 0 compares bits
 */
export async function playRound(
  round: number,
  ours: () => Promise<Measured>,
  reference: () => Promise<Measured>,
  within = 0,
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
  if (!(mine.check === theirs.check || Math.abs(mine.check / theirs.check - 1) <= within)) {
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
  readonly #startOnnx: () => Promise<Worker>;
  #onnx: Promise<Worker> | undefined;

  private constructor(ours: Started, reference: Started, startsOnnx: () => Promise<Worker>) {
    this.#startOnnx = startsOnnx;
    this.#ours = ours.worker;
    this.ours = ours.greeting;
    this.#reference = reference.worker;
    this.reference = reference.greeting;
  }

  static async start(python: string, threads: number): Promise<LoopSides> {
    const worker = join(bench, 'ours', 'worker.ts');
    const ours: Command = [process.execPath, '--import', 'tsx', worker, String(threads)];
    const theirs: Command = [python, join(bench, 'reference', 'worker.py'), String(threads)];
    return new LoopSides(await startWorker('Node', ours), await startWorker('Python', theirs), () =>
      startOnnx(python, threads),
    );
  }

  async round(round: number, { name, iterations, settled, beside, within }: LoopCase): Promise<RoundOutcome> {
    if (beside === 'onnxruntime') this.#onnx ??= this.#startOnnx();
    const other = beside === 'onnxruntime' ? await this.#onnx! : this.#reference;
    const half = (worker: Worker) => async () => {
      const { nanoseconds, check } = await worker.run(name, iterations, settled);
      return { cost: nanoseconds, check };
    };
    return playRound(round, half(this.#ours), half(other), within);
  }

  stop(): void {
    this.#ours.stop();
    this.#reference.stop();
    void this.#onnx?.then((worker) => worker.stop());
  }
}

type Started = Awaited<ReturnType<typeof Worker.start>>;

function startWorker(name: string, [command, ...args]: Command): Promise<Started> {
  return Worker.start(name, command, args, process.env);
}

/** One round of a case that is a whole process. */
export async function processRound(
  round: number,
  one: ProcessCase,
  python: string,
  threads: number,
): Promise<RoundOutcome> {
  const half = (command: Command) => async () => {
    const { wall, peakBytes, loss } = await runProcess<{ peakBytes: number; loss: number }>(command);
    return { cost: one.cost === 'wall' ? wall : peakBytes / 1e6, check: loss };
  };
  const [ours, theirs] = processCommands(one, python, threads);
  return playRound(round, half(ours), half(theirs));
}

function processCommands(
  { steps, form, train }: ProcessCase,
  python: string,
  threads: number,
): readonly [Command, Command] {
  if (train !== undefined) {
    const asked = ['peak', train, steps, threads] as const;
    return [measureOurs(...asked), measureReference(python, ...asked)];
  }
  const torch = form === 'tsx' ? join(root, 'lib', 'torch', 'index.ts') : compiled();
  const loader = form === 'tsx' ? ['--import', 'tsx'] : [];
  const program = join(bench, 'ours', 'train.mjs');
  return [
    [process.execPath, ...loader, program, torch, String(steps), String(threads)],
    [python, join(bench, 'reference', 'train.py'), String(steps), String(threads)],
  ];
}
