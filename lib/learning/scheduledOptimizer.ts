/**
 * The optimizers of a run at work, each with its learning rate over time.
 */
import { ArgumentError, expected } from '../errors.ts';
import { wrong } from '../experiment/accept.ts';
import type { GradScaler, GradScalerState } from '../torch/gradScaler.ts';
import type { Module } from '../torch/nn/module.ts';
import type { Parameter } from '../torch/nn/parameter.ts';
import type { OptimizerStateDict } from '../torch/optim/stateDict.ts';
import type { Tensor } from '../torch/tensor.ts';
import type { TrainerContext } from './context.ts';
import type { GradientHook } from './hooks.ts';
import { Metrics } from './metrics.ts';
import type { AnyOptimizer } from './optimizers.ts';
import { claimParameters, type ParameterOptimizer } from './parameterOptimizer.ts';
import type { RunningScheduler, Scheduler } from './schedulers.ts';

interface Scheduled {
  readonly optimizer: AnyOptimizer;
  readonly schedule: Scheduler | undefined;
  scheduler: RunningScheduler | undefined;
}

export interface OptimizersOptions {
  readonly model: Module;
  /** maxEpochs · stepsPerEpoch. */
  readonly totalSteps: number;
  /** See, and may change, gradients before the parameters are updated, in this order. */
  readonly hooks?: readonly GradientHook[];
  /** Batches in a step; default 1. */
  readonly accumulateGradBatches?: number;
  /** Shared by all optimizers. */
  readonly scaler?: GradScaler | undefined;
}

/** What a resumed run needs: JSON and tensors. */
export interface OptimizersState {
  /** Of the schedulers, which is steps made. */
  readonly schedulerSteps: number;
  /** What the schedules were made for. */
  readonly totalSteps: number;
  /** Classes of the optimizers. */
  readonly algorithms: readonly string[];
  readonly optimizers: readonly OptimizerStateDict[];
  /** Of each optimizer; null for one without. */
  readonly schedulers: readonly unknown[];
  /** Null without one. */
  readonly scaler: GradScalerState | null;
}

/** The rates of a step whose schedules moved on while it was made. */
export interface MovedRates {
  readonly metrics: Metrics;
  /** Of each group of each optimizer. */
  readonly rates: readonly (readonly (number | null)[])[];
}

export interface CompilableStep {
  readonly hooks: readonly GradientHook[];
  readonly optimizers: readonly AnyOptimizer[];
  /** An enabled one, which takes optimizers with gradients only. */
  readonly scaler: GradScaler | undefined;
  /** The same in every step. */
  readonly metrics: readonly { readonly key: string; readonly value: number; readonly count: number }[];
}

export class ScheduledOptimizer {
  #scheduled: readonly Scheduled[] = [];
  #hooks: readonly GradientHook[] = [];
  #module: Module | undefined;
  #batches = 1;
  #scaler: GradScaler | undefined;
  #steps = 0;
  #totalSteps = 0;

