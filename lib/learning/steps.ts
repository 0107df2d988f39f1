/**
 * How steps are made: as they come, or compiled, with the next batch made meanwhile.
 */
import { setImmediate as macrotask } from 'node:timers/promises';
import { TorchError } from '../errors.ts';
import { autocast } from '../torch/amp.ts';
import { tidy } from '../torch/scope.ts';
import { CompiledStep, type ReadyStep } from './compiledStep.ts';
import type { TrainerContext } from './context.ts';
import { DataWait } from './dataWait.ts';
import { StepTrainingHook } from './hooks.ts';
import { Metrics } from './metrics.ts';
import { NextBatches } from './nextBatches.ts';
import { explain, NotFiniteError } from './notFinite.ts';
import type { Made, Open, Prepared } from './openStep.ts';
import { isOutOfMemory, RecoverableOOMError } from './outOfMemory.ts';
import type { Earlier } from './runState.ts';
import type { MovedRates } from './scheduledOptimizer.ts';
import type { EpochOptions, EpochSoFar, StepsOptions } from './stepsOptions.ts';
import { disposeParts } from './tensorParts.ts';
import type { Batches } from './trainer.ts';

/** Steps under way are worth about so much time, at least one beside the one that is computed, and at most so many. */
const AHEAD_MS = 2;
const MOST_AHEAD = 15;
/** The event loop gets a turn at least so often. */
const TURN_MS = 5;
/** Longer steps begin one at a time: the gap is nothing beside them, and a run that is to stop stops within one. */
const LONG_MS = 50;
/** Share of a step in the time of steps. */
const SMOOTHING = 0.1;

export class Steps {
  readonly #options: StepsOptions;
  readonly #context: TrainerContext;
  readonly #compiled: CompiledStep | undefined;
  readonly #open: Open[] = [];
  readonly #next: NextBatches;
  /** Of a step, on average. */
  #milliseconds = AHEAD_MS;
  #settledAt = 0;
  #turnedAt = 0;
  readonly #wait = new DataWait();

