/**
 * Training on lists of records, with losses that are added up.
 */
import { types } from 'node:util';
import { ArgumentError, expected, TorchError } from '../errors.ts';
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { nameOf } from '../experiment/declaration.ts';
import { meta, param } from '../experiment/parameters.ts';
import { bool, int } from '../experiment/types.ts';
import { tidyNoting } from '../torch/scope.ts';
import type { Tensor } from '../torch/tensor.ts';
import { Batcher, type BatcherWorker } from './batchers.ts';
import { BatchUpload } from './batchUpload.ts';
import type { Loss, TrainerContext } from './context.ts';
import {
  EndlessIterator,
  type EndlessState,
  type MaybePromise,
  type SerializableIterator,
} from './iterators.ts';
import { finiteItem } from './notFinite.ts';
import { isOutOfMemory } from './outOfMemory.ts';
import { prefetchBatches } from './prefetch.ts';
import type { RandomState } from './random.ts';
import { Sampler } from './sampler.ts';
import { type Placed, placed, type TensorPart } from './tensorParts.ts';
import { type Batches, Trainer } from './trainer.ts';
import { watchedCollate } from './watchedCollate.ts';

interface LossTrainerState {
  readonly sampler: EndlessState<unknown> | null;
  readonly batcher: unknown;
}

/** What a run has of its own. */
interface Running<T> {
  readonly batches: SerializableIterator<readonly T[], EndlessState<unknown> | null>;
  readonly batcher: BatcherWorker;
  /** Of a CUDA device. */
  readonly upload: BatchUpload | undefined;
}

/**
 * Trains on lists of records with the losses that its `trainBatch` adds.
 *
 * With a `collate` of its own, which makes tensors of records, `trainBatch` is a function of tensors, and steps can be
 * compiled: they are computed while the next batch is made.
 */
