/** What a run that is cut consists of: everything that changes from step to step, and remembers. */
import {
  type Batcher,
  type Batches,
  Evaluator,
  InitializationHook,
  LossTrainer,
  type MetricsPerItem,
  type Random,
  type RandomState,
  StepTrainingHook,
  type TrainerContext,
  ValidationHook,
} from '../../lib/learning/index.ts';
import { fromTypedArray } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { BatchNorm1d } from '../../lib/torch/nn/layers/batchNorm.ts';
import { Dropout } from '../../lib/torch/nn/layers/dropout.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { Module } from '../../lib/torch/nn/module.ts';
import { Parameter } from '../../lib/torch/nn/parameter.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import type { Case } from './resumeCases.ts';
import { ITEMS, type Item, type Items } from './resumeItems.ts';

export const BATCH = 4;
/** In a batch with this one the gradients of `spare` overflow, and the loss does not. */
export const OVERFLOWING = 5;

export class Net extends Module {
  readonly first = new Linear(2, 8);
  readonly norm = new BatchNorm1d(8);
  readonly dropout: Dropout;
  readonly last = new Linear(8, 1);
  readonly spare = new Linear(1, 1);
  /** So many that several threads share them. */
  readonly wide: Parameter;

  constructor(dropout: number, width: number) {
    super();
    this.dropout = new Dropout(dropout);
    this.wide = new Parameter(F.randn([width]));
  }

  forward(x: Tensor): Tensor {
    const hidden = this.norm.forward(this.first.forward(x)).relu();
    return this.last.forward(this.dropout.forward(hidden)).add(this.wide.mul(x.mean()).square().mean());
  }
}

export interface Batch {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly boost: Tensor;
  /** Tells which records they are. */
  readonly code: Tensor;
}

/** Where the test may look, and what it does there may be to throw. */
export interface Taps {
  /** Before a batch is taken, counted from 0 in each process. */
  batch?(count: number): void;
  validation?(epoch: number): void;
  /** After the losses of a batch were computed. */
  losses?(): void;
}

export interface NetTrainerOptions {
  readonly sampler: Items;
  readonly prefetch: number;
  readonly batcher: Batcher;
  readonly noise: Case['noise'];
  readonly scaled: boolean;
  /** Whether `spare` is trained from the third epoch on only. */
  readonly late: boolean;
  readonly random: Random;
  readonly taps: Taps;
}

export class NetTrainer extends LossTrainer<Item, Batch> {
  /** A list in a field that steps can see, and that changes, would keep them from being compiled. */
  readonly #taken: number[][] = [];
  readonly #options: NetTrainerOptions;
  #random: RandomState | undefined;

  constructor(options: NetTrainerOptions) {
    const { sampler, prefetch, batcher } = options;
    super({ sampler, prefetch, batcher, batchSize: BATCH });
    this.#options = options;
  }

  override initialize(random: RandomState, context: TrainerContext): void {
    super.initialize(random, context);
    this.#random = random;
  }

  /** Ids of the records of batches, in the order in which they were taken. */
  get taken(): readonly (readonly number[])[] {
    return this.#taken;
  }

  /** The stream of the run that goes on. */
  get random(): RandomState {
    return this.#random as RandomState;
  }

  override iterBatches(): Batches<readonly Item[]> {
    const batches = super.iterBatches();
    let count = 0;
    return {
      next: async () => {
        this.#options.taps.batch?.(count++);
        const batch = await batches.next();
        this.#taken.push(batch.value?.map(({ id }) => id) ?? []);
        return batch;
      },
    };
  }

  protected override collate(records: readonly Item[]): Batch {
    const boost = records.some(({ id }) => id === OVERFLOWING) ? 3e38 : 1;
    const code = records.reduce((sum, { id }) => sum * (ITEMS + 1) + id + 1, 0);
    const x = fromTypedArray(Float32Array.from(records.flatMap((each) => [...each.x])), [records.length, 2]);
    return {
      x: x.add(this.#noise(records)),
      y: fromTypedArray(
        Float32Array.from(records, ({ id }) => Math.sin(id)),
        [records.length, 1],
      ),
      boost: fromTypedArray(Float32Array.of(boost), [1, 1]),
      code: fromTypedArray(Float32Array.of(code), []),
    };
  }

  #noise(records: readonly Item[]): Tensor {
    const { noise, random } = this.#options;
    const isOf = (whose: Case['noise']) => noise === whose || noise === 'everybody';
    const ofRun = isOf('the run') ? this.random.uniform() : 0;
    const ofLearner = isOf('the learner') ? random.state.uniform() : 0;
    const own = fromTypedArray(Float32Array.of(ofRun + ofLearner), [1]);
    const atTimes = noise === 'libtorch at times' && records.some(({ x }) => x[1] > 0.985);
    return atTimes || isOf('libtorch') ? own.add(F.rand([1])) : own;
  }

  protected override trainBatch({ x, y, boost, code }: Batch): void {
    const net = this.trainedModel as Net;
    const out = net.forward(x);
    this.context.addMetric('code', code);
    this.context.addLoss('mse', F.mseLoss(out, y));
    const { scaled, late } = this.#options;
    if (scaled || (late && this.context.state.epoch > 2))
      this.context.addLoss('spare', net.spare.weight.tanh().mul(boost).sum());
    this.#options.taps.losses?.();
  }
}

/** The best of `script` is in the fourth epoch, that of `size`, which depends on every bit of the model, in the first. */
export class Measuring extends Evaluator {
  readonly #taps: Taps;

  constructor(taps: Taps) {
    super();
    this.#taps = taps;
  }

  override evaluate({ state, model }: TrainerContext): MetricsPerItem {
    this.#taps.validation?.(state.epoch);
    const x = fromTypedArray(
      Float32Array.from({ length: 20 }, (_, i) => i / 20),
      [10, 2],
    );
    const size = (model as Net).forward(x).square().sum().item();
    return new Map([
      ['script', new Map([['a', -Math.abs(state.epoch - 4)]])],
      ['size', new Map([['a', size - 1e6 * state.epoch]])],
    ]);
  }
}

/** Tells how often it was called. */
export class Counting extends StepTrainingHook {
  count = 0;

  override before(context: TrainerContext): void {
    context.addMetric('count', ++this.count);
  }

  override stateDict(): unknown {
    return { count: this.count };
  }

  override loadStateDict(state: unknown): void {
    this.count = (state as { readonly count: number }).count;
  }
}

/** The same around validations. */
export class CountingValidations extends ValidationHook {
  count = 0;

  override after(): void {
    this.count++;
  }

  override stateDict(): unknown {
    return { count: this.count };
  }

  override loadStateDict(state: unknown): void {
    this.count = (state as { readonly count: number }).count;
  }
}

/** The scale grows after three steps. */
export class Growing extends InitializationHook {
  override after({ optimizer }: TrainerContext): void {
    const state = optimizer.stateDict();
    if (state.scaler !== null)
      optimizer.loadStateDict({ ...state, scaler: { ...state.scaler, growth_interval: 3 } });
  }
}
