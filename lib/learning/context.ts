/**
 * What a run shares with its trainer, hooks and listeners while it goes on.
 */
import { types } from 'node:util';
import { ArgumentError, expected } from '../errors.ts';
import type { DType } from '../torch/dtype.ts';
import { OwnedTensor } from '../torch/lifetime.ts';
import type { Module } from '../torch/nn/module.ts';
import type { Tensor } from '../torch/tensor.ts';
import type { Kept } from './checkpoint.ts';
import type { SaveErrors } from './checkpointWriter.ts';
import type { DeviceInformation } from './devices.ts';
import type { EventReader, LearnerEvent } from './events.ts';
import { type Hook, Hooks } from './hooks.ts';
import type { RunSettings } from './manifest.ts';
import { Metrics } from './metrics.ts';
import { RunCheckpoints } from './runCheckpoints.ts';
import type { Earlier, RunParts, UnfinishedEpoch } from './runState.ts';
import type { ScheduledOptimizer } from './scheduledOptimizer.ts';
import type { TrainState } from './state.ts';

/** A part of what is minimised: the loss is Σ weight · value. */
export interface Loss {
  readonly name: string;
  /** A scalar. */
  readonly value: Tensor;
  readonly weight: number;
}

/** A metric as it was added: a tensor is read once it is there. */
export interface AddedMetric {
  readonly key: string;
  readonly value: number | Tensor;
  readonly count: number;
}

/** What a computation added. */
export interface Collected {
  readonly losses: readonly Loss[];
  readonly metrics: readonly AddedMetric[];
}

export interface TrainerContextOptions {
  readonly model: Module;
  readonly optimizer: ScheduledOptimizer;
  readonly maxEpochs: number;
  readonly stepsPerEpoch: number;
  readonly info: DeviceInformation;
  /** Of parameters and of what trainers collate; undefined where they stay as they are. */
  readonly dtype: DType | undefined;
  /** Directory of the run; undefined for one that writes nothing. */
  readonly path?: string | undefined;
  /** Where a run with a directory has its logs and its checkpoints. */
  readonly logpath?: string | undefined;
  readonly checkpointspath?: string | undefined;
  /** Which checkpoints stay. */
  readonly kept: Kept;
  /** What to do when one cannot be saved. */
  readonly saveErrors: SaveErrors;
  readonly settings: RunSettings;
  readonly readers: readonly EventReader[];
}

export class TrainerContext {
  readonly model: Module;
  readonly optimizer: ScheduledOptimizer;
  readonly maxEpochs: number;
  readonly stepsPerEpoch: number;
  readonly info: DeviceInformation;
  readonly dtype: DType | undefined;
  readonly path: string | undefined;
  readonly logpath: string | undefined;
  /** @internal What is saved of the run. */
  readonly checkpoints: RunCheckpoints;
  readonly #readers: readonly EventReader[];
  readonly #hooks = new Hooks();
  readonly #scopes: string[] = [];
  #state: TrainState = { epoch: 0, steps: 0 };
  /** Learnt from in all steps that were made. */
  #samples = 0;
  /** @internal How often the state was asked for: tells whether a function depends on it. */
  stateReads = 0;
  #noted: TrainState | undefined;
  /** @internal What of the state `noteStateReads` saw being asked for. */
  readonly stateRead = { asksEpoch: false, steps: false };
  /** @internal Batches may not be made while steps are: what makes them depends on the run, or draws random numbers. */
  keepsOrder = false;
  /** @internal Called before a batch that is made ahead draws from libtorch's generators, which only the first one may. */
  beforeDraw: (() => void) | undefined;
  /** Only while a step runs. */
  #metrics: Metrics | undefined;
  /** Only inside `collectLosses`. */
  #losses: Loss[] | undefined;
  /** Only inside `collect`. */
  #added: AddedMetric[] | undefined;

  constructor(options: TrainerContextOptions) {
    this.model = options.model;
    this.optimizer = options.optimizer;
    this.maxEpochs = options.maxEpochs;
    this.stepsPerEpoch = options.stepsPerEpoch;
    this.info = options.info;
    this.dtype = options.dtype;
    this.path = options.path;
    this.logpath = options.logpath;
    this.#readers = options.readers;
    const { model, checkpointspath, info, kept, saveErrors } = options;
    // Of several processes that train together, one writes.
    const directory = info.main ? checkpointspath : undefined;
    const emit = (event: LearnerEvent) => this.emit(event);
    const { settings } = options;
    this.checkpoints = new RunCheckpoints({
      model,
      directory,
      kept,
      saveErrors,
      settings,
      device: info.device,
      emit,
    });
  }

  get state(): TrainState {
    this.stateReads++;
    return this.#noted ?? this.#state;
  }

  /** @internal The epoch, for whoever is no part of a step. */
  get epochNow(): number {
    return this.#state.epoch;
  }

  /** @internal Runs `fn`, and notes what it asks of the state of the run: its epoch, or anything else. */
  noteStateReads<T>(fn: () => T): T {
    const [state, read] = [this.#state, this.stateRead];
    this.#noted = {
      get epoch() {
        read.asksEpoch = true;
        return state.epoch;
      },
      get steps() {
        read.steps = true;
        return state.steps;
      },
      get cached() {
        return state.cached ?? false;
      },
    };
    try {
      return fn();
    } finally {
      this.#noted = undefined;
    }
  }

  /** As libtorch calls it. */
  get device(): string {
    return this.info.device;
  }