  /**
   * Gives the parameters out and makes the optimizers.
   *
   * @returns names of the trainable parameters that nobody claimed
   */
  initialize(
    optimizers: readonly ParameterOptimizer[],
    { model, totalSteps, hooks = [], accumulateGradBatches = 1, scaler }: OptimizersOptions,
  ): readonly string[] {
    const { claimed, unclaimed } = claimParameters(optimizers, model);
    this.#module = model;
    this.#hooks = hooks;
    this.#batches = accumulateGradBatches;
    this.#totalSteps = totalSteps;
    this.#scaler = scaler;
    this.#scheduled = optimizers.map(({ optimizer, scheduler }, i) => {
      const made = optimizer.create(claimed[i] as readonly (readonly [string, Parameter])[]);
      if (scheduler !== undefined && made.paramGroups.some(({ lr }) => lr === null)) {
        throw wrong(
          `learner.optimizers[${i}].scheduler`,
          'none, because the optimizer sets its own rate',
          scheduler,
        );
      }
      return { optimizer: made, schedule: scheduler, scheduler: scheduler?.create(made, totalSteps) };
    });
    return unclaimed;
  }

  zeroGrad(): void {
    for (const { optimizer } of this.#scheduled) optimizer.zeroGrad();
    // Parameters that no optimizer owns get gradients too, which clipping would see.
    this.#module?.zeroGrad();
  }

  /** What a trainer calls `backward` of: each batch of a step counts the same in its gradients, which are a mean. */
  scale(loss: Tensor): Tensor {
    const part = this.#batches === 1 ? loss : loss.div(this.#batches);
    return this.#scaler?.scale(part) ?? part;
  }

  /** Lets the gradient hooks see the gradients, then updates the parameters. */
  async optimizerStep(context: TrainerContext): Promise<void> {
    const scaler = this.#scaler;
    if (scaler === undefined) {
      for (const hook of this.#hooks) await hook.gradients(context);
      for (const { optimizer } of this.#scheduled) optimizer.step();
      return;
    }
    // A scaler takes no optimizer without gradients, which has nothing to do in this step.
    const active = this.#scheduled.map(({ optimizer }) => optimizer).filter(hasGradients);
    for (const optimizer of active) scaler.unscale_(optimizer);
    for (const hook of this.#hooks) await hook.gradients(context);
    for (const optimizer of active) scaler.step(optimizer);
    context.addMetric('gradient/scaler', scaler.getScale());
    if (active.length > 0) scaler.update();
  }

  /**
   * The parts of `optimizerStep`, for a step that is compiled: what hooks do, and each optimizer with the rate that it
   * has now. Undefined where one of them needs JavaScript in every step.
   */
  compilableStep(): CompilableStep | undefined {
    if (!this.#hooks.every((hook) => hook.isCompilable)) return undefined;
    const all = this.#scheduled.map(({ optimizer }) => optimizer);
    if (!all.every((optimizer) => optimizer.isRated)) return undefined;
    const scaler = this.#scaler?.isEnabled() ? this.#scaler : undefined;
    const optimizers = scaler === undefined ? all : all.filter(hasGradients);
    const isConstant = this.#scaler !== undefined && scaler === undefined;
    const metrics = isConstant ? [{ key: 'gradient/scaler', value: 1, count: 1 }] : [];
    return { hooks: this.#hooks, optimizers, scaler, metrics };
  }

  /** What losses are multiplied by, beside their weights, the first on a device; undefined without an enabled scaler. */
  scaleFrom(device: string): Tensor | undefined {
    return this.#scaler?.scaleFrom(device);
  }

  /** Batches in a step. */
  get batches(): number {
    return this.#batches;
  }

  /** Notes the rates that this step had, then sets those of the next one. */
  schedulerStep(metrics: Pick<TrainerContext, 'addMetric'>): void {
    for (const [i, { optimizer, scheduler }] of this.#scheduled.entries()) {
      for (const [j, group] of optimizer.paramGroups.entries()) {
        if (group.lr !== null) metrics.addMetric(`gradient/scheduler/${i + 1}/${j + 1}`, group.lr);
      }
      scheduler?.step();
    }
    this.#steps++;
  }

  /** Moves on as `schedulerStep`, for a step under way. @returns what is needed to make that step in another way */
  moveRates(): MovedRates {
    const metrics = new Metrics();
    const rates = this.#scheduled.map(({ optimizer }) => optimizer.paramGroups.map(({ lr }) => lr));
    this.schedulerStep({ addMetric: (key, value) => metrics.add(key, value as number) });
    return { metrics, rates };
  }

  /** Runs `fn` with the rates that a step had. */
  async withRates<T>({ rates }: MovedRates, fn: () => Promise<T>): Promise<T> {
    const now = this.#scheduled.map(({ optimizer }) => optimizer.paramGroups.map(({ lr }) => lr));
    this.#setRates(rates);
    try {
      return await fn();
    } finally {
      this.#setRates(now);
    }
  }

  #setRates(rates: MovedRates['rates']): void {
    for (const [i, { optimizer }] of this.#scheduled.entries())
      for (const [j, group] of optimizer.paramGroups.entries()) group.lr = rates[i]?.[j] ?? null;
  }

  /** The tensors in it are the live ones. */
  stateDict(): OptimizersState {
    return {
      schedulerSteps: this.#steps,
      totalSteps: this.#totalSteps,
      algorithms: this.#scheduled.map(({ optimizer }) => optimizer.constructor.name),
      optimizers: this.#scheduled.map(({ optimizer }) => optimizer.stateDict()),
      schedulers: this.#scheduled.map(({ scheduler }) => scheduler?.stateDict() ?? null),
      scaler: this.#scaler?.stateDict() ?? null,
    };
  }

  /** @throws ArgumentError for the state of other optimizers, or of ones over other parameters; then nothing changed */
  loadStateDict(state: OptimizersState): void {
    const { algorithms, optimizers, schedulers, scaler } = { ...state };
    const count = this.#scheduled.length;
    for (const [name, list] of Object.entries({ algorithms, optimizers, schedulers })) {
      if (!Array.isArray(list) || list.length !== count) throw expected(`${count} states`, name, list);
    }
    for (const [i, { optimizer, scheduler }] of this.#scheduled.entries()) {
      const { name } = optimizer.constructor;
      if (algorithms[i] !== name) throw expected(`the state of ${name}`, `optimizers[${i}]`, algorithms[i]);
      checkNames(optimizer, optimizers[i] as OptimizerStateDict, i);
      if ((scheduler === undefined) !== (schedulers[i] === null))
        throw expected(scheduler ? 'a state' : 'none', `schedulers[${i}]`, schedulers[i]);
    }
    if ((this.#scaler === undefined) !== (scaler === null))
      throw expected(this.#scaler ? 'a state' : 'none', 'scaler', scaler);
    const before = this.stateDict();
    try {
      this.#load(state);
    } catch (error) {
      this.#load(before);
      throw error;
    }
  }

  /** Frees what the optimizers remember. */
  dispose(): void {
    for (const { optimizer } of this.#scheduled) optimizer.dispose();
    this.#scaler?.dispose();
  }

  #load({ schedulerSteps, totalSteps, optimizers, schedulers, scaler }: OptimizersState): void {
    for (const [i, scheduled] of this.#scheduled.entries()) {
      scheduled.optimizer.loadStateDict(optimizers[i] as OptimizerStateDict);
      if (totalSteps === this.#totalSteps) scheduled.scheduler?.loadStateDict(schedulers[i]);
      else this.#reschedule(scheduled, schedulerSteps);
    }
    if (scaler !== null) this.#scaler?.loadStateDict(scaler);
    this.#steps = schedulerSteps;
  }

  /** A run that was made longer or shorter has the rates of a new schedule, after the steps that it made. */
  #reschedule(scheduled: Scheduled, steps: number): void {
    const { optimizer, schedule } = scheduled;
    if (schedule === undefined || steps === 0) return;
    for (const group of optimizer.paramGroups) group.lr = group.initialLr ?? group.lr;
    scheduled.scheduler = schedule.create(optimizer, this.#totalSteps);
    // Without gradients it changes nothing, but from now on rates may move.
    this.zeroGrad();
    optimizer.step();
    for (let i = 0; i < steps; i++) scheduled.scheduler.step();
  }
}

function hasGradients({ paramGroups }: AnyOptimizer): boolean {
  return paramGroups.some(({ params }) => params.some(({ grad }) => grad !== null));
}

/** Moments belong to parameters by their order, so the order must be the one that was saved. */
function checkNames(optimizer: AnyOptimizer, state: OptimizerStateDict, i: number): void {
  const own = optimizer.paramGroups.flatMap(({ paramNames }) => paramNames ?? []);
  const saved = (state?.param_groups ?? []).flatMap(({ param_names }) => (param_names as string[]) ?? []);
  const differs = own.findIndex((name, at) => name !== saved[at]);
  if (differs < 0 && own.length === saved.length) return;
  const at = differs < 0 ? own.length : differs;
  throw new ArgumentError(
    `optimizers[${i}]: expected the state of ${own[at] ?? 'no more parameters'}, received that of ${saved[at] ?? 'no more'}`,
    'ERR_STATE_DICT',
  );
}