export abstract class LossTrainer<T = unknown, B = readonly T[]> extends config(
  import.meta,
  'xpmir.letor.trainers.LossTrainer',
  {
    /** Cuts what does not fit into memory. */
    batcher: param(Batcher, { default: () => new Batcher(), ignoreDefault: true }),
    sampler: param(Sampler),
    /** Records in a batch. */
    batchSize: param(int, { default: 16, ignoreDefault: true }),
    /**
     * How the gradients of the parts of a batch are put together. A loss is taken for a mean over its records: by default
     * part i of n counts nᵢ/n, and the gradient does not depend on how the batch was cut. `true` adds the parts up.
     */
    sumMicrobatches: param(bool, { default: false, ignoreDefault: true }),
    /**
     * Batches that a thread makes ahead, the same ones; 0 makes each when it is needed. Needs a declared sampler, which
     * is made again in the thread, and records of plain data.
     */
    prefetch: meta(int, { default: 0 }),
  },
  Trainer,
) {
  declare readonly sampler: Sampler<T>;
  #running: Running<T> | undefined;

  override validate(): void {
    super.validate();
    if (this.batchSize < 1) throw wrong('batchSize', 'a positive integer', this.batchSize);
    if (this.prefetch < 0) throw wrong('prefetch', 'an integer of at least 0', this.prefetch);
  }

  /** What a run takes its records from: the sampler, or a declared one around it. */
  protected get samplerOfRun(): Sampler<T> {
    return this.sampler;
  }

  /**
   * Makes of records what `trainBatch` computes with, in arrays and plain objects; tensors go to the device of the run.
   * By default the records themselves.
   */
  protected collate(records: readonly T[]): MaybePromise<B> {
    return records as unknown as B;
  }

  /** Adds losses for the batch through `this.context.addLoss(name, value)`. To be compiled, it is not asynchronous. */
  protected abstract trainBatch(batch: B): void | Promise<void>;

  override initialize(random: RandomState, context: TrainerContext): void {
    super.initialize(random, context);
    const { samplerOfRun: sampler, batchSize, prefetch } = this;
    this.#running = {
      batcher: this.batcher.initialize(batchSize),
      upload: context.device.startsWith('cuda') ? new BatchUpload(context.device) : undefined,
      batches:
        prefetch > 0
          ? prefetchBatches(sampler, { random, batchSize, capacity: prefetch })
          : new EndlessIterator(sampler.batches(random, batchSize)),
    };
  }

  iterBatches(): Batches<readonly T[]> {
    return this.#now().batches;
  }

  async processBatch(records: readonly T[]): Promise<void> {
    this.context.addSamples(records.length);
    const weight = (part: readonly T[]) => (this.sumMicrobatches ? 1 : part.length / records.length);
    await this.#now().batcher.process(records, (part) => this.processMicrobatch(part, weight(part)), {
      raiseOom: true,
    });
  }

  /** Losses of a part of a batch, their metrics, and `weight` times their gradients. */
  protected async processMicrobatch(records: readonly T[], weight: number): Promise<void> {
    const losses = await this.lossesOf(records);
    const total = totalLoss(losses);
    reportLosses(this.context, losses, { total, count: records.length });
    checkGradient(losses, total);
    const weighted = weight === 1 ? total : total.mul(weight);
    this.context.optimizer.scale(weighted).backward();
  }

  /** All that `trainBatch`, and what it calls, adds for some records: at least one loss. */
  async lossesOf(records: readonly T[]): Promise<readonly Loss[]> {
    const { tensors, arrive } = await this.#collated(records);
    arrive?.();
    return atLeastOne(await this.context.collectLosses(() => this.#trainBatch(tensors as B)));
  }

  override async parts(records: readonly T[]): Promise<readonly TensorPart[] | undefined> {
    if (this.collate === LossTrainer.prototype.collate || types.isAsyncFunction(this.trainBatch))
      return undefined;
    const { batcher } = this.#now();
    const parts: TensorPart[] = [];
    for (const part of batcher.split(records)) {
      parts.push({
        scopes: [],
        ...(await this.#collated(part)),
        count: part.length,
        weight: this.sumMicrobatches ? 1 : part.length / records.length,
        compute: (batch) => this.#located(() => this.trainBatch(batch as B)),
        recovers: batcher.recovers,
        isTooLarge: () => part.length > batcher.size,
        recover: (error) => batcher.recover(error),
      });
    }
    return parts;
  }

  async #collated(records: readonly T[]): Promise<Placed> {
    if (this.collate === LossTrainer.prototype.collate)
      return { tensors: records, owned: NOTHING, arrive: undefined };
    const { context } = this;
    const born = new Set<unknown>();
    const made = watchedCollate(this, context, () =>
      tidyNoting(
        () => this.collate(records),
        (tensor) => born.add(tensor),
      ),
    );
    const batch = types.isPromise(made) ? await made : made;
    // What the trainer keeps for itself is not of this batch alone.
    for (const value of Object.values(this)) born.delete(value);
    const { device, dtype } = context;
    return placed(batch, { device, dtype, born, upload: this.#running?.upload });
  }

  stateDict(): LossTrainerState {
    const { batches, batcher } = this.#now();
    return { sampler: batches.stateDict(), batcher: batcher.stateDict() };
  }

  loadStateDict(state: unknown): void {
    const { sampler, batcher } = { ...(state as LossTrainerState) };
    const running = this.#now();
    running.batches.loadStateDict(sampler);
    running.batcher.loadStateDict(batcher);
  }

  override checkState(): void {
    const given: unknown = this.stateDict();
    const parts = Object.keys(LossTrainer.prototype.stateDict.call(this));
    if (typeof given === 'object' && given !== null && parts.every((part) => Object.hasOwn(given, part)))
      return;
    throw expected(
      `what super.stateDict() has, ${parts.join(' and ')},`,
      `${nameOf(this)}.stateDict()`,
      given,
    );
  }

  override close(): void | Promise<void> {
    return this.#running?.batches.close();
  }

  async #trainBatch(batch: B): Promise<void> {
    await this.#located(() => this.trainBatch(batch));
  }

  /** Runs `trainBatch`, and tells more of what libtorch refuses in it. */
  #located(train: () => void | Promise<void>): void | Promise<void> {
    const fail = (error: unknown): never => {
      if (!(error instanceof TorchError) || isOutOfMemory(error)) throw error;
      throw inTrainBatch(nameOf(this), error);
    };
    try {
      const done = train();
      return types.isPromise(done) ? done.catch(fail) : done;
    } catch (error) {
      return fail(error);
    }
  }

  #now(): Running<T> {
    if (this.#running === undefined) throw new ArgumentError('trainer: expected a run that has begun');
    return this.#running;
  }
}

const NOTHING: ReadonlySet<unknown> = new Set();

/** What libtorch refused, with the shapes that it was given. */
function inTrainBatch(trainer: string, error: TorchError): TorchError {
  const { code, op, shapes } = error;
  const given = shapes.map((shape) => `[${shape.join(', ')}]`).join(' and ');
  const message =
    `${trainer}.trainBatch: ${op} of ${given || 'no tensors'}: ${error.message}; ` +
    'compare the shapes that the model takes and returns with those that the loss expects';
  const located = new TorchError(message, { code, op, shapes, backtrace: () => error.backtrace });
  located.cause = error;
  return located;
}

/** @throws ArgumentError for no loss at all */
export function atLeastOne(losses: readonly Loss[]): readonly Loss[] {
  if (losses.length > 0) return losses;
  throw new ArgumentError('trainer.trainBatch: expected at least one loss, received none');
}

/** Adds the values of losses, and their sum where there are several, to the metrics. Reading them waits for the device. */
export function reportLosses(
  context: Pick<TrainerContext, 'addMetric'>,
  losses: readonly Loss[],
  { total, count }: { readonly total: Tensor; readonly count: number },
): void {
  for (const { name, value } of losses) context.addMetric(name, finiteItem(name, value), count);
  if (losses.length > 1) context.addMetric(nameOfSum(losses), finiteItem('total', total), count);
}

/** `a+b` of the losses b and a. */
export function nameOfSum(losses: readonly Pick<Loss, 'name'>[]): string {
  return losses
    .map(({ name }) => name)
    .sort()
    .join('+');
}

/** @throws ArgumentError for a loss that nothing can be learnt from */
export function checkGradient(losses: readonly Loss[], total: Tensor): void {
  if (total.requiresGrad) return;
  const names = losses.map(({ name }) => name).join(', ');
  throw new ArgumentError(
    `trainer.trainBatch: expected a loss that depends on a parameter being trained, received ${names} without gradients: ` +
      'all parameters may be frozen, or it was computed inside noGrad or from numbers',
  );
}

/** Σ weight · value: what is minimised. */
export function totalLoss(losses: readonly Loss[]): Tensor {
  const [first, ...rest] = losses.map(({ value, weight }) => (weight === 1 ? value : value.mul(weight)));
  return rest.reduce((sum, value) => sum.add(value), first as Tensor);
}
