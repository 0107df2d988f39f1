/** What is trained in the tests of compiled steps, and all that a run leaves. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AdamW,
  type Batcher,
  Device,
  type Hook,
  type Learner,
  LinearWithWarmup,
  LossTrainer,
  type Optimizer,
  ParameterOptimizer,
  RegexParameterFilter,
  type Sampler,
  type Trainer,
} from '../../lib/learning/index.ts';
import { StepPlan } from '../../lib/torch/compile/stepPlan.ts';
import { fromTypedArray } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { BatchNorm1d } from '../../lib/torch/nn/layers/batchNorm.ts';
import { Dropout } from '../../lib/torch/nn/layers/dropout.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { Module } from '../../lib/torch/nn/module.ts';
import { getRngState, manualSeed } from '../../lib/torch/random.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { EXAMPLES, type Example, newDirectory, toyLearner, toySampler } from './toy.ts';

export class Net extends Module {
  readonly first = new Linear(2, 16);
  readonly norm = new BatchNorm1d(16);
  readonly dropout = new Dropout(0.3);
  readonly last = new Linear(16, 1);
  readonly spare = new Linear(1, 1);

  forward(x: Tensor): Tensor {
    return this.last.forward(this.dropout.forward(this.norm.forward(this.first.forward(x)).relu()));
  }
}

export interface Batch {
  readonly x: Tensor;
  readonly y: Tensor;
}

export const collated = (records: readonly Example[]): Batch => ({
  x: fromTypedArray(Float32Array.from(records.flatMap(({ x }) => [...x])), [records.length, 2]),
  y: fromTypedArray(
    Float32Array.from(records, ({ y }) => y),
    [records.length, 1],
  ),
});

interface NetTrainerOptions {
  readonly batcher?: Batcher;
  readonly batchSize?: number;
  readonly sampler?: Sampler<Example>;
}

/** Two losses, and a metric that is a tensor. */
export class NetTrainer extends LossTrainer<Example, Batch> {
  constructor(options: NetTrainerOptions = {}) {
    super({ sampler: toySampler([...EXAMPLES, ...EXAMPLES]), batchSize: 4, ...options });
  }

  protected override collate(records: readonly Example[]): Batch | Promise<Batch> {
    return collated(records);
  }

  protected override trainBatch({ x, y }: Batch): void {
    const out = (this.trainedModel as Net).forward(x);
    this.context.addMetric('mean', out.mean());
    this.context.addLoss('mse', F.mseLoss(out, y), 0.5);
    this.context.addLoss('size', out.square().mean(), 0.1);
  }
}

export interface Made {
  readonly trainer?: () => Trainer;
  readonly optimizers?: () => readonly ParameterOptimizer[];
  readonly hooks?: () => readonly Hook[];
  readonly useFp16?: boolean;
  readonly precision?: Learner['precision'];
  readonly accumulateGradBatches?: number;
  readonly model?: () => Module;
  readonly stepsPerEpoch?: number;
  readonly cudaGraphs?: boolean;
  readonly device?: () => Device;
}

export const one = (optimizer: Optimizer) => [
  new ParameterOptimizer({ optimizer, scheduler: new LinearWithWarmup({ numWarmupSteps: 3 }) }),
];

export function newLearner(made: Made, compile: Learner['compile'], maxEpochs: number): Learner {
  manualSeed(3);
  return toyLearner({
    model: (made.model ?? (() => new Net()))(),
    trainer: (made.trainer ?? (() => new NetTrainer()))(),
    optimizers: (made.optimizers ?? (() => one(new AdamW({ lr: 1e-2, fused: true }))))(),
    hooks: made.hooks?.() ?? [],
    useFp16: made.useFp16 ?? false,
    ...(made.precision === undefined ? {} : { precision: made.precision }),
    accumulateGradBatches: made.accumulateGradBatches ?? 1,
    compile,
    cudaGraphs: made.cudaGraphs ?? false,
    device: made.device?.() ?? new Device(),
    maxEpochs,
    stepsPerEpoch: made.stepsPerEpoch ?? 9,
  });
}

/** Everything that a run leaves: metrics of steps and epochs, the checkpoint, the random state; and its warnings. */
export async function outcome(made: Made, compile: Learner['compile'], stops: readonly number[] = [3]) {
  const path = newDirectory();
  const told: unknown[] = [];
  const warnings: string[] = [];
  for (const maxEpochs of stops) {
    await newLearner(made, compile, maxEpochs).run({
      path,
      progress: (event) => {
        if (event.type === 'warning') warnings.push(event.message);
        if (event.type === 'step') told.push([event.state, [...event.metrics], event.samples]);
        if (event.type === 'epoch') told.push([event.state, [...event.metrics]]);
      },
    });
  }
  const files = ['model.safetensors', 'state.safetensors', 'state.json'].map((name) =>
    createHash('sha256')
      .update(readFileSync(join(path, 'checkpoints', 'last', name)))
      .digest('hex'),
  );
  const random = createHash('sha256').update(String(getRngState().tolist())).digest('hex');
  return { told, files, random, warnings };
}

/** How many steps were made with their updates, and without JavaScript, while `fn` ran. */
export async function compiledSteps(fn: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const { run } = StepPlan.prototype;
  StepPlan.prototype.run = function (this: StepPlan, parts, options) {
    if (options.updates.length > 0) count++;
    return run.call(this, parts, options);
  };
  try {
    await fn();
  } finally {
    StepPlan.prototype.run = run;
  }
  return count;
}

export const only = (name: string) => new RegexParameterFilter({ includes: [`^${name}`] });

/** The most graphs that a plan had while `fn` ran. */
export async function graphsOf(fn: () => Promise<unknown>): Promise<number> {
  let most = 0;
  const { run } = StepPlan.prototype;
  StepPlan.prototype.run = async function (this: StepPlan, parts, options) {
    const result = await run.call(this, parts, options);
    most = Math.max(most, this.graphs);
    return result;
  };
  try {
    await fn();
  } finally {
    StepPlan.prototype.run = run;
  }
  return most;
}
