/**
 * The learner: trains a model in epochs of steps, asks its listeners after each, and keeps what they want kept.
 */
import { join } from 'node:path';
import { setImmediate as macrotask } from 'node:timers/promises';
import { ArgumentError } from '../errors.ts';
import { Module } from '../torch/nn/module.ts';
import { manualSeed } from '../torch/random.ts';
import { tidy } from '../torch/scope.ts';
import { CheckpointStore } from './checkpoint.ts';
import { TrainerContext } from './context.ts';
import type { EventReader } from './events.ts';
import { Hook, InitializationHook, StepTrainingHook } from './hooks.ts';
import { foldStatus, LearnerListener, LearnerListenerStatus } from './listener.ts';
import { Metrics } from './metrics.ts';
import { initializeModel, ModuleInitMode } from './module.ts';
import { ModuleLoader } from './moduleLoader.ts';
import { boolean, instance, integer, list, method, optional, readOptions, text, wrong } from './options.ts';
import { retryOnOutOfMemory } from './outOfMemory.ts';
import { abridged, ParameterOptimizer } from './parameterOptimizer.ts';
import { progress } from './progress.ts';
import { Random } from './random.ts';
import { ScheduledOptimizer } from './scheduledOptimizer.ts';
import { type Batches, Trainer } from './trainer.ts';

export interface LearnerOptions {
  /** Seeds everything; default `new Random()`, which is seed 0. */
  readonly random?: Random;
  readonly trainer: Trainer;
  /** What is trained. What it or the models in it do in `initialize` is done after seeding. */
  readonly model: Module;
  /** Default 1000; also sizes the schedules of learning rates. */
  readonly maxEpochs?: number;
  /** Optimizer steps in an epoch, whatever the size of the data; default 128. */
  readonly stepsPerEpoch?: number;
  readonly optimizers: readonly ParameterOptimizer[];
  /** Asked after each epoch, in this order; their ids differ. */
  readonly listeners?: readonly LearnerListener[];
  /** Saves every so many epochs, and always after the last; default 1. */
  readonly checkpointInterval?: number;
  /** Default 'cpu'. */
  readonly device?: string;
  readonly hooks?: readonly Hook[];
  /** Directory for checkpoints and what listeners keep; without one nothing is written. It must hold no other run. */
  readonly path?: string;
  /** How progress is told; default on stderr. `false` is quiet but for warnings. */
  readonly progress?: boolean | EventReader;
}

/** What a run leaves behind. */
export interface LearnerOutput {
  /** What each listener kept, by its id: loaders by metric. */
  readonly listeners: Readonly<Record<string, Readonly<Record<string, ModuleLoader>>>>;
  /** Loads the model as it was after the last epoch; undefined when nothing was written. */
  readonly learnedModel: ModuleLoader | undefined;
  /** Final values of the listeners, such as `bestval/final/RR@10`. */
  readonly metrics: ReadonlyMap<string, number>;
}

export class Learner {
  readonly random: Random;
  readonly trainer: Trainer;
  readonly model: Module;
  readonly maxEpochs: number;
  readonly stepsPerEpoch: number;
  readonly optimizers: readonly ParameterOptimizer[];
  readonly listeners: readonly LearnerListener[];
  readonly checkpointInterval: number;
  readonly device: string;
  readonly hooks: readonly Hook[];
  readonly path: string | undefined;
  readonly #progress: boolean | EventReader;
  #running = false;

  /** @throws ArgumentError naming the path of what is wrong */
  constructor(options: LearnerOptions) {
    const read = readOptions('learner', options, {
      random: optional(instance(Random), new Random()),
      trainer: instance(Trainer),
      model: instance(Module),
      maxEpochs: optional(integer({ min: 1 }), 1000),
      stepsPerEpoch: optional(integer({ min: 1 }), 128),
      optimizers: list(instance(ParameterOptimizer), { atLeastOne: 'ParameterOptimizer' }),
      listeners: optional(list(instance(LearnerListener)), []),
      checkpointInterval: optional(integer({ min: 1 }), 1),
      device: optional(text(), 'cpu'),
      hooks: optional(list(instance(Hook)), []),
      path: optional(text(), undefined),
      progress: optional(
        (value, path) =>
          typeof value === 'function' ? method<EventReader>()(value, path) : boolean()(value, path),
        true,
      ),
    });
    this.random = read.random;
    this.trainer = read.trainer;
    this.model = read.model;
    this.maxEpochs = read.maxEpochs;
    this.stepsPerEpoch = read.stepsPerEpoch;
    this.optimizers = read.optimizers;
    this.listeners = read.listeners;
    this.checkpointInterval = read.checkpointInterval;
    this.device = read.device;
    this.hooks = read.hooks;
    this.path = read.path;
    this.#progress = read.progress;
    for (const [i, { id }] of this.listeners.entries()) {
      if (this.listeners.findIndex((other) => other.id === id) < i) {
        throw wrong(`learner.listeners[${i}].id`, 'an id that no other listener has', id);
      }
    }
  }

