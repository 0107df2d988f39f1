/**
 * What is learnt from, and how a batch becomes gradients.
 */
import { ArgumentError } from '../errors.ts';
import { Module } from '../torch/nn/module.ts';
import type { Tensor } from '../torch/tensor.ts';
import type { Loss, TrainerContext } from './context.ts';
import { Hook } from './hooks.ts';
import { EndlessIterator, type SerializableIterator } from './iterators.ts';
import { instance, integer, list, optional, readOptions } from './options.ts';
import type { RandomState } from './random.ts';
import { Sampler } from './sampler.ts';

export interface TrainerOptions {
  /** Join those of the learner when the run begins: too late for `InitializationHook.before`. */
  readonly hooks?: readonly Hook[];
  /** Trained in place of the learner's model. */
  readonly model?: Module;
}

/** Gives batches, and turns each into gradients. */
export abstract class Trainer<B = unknown> {
  readonly hooks: readonly Hook[];
  readonly #ownModel: Module | undefined;
  #context: TrainerContext | undefined;

  constructor(options: TrainerOptions = {}) {
    const { hooks, model } = readOptions('trainer', options, {
      hooks: optional(list(instance(Hook)), []),
      model: optional(instance(Module), undefined),
    });
    this.hooks = hooks;
    this.#ownModel = model;
  }

  /** Begins a run: forgets the one before. */
  initialize(_random: RandomState, context: TrainerContext): void {
    this.#context = context;
    for (const hook of this.hooks) context.addHook(hook);
  }

  /** Batches without an end. */
  abstract iterBatches(): SerializableIterator<B>;

  /** Computes the losses of a batch and adds to the gradients. */
  abstract processBatch(batch: B): void | Promise<void>;

  /** Where the data is, as JSON. */
  abstract stateDict(): unknown;

  abstract loadStateDict(state: unknown): void;

  /** Moves what the trainer itself computes with. */
  to(device: string): void {
    this.#ownModel?.to(device);
  }

  /** Of the run that goes on. */
  protected get context(): TrainerContext {
    if (this.#context === undefined) throw new ArgumentError('trainer: expected a run that has begun');
    return this.#context;
  }

  /** What is trained. */
  protected get model(): Module {
    return this.#ownModel ?? this.context.model;
  }
}

export interface LossTrainerOptions<T> extends TrainerOptions {
  readonly sampler: Sampler<T>;
  /** Records in a batch, default 16. */
  readonly batchSize?: number;
}

/** Trains on lists of records with losses that its `trainBatch` adds. */
export abstract class LossTrainer<T> extends Trainer<readonly T[]> {
  readonly sampler: Sampler<T>;
  readonly batchSize: number;
  #batches: SerializableIterator<T[]> | undefined;

  constructor({ sampler, batchSize, ...options }: LossTrainerOptions<T>) {
    super(options);
    const read = readOptions(
      'trainer',
      { sampler, batchSize },
      { sampler: instance<Sampler<T>>(Sampler), batchSize: optional(integer({ min: 1 }), 16) },
    );
    this.sampler = read.sampler;
    this.batchSize = read.batchSize;
  }

  /** Adds losses for the records through `this.context.addLoss(name, value)`. */
  protected abstract trainBatch(records: readonly T[]): void | Promise<void>;

  override initialize(random: RandomState, context: TrainerContext): void {
    super.initialize(random, context);
    this.#batches = new EndlessIterator(this.sampler.batches(random, this.batchSize));
  }

  iterBatches(): SerializableIterator<readonly T[]> {
    return this.#running();
  }

  async processBatch(records: readonly T[]): Promise<void> {
    await this.processMicrobatch(records);
  }

  /** Losses of some records, their metrics, and their gradients. */
  protected async processMicrobatch(records: readonly T[]): Promise<void> {
    const losses = await this.context.collectLosses(() => this.trainBatch(records));
    if (losses.length === 0)
      throw new ArgumentError('trainer.trainBatch: expected at least one loss, received none');
    const total = weightedSum(losses);
    this.#report(losses, total, records.length);
    total.backward();
  }

  stateDict(): unknown {
    return { sampler: this.#running().stateDict() };
  }

  loadStateDict(state: unknown): void {
    this.#running().loadStateDict((state as { sampler: unknown }).sampler);
  }

  /** Reading the values waits for the device: once for each loss. */
  #report(losses: readonly Loss[], total: Tensor, count: number): void {
    for (const { name, value } of losses) this.context.addMetric(name, finite(name, value), count);
    if (losses.length < 2) return;
    const names = losses.map(({ name }) => name).sort();
    this.context.addMetric(names.join('+'), finite('total', total), count);
  }

  #running(): SerializableIterator<T[]> {
    if (this.#batches === undefined) throw new ArgumentError('trainer: expected a run that has begun');
    return this.#batches;
  }
}

function weightedSum(losses: readonly Loss[]): Tensor {
  const [first, ...rest] = losses.map(({ value, weight }) => (weight === 1 ? value : value.mul(weight)));
  return rest.reduce((sum, value) => sum.add(value), first as Tensor);
}

function finite(name: string, loss: Tensor): number {
  const value = Number(loss.item());
  if (!Number.isFinite(value))
    throw new ArgumentError(`loss ${name}: expected a finite number, received ${value}`);
  return value;
}
