/** A run that says when it is in a phase, and stays there until a signal was sent: `signalsProgram.ts <options as JSON>`. */
import { createHash } from 'node:crypto';
import { existsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AnyOptimizer,
  Learner,
  LearnerListener,
  LearnerListenerStatus,
  LossTrainer,
  ParameterOptimizer,
  Random,
  RandomSerializableIterator,
  type RandomState,
  Sampler,
  type SerializableIterator,
  SGD,
  StepTrainingHook,
  type TrainerContext,
  type TrainState,
} from '../../lib/learning/index.ts';
import { fromTypedArray } from '../../lib/torch/factories.ts';
import { Sequential } from '../../lib/torch/nn/layers/containers.ts';
import { Dropout } from '../../lib/torch/nn/layers/dropout.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { SGD as TorchSGD } from '../../lib/torch/optim/sgd.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { slowly } from './slowDisk.ts';

export type Phase =
  | 'loading'
  | 'forward'
  | 'backward'
  | 'optimizer'
  | 'hook'
  | 'validation'
  | 'saving'
  | 'running';

export interface SignalsOptions {
  readonly path: string;
  /** In which steps the run stays in which phase. */
  readonly phases: Readonly<Partial<Record<Phase, number>>>;
  /** Whether phases that a run need not wait for have no end; otherwise they end with the checkpoint that is asked for. */
  readonly stays: boolean;
  /** Whether a hook has no end, whatever is asked for. */
  readonly hangs?: boolean;
  readonly compile: boolean;
}

/** What it prints. */
export interface SignalsLine {
  readonly phase?: Phase;
  readonly checkpoint?: number;
  /** Of the model, at the end. */
  readonly hash?: string;
}

const options = JSON.parse(process.argv[2] as string) as SignalsOptions;
const { path, phases, stays, hangs = false, compile } = options;

const say = (line: SignalsLine) => writeSync(1, `${JSON.stringify(line)}\n`);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const isSent = (phase: Phase) => existsSync(join(path, `sent-${phase}`));

let [entered, saved] = [0, 0];

/** Whether it is the step to stay in a phase. */
function enters(phase: Phase, step: number): boolean {
  if (phases[phase] !== step) return false;
  entered++;
  say({ phase });
  return true;
}

/** JavaScript does not go on, as in an operator that takes long. */
function block(phase: Phase): void {
  const idle = new Int32Array(new SharedArrayBuffer(4));
  while (!isSent(phase)) Atomics.wait(idle, 0, 0, 5);
  Atomics.wait(idle, 0, 0, 20);
}

async function untilSent(phase: Phase): Promise<void> {
  while (!isSent(phase)) await pause(5);
}

/** What was asked for so far is saved. */
async function untilSaved(): Promise<void> {
  while (stays || saved < entered) await pause(5);
}

class Numbers extends Sampler<number> {
  override iterate(random: RandomState): SerializableIterator<number> {
    let count = 0;
    return new RandomSerializableIterator(random.fork(), async function* (dice) {
      for (;;) {
        await pause(2);
        const isHeld = enters('loading', ++count);
        if (isHeld || (!stays && saved < entered)) await untilSaved();
        yield dice.uniform();
      }
    });
  }
}

class Squares extends LossTrainer<number, { readonly x: Tensor }> {
  protected override collate(records: readonly number[]): { readonly x: Tensor } {
    return { x: fromTypedArray(Float32Array.from(records), [records.length, 1]) };
  }

  protected override trainBatch({ x }: { readonly x: Tensor }): void {
    const out = (this.trainedModel as Sequential).forward(x);
    if (!compile) {
      const { steps } = this.context.state;
      if (enters('forward', steps)) block('forward');
      out.registerHook((gradient) => {
        if (enters('backward', steps)) block('backward');
        return gradient;
      });
    }
    this.context.addLoss('mse', out.sub(x.square()).square().mean());
  }
}

class SlowSGD extends SGD {
  override create(parameters: Parameters<SGD['create']>[0]): AnyOptimizer {
    const optimizer = new TorchSGD(parameters, { lr: 1e-2, momentum: 0.9 });
    if (compile) return optimizer;
    const { step } = optimizer;
    let steps = 0;
    optimizer.step = (() => {
      if (enters('optimizer', ++steps)) block('optimizer');
      return step.call(optimizer, undefined);
    }) as typeof step;
    return optimizer;
  }
}

class Waiting extends StepTrainingHook {
  override async after({ state }: TrainerContext): Promise<void> {
    if (enters('hook', state.steps)) await (hangs ? pause(2 ** 30) : untilSent('hook'));
  }
}

class Validating extends LearnerListener {
  override async afterEpoch({ steps }: TrainState): Promise<LearnerListenerStatus> {
    if (enters('validation', steps)) await untilSaved();
    return LearnerListenerStatus.NO_DECISION;
  }
}

setNumThreads(1);
manualSeed(1);
const model = new Sequential(new Linear(1, 16), new Dropout(0.1), new Linear(16, 1));
const learner = new Learner({
  random: new Random({ seed: 3 }),
  model,
  trainer: new Squares({ sampler: new Numbers(), batchSize: 1 }),
  optimizers: [new ParameterOptimizer({ optimizer: new SlowSGD() })],
  listeners: [new Validating({ id: 'validating' })],
  hooks: 'hook' in phases ? [new Waiting()] : [],
  // One that stays ends by a signal.
  maxEpochs: stays ? 10_000 : 8,
  stepsPerEpoch: 6,
  // Whatever is saved was asked for.
  checkpointInterval: 100,
  compile,
  tensorboard: false,
});

let [isSlow, isSaving] = [false, false];
const run = () =>
  learner.run({
    path,
    progress: (event) => {
      if (event.type === 'checkpoint') {
        saved++;
        isSlow = false;
        say({ checkpoint: event.state.steps });
      }
      if (event.type !== 'step') return;
      enters('running', event.state.steps);
      if (event.state.steps !== phases.saving) return;
      isSlow = true;
      process.emit('SIGUSR1');
    },
  });
await slowly(
  () => (isSlow ? 20 : 0),
  run,
  () => {
    if (!isSlow || isSaving) return;
    isSaving = true;
    enters('saving', phases.saving ?? 0);
  },
);
const hash = createHash('sha256');
tidy(() => {
  for (const tensor of model.stateDict().values()) hash.update(JSON.stringify(tensor.tolist()));
});
say({ hash: hash.digest('hex') });
