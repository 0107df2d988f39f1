/**
 * The optimizers of a run at work, each with its learning rate over time.
 */
import type { Module } from '../torch/nn/module.ts';
import type { Parameter } from '../torch/nn/parameter.ts';
import type { TrainerContext } from './context.ts';
import { GradientHook } from './hooks.ts';
import type { AnyOptimizer } from './optimizers.ts';
import { wrong } from './options.ts';
import { claimParameters, type ParameterOptimizer } from './parameterOptimizer.ts';
import type { Scheduler } from './schedulers.ts';

interface Scheduled {
  readonly optimizer: AnyOptimizer;
  readonly scheduler: Scheduler | undefined;
  /** The rate of each group before any factor. */
  readonly baseRates: readonly number[];
}

export class ScheduledOptimizer {
  #scheduled: readonly Scheduled[] = [];
  #module: Module | undefined;
  #totalSteps = 0;
  /** Steps of the schedulers, which is steps made. */
  #steps = 0;

  /**
   * Gives the parameters out and makes the optimizers.
   *
   * @returns names of the trainable parameters that nobody claimed
   */
  initialize(
    optimizers: readonly ParameterOptimizer[],
    model: Module,
    totalSteps: number,
  ): readonly string[] {
    const { claimed, unclaimed } = claimParameters(optimizers, model);
    this.#module = model;
    this.#totalSteps = totalSteps;
    this.#scheduled = optimizers.map(({ optimizer, scheduler }, i) => {
      const made = optimizer.create(claimed[i] as readonly (readonly [string, Parameter])[]);
      const baseRates = made.paramGroups.map((group) => group.lr);
      if (scheduler !== undefined && baseRates.includes(null)) {
        throw wrong(
          `learner.optimizers[${i}].scheduler`,
          'none, because the optimizer sets its own rate',
          scheduler,
        );
      }
      return { optimizer: made, scheduler, baseRates };
    });
    this.#setRates();
    return unclaimed;
  }

  zeroGrad(): void {
    for (const { optimizer } of this.#scheduled) optimizer.zeroGrad();
    // Parameters that no optimizer owns get gradients too, which clipping would see.
    this.#module?.zeroGrad();
  }

  /** Lets the gradient hooks see the gradients, then updates the parameters. */
  async step(context: TrainerContext): Promise<void> {
    for (const hook of context.hooks(GradientHook)) await hook.gradients(context);
    for (const { optimizer } of this.#scheduled) optimizer.step();
  }

  /** Notes the rates that this step had, then sets those of the next one. */
  schedulerStep(context: TrainerContext): void {
    for (const [i, { optimizer }] of this.#scheduled.entries()) {
      for (const [j, group] of optimizer.paramGroups.entries()) {
        if (group.lr !== null) context.addMetric(`gradient/scheduler/${i + 1}/${j + 1}`, group.lr);
      }
    }
    this.#steps++;
    this.#setRates();
  }

  /** Frees what the optimizers remember. */
  dispose(): void {
    for (const { optimizer } of this.#scheduled) optimizer.dispose();
  }

  #setRates(): void {
    for (const { optimizer, scheduler, baseRates } of this.#scheduled) {
      if (scheduler === undefined) continue;
      const factor = scheduler.factor(this.#steps, this.#totalSteps);
      for (const [i, group] of optimizer.paramGroups.entries()) group.lr = (baseRates[i] as number) * factor;
    }
  }
}
