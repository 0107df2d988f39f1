/**
 * How learning rates change from step to step.
 */
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import { float, int } from '../experiment/types.ts';
import { cos } from '../torch/optim/libm.ts';
import { LambdaLR } from '../torch/optim/schedulersFactor.ts';
import type { AnyOptimizer } from './optimizers.ts';

/** A schedule at work on one optimizer; every scheduler of `xpmir/torch` that counts steps is one. */
export interface RunningScheduler {
  /** Sets the rates of the next step. */
  step(): void;
  /** JSON. */
  stateDict(): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: each takes what it gave
  loadStateDict(state: any): void;
}

/**
 * A schedule. Any of `xpmir/torch` is used by a class of a few lines:
 *
 *     export class Annealing extends config(import.meta, 'my.Annealing', { etaMin: param(float) }, Scheduler) {
 *       create(optimizer: AnyOptimizer, totalSteps: number) {
 *         return new torch.optim.CosineAnnealingLR(optimizer, totalSteps, { etaMin: this.etaMin });
 *       }
 *     }
 */
export abstract class Scheduler extends config(import.meta, 'xpmir.learning.schedulers.Scheduler', {}) {
  /**
   * Begins to work: sets the rates of the first step.
   *
   * @param totalSteps maxEpochs · stepsPerEpoch
   */
  abstract create(optimizer: AnyOptimizer, totalSteps: number): RunningScheduler;
}

/** A schedule that is a function of the step. */
export abstract class FactorScheduler extends config(
  import.meta,
  'xpmir.learning.schedulers.FactorScheduler',
  {},
  Scheduler,
) {
  /**
   * By which the learning rate is multiplied.
   *
   * @param step the step about to be made, from 0
   * @param totalSteps maxEpochs · stepsPerEpoch
   */
  abstract factor(step: number, totalSteps: number): number;

  create(optimizer: AnyOptimizer, totalSteps: number): RunningScheduler {
    return new LambdaLR(optimizer, (step) => this.factor(step, totalSteps));
  }
}

const warmup = { numWarmupSteps: param(int) };

function checkWarmup(steps: number): void {
  if (steps < 0) throw wrong('numWarmupSteps', 'an integer of at least 0', steps);
}

/**
 * Up to the full rate in W steps, then down in a line: s / max(1, W) at first, so the very first step has rate 0; then
 * (f + m) / (1 + m) with f = max(0, (N − s) / max(1, N − W)). It ends at m / (1 + m), which is not m: upstream's formula.
 * W is `numWarmupSteps`, m `minFactor`.
 */
export class LinearWithWarmup extends config(
  import.meta,
  'xpmir.learning.schedulers.LinearWithWarmup',
  { ...warmup, minFactor: param(float, { default: 0, ignoreDefault: true }) },
  FactorScheduler,
) {
  override validate(): void {
    checkWarmup(this.numWarmupSteps);
    if (!(this.minFactor >= 0)) throw wrong('minFactor', 'a number of at least 0', this.minFactor);
  }

  factor(step: number, totalSteps: number): number {
    if (step < this.numWarmupSteps) return step / Math.max(1, this.numWarmupSteps);
    const left = Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - this.numWarmupSteps));
    return (left + this.minFactor) / (1 + this.minFactor);
  }
}

/**
 * Up to the full rate in W steps, then along a cosine: s / max(1, W) at first; then max(0, ½ (1 + cos(2π · cycles · p)))
 * with p = (s − W) / max(1, N − W). W is `numWarmupSteps`; half a cycle goes down once.
 */
export class CosineWithWarmup extends config(
  import.meta,
  'xpmir.learning.schedulers.CosineWithWarmup',
  { ...warmup, numCycles: param(float, { default: 0.5, ignoreDefault: true }) },
  FactorScheduler,
) {
  override validate(): void {
    checkWarmup(this.numWarmupSteps);
    if (!(this.numCycles >= 0)) throw wrong('numCycles', 'a number of at least 0', this.numCycles);
  }

  factor(step: number, totalSteps: number): number {
    if (step < this.numWarmupSteps) return step / Math.max(1, this.numWarmupSteps);
    const progress = (step - this.numWarmupSteps) / Math.max(1, totalSteps - this.numWarmupSteps);
    return Math.max(0, 0.5 * (1 + cos(Math.PI * this.numCycles * 2 * progress)));
  }
}
