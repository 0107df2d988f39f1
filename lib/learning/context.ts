/**
 * What a run shares with its trainer, hooks and listeners while it goes on.
 */
import { expected } from '../errors.ts';
import type { Module } from '../torch/nn/module.ts';
import type { Tensor } from '../torch/tensor.ts';
import type { CheckpointStore } from './checkpoint.ts';
import type { EventReader, LearnerEvent } from './events.ts';
import { type Hook, Hooks } from './hooks.ts';
import { Metrics } from './metrics.ts';
import type { ScheduledOptimizer } from './scheduledOptimizer.ts';
import type { TrainState } from './state.ts';

/** A part of what is minimised: the loss is Σ weight · value. */
export interface Loss {
  readonly name: string;
  /** A scalar. */
  readonly value: Tensor;
  readonly weight: number;
}

export interface TrainerContextOptions {
  readonly model: Module;
  readonly trainer: { stateDict(): unknown };
  readonly optimizer: ScheduledOptimizer;
  readonly maxEpochs: number;
  readonly stepsPerEpoch: number;
  readonly device: string;
  /** Directory of the run; undefined for one that writes nothing. */
  readonly path: string | undefined;
  readonly checkpoints: CheckpointStore | undefined;
  readonly readers: readonly EventReader[];
}

export class TrainerContext {
  readonly model: Module;
  readonly optimizer: ScheduledOptimizer;
  readonly maxEpochs: number;
  readonly stepsPerEpoch: number;
  readonly device: string;
  readonly path: string | undefined;
  readonly #checkpoints: CheckpointStore | undefined;
  readonly #trainer: { stateDict(): unknown };
  readonly #readers: readonly EventReader[];
  readonly #hooks = new Hooks();
  readonly #scopes: string[] = [];
  #state: TrainState = { epoch: 0, steps: 0 };
  /** Only while a step runs. */
  #metrics: Metrics | undefined;
  /** Only inside `collectLosses`. */
  #losses: Loss[] | undefined;

  constructor(options: TrainerContextOptions) {
    this.model = options.model;
    this.optimizer = options.optimizer;
    this.maxEpochs = options.maxEpochs;
    this.stepsPerEpoch = options.stepsPerEpoch;
    this.device = options.device;
    this.path = options.path;
    this.#checkpoints = options.checkpoints;
    this.#trainer = options.trainer;
    this.#readers = options.readers;
  }

  get state(): TrainState {
    return this.#state;
  }

  addHook(hook: Hook): void {
    this.#hooks.add(hook);
  }

  /** Hooks of a class, those of the learner before those of the trainer. */
  hooks<T extends Hook>(kind: abstract new (...args: never[]) => T): T[] {
    return this.#hooks.of(kind);
  }

  nextEpoch(): void {
    this.#state = { ...this.#state, epoch: this.#state.epoch + 1 };
  }

  /** Counts a batch, once however often its step is tried. */
  nextBatch(): void {
    this.#state = { ...this.#state, steps: this.#state.steps + 1 };
  }

  /** Runs `fn` as a step: metrics may be added, and are returned when it succeeds. */
  async step(fn: () => void | Promise<void>): Promise<Metrics> {
    const metrics = new Metrics();
    this.#metrics = metrics;
    try {
      await fn();
    } finally {
      this.#metrics = undefined;
    }
    return metrics;
  }

  /** Adds to the metrics of this step, under the scopes around. */
  addMetric(key: string, value: number, count = 1): void {
    if (this.#metrics === undefined)
      throw expected('a running step', `addMetric(${JSON.stringify(key)})`, undefined);
    this.#metrics.add([...this.#scopes, key].join('/'), value, count);
  }

  /** Runs `fn` and returns the losses that it added. */
  async collectLosses(fn: () => void | Promise<void>): Promise<readonly Loss[]> {
    const outer = this.#losses;
    const losses: Loss[] = [];
    this.#losses = losses;
    try {
      await fn();
    } finally {
      this.#losses = outer;
    }
    return losses;
  }

  /** Adds to what is minimised in this step. @param value a scalar tensor with a graph */
  addLoss(name: string, value: Tensor, weight = 1): void {
    if (this.#losses === undefined)
      throw expected('a batch being trained', `addLoss(${JSON.stringify(name)})`, undefined);
    if (value.ndim !== 0) throw expected('a scalar', `loss ${name}`, value.shape);
    this.#losses.push({ name, value, weight });
  }

  /** Runs `fn` with `name/` before the keys of its metrics. */
  async scope<T>(name: string, fn: () => T | Promise<T>): Promise<T> {
    this.#scopes.push(name);
    try {
      return await fn();
    } finally {
      this.#scopes.pop();
    }
  }

  emit(event: LearnerEvent): void {
    for (const read of this.#readers) read(event);
  }

  /** Makes the run's directory; fails when another run is in it. */
  async begin(): Promise<void> {
    await this.#checkpoints?.begin();
  }

  /** Where the newest checkpoint is; undefined for a run that writes nothing. */
  get lastCheckpoint(): string | undefined {
    return this.#checkpoints?.last;
  }

  /** Saves the state after this epoch, if the run has a directory and it is not saved yet. */
  async saveCheckpoint(): Promise<void> {
    if (this.#checkpoints === undefined) return;
    const path = await this.#checkpoints.save(this.#state, this.model, this.#trainer.stateDict());
    if (path !== undefined) this.emit({ type: 'checkpoint', state: this.#state, path });
  }

  /** Keeps the model as it is now under `path`; see {@link CheckpointStore.publish}. */
  async keepModel(path: string): Promise<void> {
    if (this.#checkpoints === undefined) throw expected('a directory', 'learner.path', this.path);
    await this.saveCheckpoint();
    await this.#checkpoints.publish(this.#state, path);
  }
}