  addHook(hook: Hook): void {
    this.#hooks.add(hook);
  }

  /** Hooks of a class, those of the learner before those of the trainer. */
  hooks<T extends Hook>(kind: abstract new (...args: never[]) => T): T[] {
    return this.#hooks.of(kind);
  }

  nextEpoch(): void {
    const { epoch, steps } = this.#state;
    this.#state = { epoch: epoch + 1, steps };
  }

  /** Counts a step, once however often it is tried. */
  nextStep(): void {
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

  /**
   * Adds to the metrics of this step, under the scopes around.
   *
   * @param value a number, or a scalar tensor, which a compiled step reads without JavaScript
   * @param count how many records it is a mean of
   */
  addMetric(key: string, value: number | Tensor, count = 1): void {
    if (this.#added !== undefined) {
      this.#added.push({ key, value, count });
      return;
    }
    if (this.#metrics === undefined)
      throw expected('a running step', `addMetric(${JSON.stringify(key)})`, undefined);
    const number = typeof value === 'number' ? value : numberOf(key, value);
    this.#metrics.add([...this.#scopes, key].join('/'), number, count);
  }

  /** Adds metrics of this step that were put together elsewhere. */
  mergeMetrics(metrics: Metrics): void {
    if (this.#metrics === undefined) throw expected('a running step', 'mergeMetrics', undefined);
    this.#metrics.merge(metrics);
  }

  /** Counts records that this step learns from. */
  addSamples(count: number): void {
    if (this.#metrics === undefined) throw expected('a running step', 'addSamples', undefined);
    this.#metrics.samples += count;
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

  /** Runs `fn`, and returns the losses and metrics that it added, as they are. */
  collect(fn: () => unknown): Collected {
    const [losses, metrics, outer] = [[] as Loss[], [] as AddedMetric[], this.#losses];
    this.#losses = losses;
    this.#added = metrics;
    try {
      const result = fn();
      if (types.isPromise(result))
        throw expected('a function that is not asynchronous', 'trainBatch', result);
    } finally {
      this.#losses = outer;
      this.#added = undefined;
    }
    return { losses, metrics };
  }

  /** Adds to what is minimised in this step. @param value a scalar tensor with a graph */
  addLoss(name: string, value: Tensor, weight = 1): void {
    if (this.#losses === undefined)
      throw expected('a batch being trained', `addLoss(${JSON.stringify(name)})`, undefined);
    if (!OwnedTensor.is(value)) throw expected('a Tensor with a graph', `loss ${name}`, value);
    if (value.ndim !== 0)
      throw new ArgumentError(
        `Expected a scalar for loss ${name} but received a tensor of shape [${value.shape.join(', ')}]: take its mean() or sum()`,
      );
    if (!Number.isFinite(weight)) throw expected('a finite number', `weight of loss ${name}`, weight);
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

  /** Makes the run's directory. */
  async begin(): Promise<void> {
    await this.checkpoints.begin();
  }

  /**
   * Goes on from the newest checkpoint that is whole; damaged ones are put aside. From here on the parts are saved.
   *
   * @returns what was trained of an epoch in whose middle the run stopped
   * @throws ArgumentError when a whole checkpoint is that of another run; then nothing was loaded
   */
  async resume(parts: Omit<RunParts, 'hooks'>): Promise<UnfinishedEpoch | undefined> {
    const state = await this.checkpoints.resume({ ...parts, hooks: this.#hooks }, this.maxEpochs);
    if (state === undefined) return undefined;
    const { epoch, steps, samples, unfinished } = state;
    this.#samples = samples;
    // Of an epoch that was not at its end nobody was asked.
    this.#state = { epoch, steps, ...(unfinished === null && { cached: true }) };
    if (unfinished !== null) return unfinished;
    this.endEpoch();
    return undefined;
  }

  /** Notes how the run is at the end of an epoch, before listeners are asked: what is saved from then on is this. */
  endEpoch(): void {
    const { epoch, steps } = this.#state;
    this.checkpoints.note({ epoch, steps, samples: this.#samples, unfinished: null });
  }

  /**
   * Begins to save the state in the middle of the epoch.
   *
   * @param steps made, over all epochs
   */
  async saveUnfinished(steps: number, unfinished: UnfinishedEpoch, earlier: Earlier): Promise<void> {
    const { epoch } = this.#state;
    this.checkpoints.note({ epoch, steps, samples: this.#samples, unfinished }, earlier);
    await this.checkpoints.save();
  }

  /** @internal A step is made. */
  made({ samples }: Metrics): void {
    this.#samples += samples;
  }

  /** @internal A step that had begun is not made. */
  backTo(steps: number): void {
    this.#state = { ...this.#state, steps };
  }

  /**
   * Keeps the model as it is now under `path`: a link to its checkpoint, which is saved if it was not.
   *
   * @returns false where the disk did not take it and the run goes on nevertheless, with a warning
   */
  keepModel(path: string): Promise<boolean> {
    return this.checkpoints.keep(path);
  }

  /** Writes a small file of the run; what to do when the disk does not take it, the learner's `saveErrors` says. */
  writeFile(path: string, content: string): Promise<void> {
    return this.checkpoints.writeFile(path, content);
  }
}

function numberOf(key: string, value: unknown): number {
  if (OwnedTensor.is(value)) return Number((value as Tensor).item());
  throw expected('a number or a scalar tensor', `metric ${key}`, value);
}