  /**
   * Trains here and now, and returns what was kept. The model stays as the last step left it.
   *
   * @throws ArgumentError when the parts do not fit each other, such as a filter that takes no parameter
   */
  async run(): Promise<LearnerOutput> {
    if (this.#running) throw new ArgumentError('learner: expected one run at a time, and one goes on');
    this.#running = true;
    const optimizer = new ScheduledOptimizer();
    const context = this.#newContext(optimizer);
    let failed = true;
    try {
      await this.#start(context, optimizer);
      await this.#train(context);
      failed = false;
      return this.#output(context);
    } finally {
      this.#running = false;
      await this.trainer.close();
      optimizer.dispose();
      context.emit({ type: 'end', state: context.state, failed });
    }
  }

  /** Everything before the first step. The order is upstream's; hooks rely on it. */
  async #start(context: TrainerContext, optimizer: ScheduledOptimizer): Promise<void> {
    const { model, trainer } = this;
    await context.begin();
    for (const hook of this.hooks) context.addHook(hook);
    for (const hook of context.hooks(InitializationHook)) await hook.before(context);

    const random = this.random.newState();
    manualSeed(random.integer(2 ** 32 - 1));
    await initializeModel(model, { mode: ModuleInitMode.DEFAULT, random });
    trainer.initialize(random, context);
    for (const listener of this.listeners) await listener.initialize(context);
    model.to(this.device);
    trainer.to(this.device);
    const unclaimed = optimizer.initialize(this.optimizers, model, this.maxEpochs * this.stepsPerEpoch);
    if (unclaimed.length > 0) {
      const message = `${unclaimed.length} parameters have no optimizer and are not trained: ${abridged(unclaimed)}`;
      context.emit({ type: 'warning', message });
    }
    for (const hook of context.hooks(InitializationHook)) await hook.after(context);
  }

  async #train(context: TrainerContext): Promise<void> {
    const { maxEpochs, stepsPerEpoch } = this;
    context.emit({ type: 'start', maxEpochs, stepsPerEpoch });
    const batches = this.trainer.iterBatches();
    for (;;) {
      context.nextEpoch();
      this.model.train();
      const metrics = new Metrics();
      for (let step = 0; step < stepsPerEpoch; step++) metrics.merge(await this.#step(context, batches));
      context.emit({ type: 'epoch', state: context.state, metrics: metrics.means() });

      const { epoch } = context.state;
      if (epoch % this.checkpointInterval === 0) await context.saveCheckpoint();
      const statuses: LearnerListenerStatus[] = [];
      for (const listener of this.listeners) statuses.push(await listener.afterEpoch(context.state));
      if (foldStatus(statuses) === LearnerListenerStatus.STOP || epoch >= maxEpochs) break;
    }
    await context.saveCheckpoint();
  }

  async #step(context: TrainerContext, batches: Batches<unknown>): Promise<Metrics> {
    const { optimizer } = context;
    // The event loop gets its turn, and with it whoever waits for this process.
    await macrotask();
    const { value: batch } = await batches.next();
    context.nextBatch();
    const attempt = () =>
      context.step(() =>
        tidy(async () => {
          optimizer.zeroGrad();
          for (const hook of context.hooks(StepTrainingHook)) await hook.before(context);
          await this.trainer.processBatch(batch);
          await optimizer.step(context);
          optimizer.schedulerStep(context);
        }),
      );
    const metrics = await retryOnOutOfMemory(attempt, (message) => context.emit({ type: 'warning', message }));
    context.emit({ type: 'step', state: context.state, metrics: metrics.means() });
    for (const hook of context.hooks(StepTrainingHook)) await hook.after(context);
    return metrics;
  }

  #newContext(optimizer: ScheduledOptimizer): TrainerContext {
    const reader = this.#progress;
    return new TrainerContext({
      model: this.model,
      trainer: this.trainer,
      optimizer,
      maxEpochs: this.maxEpochs,
      stepsPerEpoch: this.stepsPerEpoch,
      device: this.device,
      path: this.path,
      checkpoints: this.path === undefined ? undefined : new CheckpointStore(join(this.path, 'checkpoints')),
      readers: [typeof reader === 'function' ? reader : progress({ quiet: !reader })],
    });
  }

  #output(context: TrainerContext): LearnerOutput {
    const metrics = new Map<string, number>();
    for (const listener of this.listeners) listener.updateMetrics(metrics);
    const path = context.lastCheckpoint;
    return {
      listeners: Object.fromEntries(this.listeners.map((listener) => [listener.id, listener.loaders()])),
      learnedModel: path === undefined ? undefined : new ModuleLoader({ value: this.model, path }),
      metrics,
    };
  }
}