  /** @param options once hooks have joined and the optimizers are there */
  constructor(options: StepsOptions) {
    const { context, compile, cudaGraphs: graphs, precision } = options;
    this.#options = options;
    this.#context = context;
    const { trainer, accumulateGradBatches, attention } = options;
    this.#next = new NextBatches({
      ...{ context, trainer, accumulateGradBatches, attention },
      wait: this.#wait,
      isCompiling: () => this.#compiled !== undefined && this.#compiled.problem === undefined,
    });
    if (compile === false) return;
    const inPrecision = <T>(fn: () => T) => this.#inPrecision(fn);
    const isNarrow = (precision.dtype ?? context.dtype ?? 'float32') !== 'float32';
    this.#compiled = new CompiledStep({
      context,
      trainer: options.trainer,
      verify: compile === 'verify',
      graphs,
      isNarrow,
      inPrecision,
    });
  }

  /**
   * Makes the steps of an epoch, from those that were made.
   *
   * @returns whether all were made: not when the run is to stop, once what was begun is done
   */
  async epoch(batches: Batches<unknown>, options: EpochOptions): Promise<boolean> {
    const { of, soFar, boundary } = options;
    this.#wait.begin();
    try {
      while (soFar.steps + this.#open.length < of) {
        if (this.#settledAt - this.#turnedAt > TURN_MS) {
          // Steps that are told of one after the other would keep timers waiting.
          await macrotask();
          this.#turnedAt = performance.now();
        }
        if (!(await this.#begin(batches, options))) break;
        const isDue = () => boundary.isDue(soFar.steps + this.#open.length);
        while (this.#open.length > (isDue() ? 0 : this.#mayWait())) await this.#settle(soFar);
        // After the last step it is the end of the epoch.
        if (this.#open.length === 0 && soFar.steps < of && isDue()) await this.#reach(options);
      }
      while (this.#open.length > 0) await this.#settle(soFar);
    } catch (error) {
      await this.#abandon();
      throw error;
    } finally {
      this.#compiled?.settle();
    }
    return soFar.steps >= of;
  }

  /** What of the state moved on for a step that was not made, as it was before. */
  get earlier(): Earlier {
    return this.#next.earlier;
  }

  /** The share of the epoch's time in which nothing was computed, as the next batch was not there. */
  get dataWait(): number {
    return this.#wait.share;
  }

  dispose(): void {
    this.#next.dispose();
    this.#compiled?.dispose();
  }

  async #reach({ boundary, soFar }: EpochOptions): Promise<void> {
    while (this.#open.length > 0) await this.#settle(soFar);
    this.#compiled?.settle();
    await boundary.reach(soFar, this.earlier);
  }

  /** How many steps may be under way when the next one begins: more of them where they are short. */
  #mayWait(): number {
    if (this.#open.at(-1)?.overlaps !== true || this.#milliseconds > LONG_MS) return 0;
    return Math.min(MOST_AHEAD, Math.max(1, Math.floor(AHEAD_MS / this.#milliseconds)));
  }

  /** Whether nothing in JavaScript looks at the model between this step, which is compiled, and the next one. */
  #overlaps({ parts }: Prepared): boolean {
    const isAlone = this.#compiled?.updates === true && this.#hooks().length === 0;
    return isAlone && parts?.every(({ recovers }) => !recovers) === true;
  }

  #hooks(): readonly StepTrainingHook[] {
    return this.#context.hooks(StepTrainingHook);
  }

  /** @returns false where the run is to stop before the step */
  async #begin(batches: Batches<unknown>, options: EpochOptions): Promise<boolean> {
    const { of, soFar } = options;
    if (this.#context.keepsOrder && !this.#next.areUnderWay)
      while (this.#open.length > 0) await this.#settle(soFar);
    let taken = this.#next.take();
    while (taken === undefined || taken === 'asked') {
      if (taken === 'asked') await this.#reach(options);
      else await this.#next.arrival(batches);
      taken = this.#next.take();
    }
    if (taken === 'stopped') return false;
    if ('failure' in taken) {
      // The steps that were begun before are told.
      while (this.#open.length > 0) await this.#settle(soFar);
      throw taken.failure;
    }
    const { prepared, isAhead } = taken;
    if (prepared.parts?.some((part) => part.isTooLarge())) await this.#cutAnew(prepared);
    const context = this.#context;
    const isReady = () => prepared.parts && this.#compiled?.ready(prepared.parts);
    let ready = isReady();
    const overlaps = ready !== undefined && this.#overlaps(prepared);
    if (!overlaps && this.#open.length > 0) {
      while (this.#open.length > 0) await this.#settle(soFar);
      // Tapes may have gone meanwhile.
      ready = isReady();
    }
    if (isAhead) context.nextStep();
    let moved: MovedRates | undefined;
    const done = ready
      ? this.#makeCompiled(prepared, ready, (rates) => {
          moved = rates;
        })
      : this.#makeEagerly(prepared);
    this.#open.push({ prepared, state: context.state, done, moved: () => moved, overlaps });
    // A step that is made here may draw random numbers, or look at fields, in JavaScript's time.
    const isElsewhere = ready !== undefined && this.#compiled?.updates === true;
    const hasNext = soFar.steps + this.#open.length < of;
    if (hasNext && isElsewhere && !context.keepsOrder && !this.#options.attention.isStopped)
      void this.#next.prepare(batches, false);
    return true;
  }

  /** Waits for the oldest step under way. */
  async #settle(soFar: EpochSoFar): Promise<void> {
    const context = this.#context;
    const { prepared, state, done, moved } = this.#open[0] as Open;
    let made = await done;
    if (made === 'update') made = await this.#finishUpdate(moved() as MovedRates);
    else if (made === 'all') made = await this.#makeEagerly(prepared, moved());
    this.#open.shift();
    disposeParts(prepared.parts ?? []);
    context.made(made);
    context.emit({ type: 'step', state, metrics: made.means(), samples: made.samples });
    for (const hook of this.#hooks()) await hook.after(context);
    soFar.metrics.merge(made);
    soFar.steps++;
    const now = performance.now();
    this.#milliseconds += SMOOTHING * (Math.min(now - this.#settledAt, 1000) - this.#milliseconds);
    this.#settledAt = now;
  }

  /** After an error: whatever is under way ends, and is forgotten. */
  async #abandon(): Promise<void> {
    const open = this.#open.splice(0);
    await Promise.allSettled(open.map(({ done }) => done));
    for (const { prepared } of open) disposeParts(prepared.parts ?? []);
  }

  /** @param move told of the rates of this step: the schedules move on at once, for the step that may begin before it is done */
  async #makeCompiled(
    prepared: Prepared,
    ready: readonly ReadyStep[],
    move: (rates: MovedRates) => void,
  ): Promise<Made> {
    const context = this.#context;
    const { state } = context;
    const compiled = this.#compiled as CompiledStep;
    if (!compiled.updates) return this.#makeEagerly(prepared);
    const made = new Metrics();
    let now: readonly ReadyStep[] | undefined = ready;
    if (this.#hooks().length > 0) {
      made.merge(await context.step(() => this.#callBefore()));
      // They may have changed what it depends on.
      now = compiled.ready(prepared.parts ?? []);
      if (now === undefined) {
        made.merge(await this.#makeEagerly(prepared, undefined, true));
        return made;
      }
    }
    const running = compiled.run(now);
    const moved = context.optimizer.moveRates();
    move(moved);
    try {
      const result = await running;
      if (!(result instanceof Metrics)) return result;
      made.merge(result);
      made.merge(moved.metrics);
      return made;
    } catch (error) {
      if (error instanceof NotFiniteError) throw await this.#explain(error, prepared.batches, state);
      if (error instanceof TorchError && !isOutOfMemory(error)) throw await this.#located(error, prepared);
      if (!(await this.#recovered(prepared, error))) throw error;
      return this.#makeEagerly(prepared, moved);
    }
  }

  /** What a compiled step was refused, as the same step tells it that is not compiled: with the operator and its shapes. */
  async #located(error: TorchError, { batches }: Prepared): Promise<unknown> {
    for (const batch of batches) {
      try {
        await this.#context.step(() => this.#process(batch));
      } catch (found) {
        return found;
      }
    }
    return error;
  }

  /** The gradients are there, but of other parameters than before. */
  async #finishUpdate(moved: MovedRates): Promise<Metrics> {
    const context = this.#context;
    const compiled = this.#compiled as CompiledStep;
    return await context.step(() =>
      tidy(async () => {
        await context.optimizer.withRates(moved, () => compiled.finishUpdate());
        context.mergeMetrics(moved.metrics);
      }),
    );
  }

  /**
   * A step made again from its beginning as long as the trainer can do with less memory.
   *
   * @param moved its rates, where the schedules moved on already
   * @param isBegun whether the hooks before it were called
   */
  #makeEagerly(prepared: Prepared, moved?: MovedRates, isBegun = false): Promise<Metrics> {
    return this.#wait.computing(() => this.#makeHere(prepared, moved, isBegun));
  }

  async #makeHere(prepared: Prepared, moved: MovedRates | undefined, isBegun: boolean): Promise<Metrics> {
    const context = this.#context;
    for (;;) {
      // The event loop gets its turn, and with it whoever waits for this process.
      await macrotask();
      try {
        return await context.step(() => tidy(() => this.#learn(prepared, moved, isBegun)));
      } catch (error) {
        if (error instanceof RecoverableOOMError)
          context.emit({ type: 'restart', state: context.state, message: error.message });
        else if (!(await this.#recovered(prepared, error))) throw error;
      }
    }
  }

  /** Whether memory that ran out may be enough now, for parts that are smaller. */
  async #recovered(prepared: Prepared, error: unknown): Promise<boolean> {
    const { parts = [] } = prepared;
    let isRecovered = false;
    for (const part of parts) isRecovered ||= await part.recover(error);
    if (!isRecovered) return false;
    this.#compiled?.reset();
    await this.#cutAnew(prepared);
    const largest = Math.max(...(prepared.parts ?? []).map(({ count }) => count));
    const message = `Memory ran out; from here on at most ${largest} records at once`;
    this.#context.emit({ type: 'restart', state: this.#context.state, message });
    return true;
  }

  async #cutAnew(prepared: Prepared): Promise<void> {
    disposeParts(prepared.parts ?? []);
    prepared.parts = undefined;
    prepared.parts = await this.#next.partsOf(prepared.batches, true);
  }

  async #learn(prepared: Prepared, moved: MovedRates | undefined, isBegun: boolean): Promise<void> {
    const { optimizer } = this.#context;
    optimizer.zeroGrad();
    if (!isBegun) await this.#callBefore();
    if (moved === undefined) {
      await this.#improve(prepared);
      optimizer.schedulerStep(this.#context);
    } else {
      await optimizer.withRates(moved, () => this.#improve(prepared));
      this.#context.mergeMetrics(moved.metrics);
    }
  }

  /** Gradients, and the update of the parameters. */
  async #improve({ batches, parts }: Prepared): Promise<void> {
    const context = this.#context;
    const { optimizer } = context;
    if (parts === undefined) {
      for (const batch of batches) await this.#computeGradients(batch);
      await optimizer.optimizerStep(context);
    } else {
      try {
        await (this.#compiled as CompiledStep).learn(parts);
      } catch (error) {
        throw error instanceof NotFiniteError ? await this.#explain(error, batches) : error;
      }
    }
  }

  async #callBefore(): Promise<void> {
    for (const hook of this.#hooks()) await hook.before(this.#context);
  }

  /** Adds to the gradients what a batch gives, its graph is freed, and says where a loss that is not finite began. */
  async #computeGradients(batch: unknown): Promise<void> {
    try {
      await this.#process(batch);
    } catch (error) {
      throw error instanceof NotFiniteError ? await this.#explain(error, [batch]) : error;
    }
  }

  #process(batch: unknown): Promise<void> {
    return tidy(() => this.#inPrecision(async () => this.#options.trainer.processBatch(batch)));
  }

  /** Which of several batches it was is found by computing them again. */
  async #explain(
    error: NotFiniteError,
    batches: readonly unknown[],
    state = this.#context.state,
  ): Promise<NotFiniteError> {
    const context = this.#context;
    for (const batch of batches.slice(0, -1)) {
      try {
        await context.step(() => this.#process(batch));
      } catch {
        return explain(error, { context, state, batch, again: () => this.#process(batch) });
      }
    }
    const batch = batches.at(-1);
    return explain(error, { context, state, batch, again: () => this.#process(batch) });
  }

  /** The one place that decides in which precision the model computes. */
  #inPrecision<T>(fn: () => T): T {
    const { device, dtype } = this.#options.precision;
    return dtype === undefined ? fn() : autocast(device, fn, { dtype });
  }
}
