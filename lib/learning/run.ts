/**
 * A run of a learner, from its first step to its last: this is where the order of things is.
 */
import type { AutocastDevice } from '../torch/amp.ts';
import { GradScaler } from '../torch/gradScaler.ts';
import type { Module } from '../torch/nn/module.ts';
import { manualSeed } from '../torch/random.ts';
import { emptyHostCache } from '../torch/scope.ts';
import { Attention } from './attention.ts';
import type { SaveErrors } from './checkpointWriter.ts';
import { TrainerContext, type TrainerContextOptions } from './context.ts';
import { type EndEvent, type EndReason, messageOf } from './events.ts';
import { GradientHook, type Hook, InitializationHook, OptimizationHook } from './hooks.ts';
import { foldStatus, type LearnerListener, LearnerListenerStatus } from './listener.ts';
import { Metrics } from './metrics.ts';
import { initializeModel, ModuleInitMode } from './module.ts';
import { checkParameters, NotFiniteError } from './notFinite.ts';
import { isOutOfMemory } from './outOfMemory.ts';
import { abridged, type ParameterOptimizer } from './parameterOptimizer.ts';
import { type Precision, type PrecisionName, precisionOf } from './precision.ts';
import type { Random, RandomState } from './random.ts';
import { SaveSchedule } from './saveSchedule.ts';
import { ScheduledOptimizer } from './scheduledOptimizer.ts';
import type { TrainState } from './state.ts';
import { Steps } from './steps.ts';
import type { Boundary, CompileMode } from './stepsOptions.ts';
import type { Trainer } from './trainer.ts';

/** What a run needs of its learner. */
export interface RunnableLearner {
  readonly random: Random;
  readonly trainer: Trainer;
  readonly model: Module;
  readonly maxEpochs: number;
  readonly stepsPerEpoch: number;
  readonly accumulateGradBatches: number;
  readonly useFp16: boolean;
  readonly precision: PrecisionName | undefined;
  readonly compile: CompileMode;
  readonly cudaGraphs: boolean;
  readonly optimizers: readonly ParameterOptimizer[];
  readonly listeners: readonly LearnerListener[];
  readonly checkpointInterval: number;
  readonly checkpointSteps: number;
  readonly checkpointMinutes: number;
  readonly keepCheckpoints: number;
  readonly keepEvery: number;
  readonly saveErrors: SaveErrors;
  readonly hooks: readonly Hook[];
}

/** Where it runs, where it writes, who is told. */
export interface RunEnvironment
  extends Pick<TrainerContextOptions, 'info' | 'path' | 'logpath' | 'checkpointspath' | 'readers'> {
  /** Stops the run after the step at hand, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
  /** Told how to have a checkpoint saved after the step at hand. */
  readonly onBegin?: ((save: () => void) => void) | undefined;
}

export class LearnerRun {
  readonly #learner: RunnableLearner;
  readonly #attention: Attention;
  readonly #schedule: SaveSchedule;
  readonly #optimizer = new ScheduledOptimizer();
  readonly #context: TrainerContext;
  #steps: Steps | undefined;

