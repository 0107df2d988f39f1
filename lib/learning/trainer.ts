/**
 * What is learnt from, and how a batch becomes gradients.
 */
import { ArgumentError } from '../errors.ts';
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import { list, optional } from '../experiment/types.ts';
import { Module } from '../torch/nn/module.ts';
import type { TrainerContext } from './context.ts';
import { Hook } from './hooks.ts';
import type { Item, MaybePromise } from './iterators.ts';
import type { RandomState } from './random.ts';
import type { TensorPart } from './tensorParts.ts';

/** Batches without an end; the next one is asked for once the one before is there. */
export interface Batches<B> {
  next(): MaybePromise<Item<B>>;
}

/** Gives batches, and turns each into gradients. */
export abstract class Trainer<B = unknown> extends config(import.meta, 'xpmir.learning.trainers.Trainer', {
  /** Join those of the learner when the run begins: too late for `InitializationHook.before`. */
  hooks: param(list(Hook), { default: [], ignoreDefault: true }),
  /** Trained in place of the learner's model. */
  model: param(optional(Module)),
}) {
  #context: TrainerContext | undefined;

  /** Begins a run: forgets the one before. */
  initialize(_random: RandomState, context: TrainerContext): void {
    this.attach(context);
    for (const hook of this.hooks) context.addHook(hook);
  }

  /** Lets the trainer compute in a run, as one that takes no steps: to measure losses, for example. */
  attach(context: TrainerContext): void {
    this.#context = context;
  }

  /** Its hooks, and those of trainers inside it. */
  allHooks(): readonly Hook[] {
    return this.hooks;
  }

  /** Batches without an end. */
  abstract iterBatches(): Batches<B>;

  /** Computes the losses of a batch and adds to the gradients. */
  abstract processBatch(batch: B): MaybePromise<void>;

  /**
   * The batch as tensors and a function of them, for a step that is compiled; the tensors are the caller's. Undefined,
   * the default, where only `processBatch` can do it.
   */
  parts(_batch: B): MaybePromise<readonly TensorPart[] | undefined> {
    return undefined;
  }

  /** Where the data is, as JSON. */
  abstract stateDict(): unknown;

  abstract loadStateDict(state: unknown): void;

  /** @throws ArgumentError where `stateDict` of a subclass forgets what the class above it has to save */
  checkState(): void {}

  /** Moves what the trainer itself computes with. */
  to(device: string): void {
    this.model?.to(device);
  }

  /** Ends what works for the run, such as threads. */
  close(): MaybePromise<void> {}

  /** Of the run that goes on. */
  protected get context(): TrainerContext {
    if (this.#context === undefined) throw new ArgumentError('trainer: expected a run that has begun');
    return this.#context;
  }

  /** What is trained: the model that was given, or else the learner's. */
  protected get trainedModel(): Module {
    return this.model ?? this.context.model;
  }
}