  constructor(learner: RunnableLearner, { signal, onBegin, ...environment }: RunEnvironment) {
    const { model, maxEpochs, stepsPerEpoch, precision, useFp16, saveErrors } = learner;
    this.#learner = learner;
    this.#attention = new Attention(signal);
    this.#schedule = new SaveSchedule(learner, this.#attention);
    onBegin?.(() => this.#attention.askToSave());
    this.#context = new TrainerContext({
      ...environment,
      model,
      maxEpochs,
      stepsPerEpoch,
      kept: { last: learner.keepCheckpoints, every: learner.keepEvery },
      saveErrors,
      settings: {
        stepsPerEpoch,
        accumulateGradBatches: learner.accumulateGradBatches,
        precision: precision ?? (useFp16 ? 'useFp16' : '32-true'),
      },
      dtype: precisionOf(precision, useFp16, environment.info.device).dtype,
      optimizer: this.#optimizer,
    });
  }

  /**
   * Trains.
   *
   * @returns final values of the listeners, such as `bestval/final/RR@10`
   * @throws the reason of the signal, once it fired
   */
  async run(): Promise<ReadonlyMap<string, number>> {
    const context = this.#context;
    const metrics = new Map<string, number>();
    let trained = false;
    let ending: Pick<EndEvent, 'reason' | 'message'> = { reason: 'failed' };
    try {
      this.#attention.throwIfStopped();
      const random = await this.#start();
      trained = await this.#train(random);
      await context.checkpoints.settle();
      for (const listener of this.#learner.listeners) listener.updateMetrics(metrics);
      ending = { reason: context.state.epoch < this.#learner.maxEpochs ? 'stopped' : 'finished' };
      return metrics;
    } catch (error) {
      const reason = this.#attention.isStopped ? 'cancelled' : reasonOf(error);
      ending = { reason, message: messageOf(error) };
      throw error;
    } finally {
      this.#attention.dispose();
      await this.#learner.trainer.close();
      // What was being saved is whole, whatever else went wrong.
      await context.checkpoints.settle().catch(() => {});
      this.#steps?.dispose();
      this.#optimizer.dispose();
      context.checkpoints.dispose();
      emptyHostCache();
      context.emit({
        type: 'end',
        state: context.state,
        failed: ending.message !== undefined,
        ...ending,
        metrics: trained ? metrics : new Map(),
      });
    }
  }

  /** Everything before the first step. The order is upstream's; hooks rely on it. */
  async #start(): Promise<RandomState> {
    const { model, trainer, hooks, listeners, maxEpochs, stepsPerEpoch, accumulateGradBatches } =
      this.#learner;
    const context = this.#context;
    await context.begin();
    for (const hook of hooks) context.addHook(hook);
    for (const hook of context.hooks(InitializationHook)) await hook.before(context);

    const random = this.#learner.random.newState();
    manualSeed(random.integer(2 ** 32 - 1));
    await initializeModel(model, { mode: ModuleInitMode.DEFAULT, random });
    trainer.initialize(random, context);
    for (const listener of listeners) await listener.initialize(context);
    const { dtype, autocast, isScaled } = this.#precision;
    model.to(dtype === undefined ? context.device : { device: context.device, dtype });
    trainer.to(context.device);
    const own = hooks.filter((hook) => hook instanceof GradientHook);
    const unclaimed = this.#optimizer.initialize(this.#learner.optimizers, {
      model,
      totalSteps: maxEpochs * stepsPerEpoch,
      accumulateGradBatches,
      hooks: own,
      scaler: autocast === undefined ? undefined : new GradScaler(this.#deviceType, { enabled: isScaled }),
    });
    this.#warn(unclaimed);
    for (const hook of context.hooks(InitializationHook)) await hook.after(context);
    return random;
  }

  /** @returns whether anything was to be done: false where the run was finished before */
  async #train(random: RandomState): Promise<boolean> {
    const { model, trainer, listeners, maxEpochs, stepsPerEpoch, checkpointInterval } = this.#learner;
    const context = this.#context;
    const { random: shared } = this.#learner;
    const parts = { model, trainer, optimizer: this.#optimizer, listeners, random, shared };
    let unfinished = await context.resume(parts);
    context.emit({ type: 'start', maxEpochs, stepsPerEpoch, state: context.state });
    this.#schedule.begin(context.state.steps);
    const goesOn = context.state.epoch > 0 && unfinished === undefined;
    if (goesOn && (await this.#isOver())) return false;

    const batches = trainer.iterBatches();
    const steps = this.#makeSteps();
    do {
      if (unfinished === undefined) {
        await this.#stopIfAsked();
        context.nextEpoch();
      }
      model.train();
      const { steps: made = 0, metrics: sums = [] } = unfinished ?? {};
      unfinished = undefined;
      const soFar = { steps: made, metrics: Metrics.fromState(sums) };
      const first = context.state.steps - made;
      const boundary = this.#boundary(first);
      await steps.epoch(batches, { of: stepsPerEpoch, soFar, boundary });
      const { dataWait } = steps;
      if (this.#attention.isStopped) {
        context.backTo(first + soFar.steps);
        await boundary.reach(soFar, steps.earlier);
        await this.#stopIfAsked();
      }
      checkParameters(context);
      context.endEpoch();
      context.emit({ type: 'epoch', state: context.state, metrics: soFar.metrics.means(), dataWait });
      const { epoch, steps: total } = context.state;
      if (epoch % checkpointInterval === 0 || this.#schedule.isDue(total)) await this.#saveEpoch();
    } while (!(await this.#isOver()));
    // The last epoch always leaves its state, whatever the interval.
    await this.#saveEpoch();
    return true;
  }

  /** Saves in the middle of an epoch, whose first step comes after so many. */
  #boundary(first: number): Boundary {
    return {
      isDue: (steps) => !this.#context.checkpoints.isSaving && this.#schedule.isDue(first + steps),
      reach: async ({ steps, metrics }, earlier) => {
        this.#schedule.saves();
        const unfinished = { steps, metrics: metrics.stateDict() };
        await this.#context.saveUnfinished(first + steps, unfinished, earlier);
      },
    };
  }

  async #saveEpoch(): Promise<void> {
    this.#schedule.saves();
    await this.#context.checkpoints.save();
  }

  get #precision(): Precision {
    const { precision, useFp16 } = this.#learner;
    return precisionOf(precision, useFp16, this.#context.device);
  }

  get #deviceType(): AutocastDevice {
    return this.#context.device.startsWith('cuda') ? 'cuda' : 'cpu';
  }

  #makeSteps(): Steps {
    const { trainer, accumulateGradBatches, compile, cudaGraphs } = this.#learner;
    const { autocast } = this.#precision;
    const precision = { device: this.#deviceType, dtype: autocast };
    const [context, attention] = [this.#context, this.#attention];
    const options = { context, trainer, accumulateGradBatches, precision, compile, cudaGraphs, attention };
    this.#steps = new Steps(options);
    return this.#steps;
  }

  /** Asks all listeners, in their order. */
  async #isOver(): Promise<boolean> {
    const { state } = this.#context;
    const statuses: LearnerListenerStatus[] = [];
    for (const listener of this.#learner.listeners) statuses.push(await this.#answer(listener, state));
    return foldStatus(statuses) === LearnerListenerStatus.STOP || state.epoch >= this.#learner.maxEpochs;
  }

  /** Waits for a listener, and does what is asked for meanwhile: the state of the epoch does not depend on it. */
  async #answer(listener: LearnerListener, state: TrainState): Promise<LearnerListenerStatus> {
    const answer = Promise.resolve(listener.afterEpoch(state));
    // When the run stops, nobody waits for it.
    answer.catch(() => {});
    for (;;) {
      const there = await this.#attention.until(answer);
      if (there !== undefined) return there.value;
      await this.#saveEpoch();
      await this.#stopIfAsked();
    }
  }

  /** @throws the reason of the signal, once the state is saved; or what kept it from being saved */
  async #stopIfAsked(): Promise<void> {
    if (!this.#attention.isStopped) return;
    await this.#context.checkpoints.save();
    await this.#context.checkpoints.settle();
    this.#attention.throwIfStopped();
  }

  #warn(unclaimed: readonly string[]): void {
    const warn = (message: string) => this.#context.emit({ type: 'warning', message });
    if (unclaimed.length > 0)
      warn(`${unclaimed.length} parameters have no optimizer and are not trained: ${abridged(unclaimed)}`);
    const { model, trainer } = this.#learner;
    const own = new Set(model.parameters());
    const outside = (trainer.model?.namedParameters() ?? []).filter(
      ([, parameter]) => parameter.requiresGrad && !own.has(parameter),
    );
    if (outside.length > 0) {
      const names = abridged(outside.map(([name]) => name));
      warn(`parameters of trainer.model are not in learner.model and are not trained: ${names}`);
    }
    const ignored = trainer.allHooks().filter((hook) => hook instanceof OptimizationHook);
    for (const hook of ignored)
      warn(`${hook.constructor.name} does nothing among the hooks of a trainer: give it to the learner`);
  }
}

function reasonOf(error: unknown): EndReason {
  if (error instanceof NotFiniteError) return 'notFinite';
  return isOutOfMemory(error) ? 'memory' : 'failed';
}
