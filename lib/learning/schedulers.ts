/**
 * How learning rates change from step to step.
 */
import { integer, number, optional, readOptions } from './options.ts';

/** Gives the factor by which the learning rate of every step is multiplied. */
export abstract class Scheduler {
  /**
   * @param step the step about to be made, from 0
   * @param totalSteps maxEpochs · stepsPerEpoch
   */
  abstract factor(step: number, totalSteps: number): number;
}

/**
 * Up to the full rate in W steps, then down in a line: s / max(1, W) at first, so the very first step has rate 0; then
 * (f + m) / (1 + m) with f = max(0, (N − s) / max(1, N − W)). It ends at m / (1 + m), which is not m: upstream's formula.
 */
export class LinearWithWarmup extends Scheduler {
  /** W. */
  readonly numWarmupSteps: number;
  /** m, default 0. */
  readonly minFactor: number;

  constructor(options: { readonly numWarmupSteps: number; readonly minFactor?: number }) {
    super();
    const { numWarmupSteps, minFactor } = readOptions('linearWithWarmup', options, {
      numWarmupSteps: integer({ min: 0 }),
      minFactor: optional(number({ min: 0 }), 0),
    });
    this.numWarmupSteps = numWarmupSteps;
    this.minFactor = minFactor;
  }

  factor(step: number, totalSteps: number): number {
    if (step < this.numWarmupSteps) return step / Math.max(1, this.numWarmupSteps);
    const left = Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - this.numWarmupSteps));
    return (left + this.minFactor) / (1 + this.minFactor);
  }
}

/**
 * Up to the full rate in W steps, then along a cosine: s / max(1, W) at first; then max(0, ½ (1 + cos(2π · cycles · p)))
 * with p = (s − W) / max(1, N − W).
 */
export class CosineWithWarmup extends Scheduler {
  /** W. */
  readonly numWarmupSteps: number;
  /** Default 0.5: down once. */
  readonly numCycles: number;

  constructor(options: { readonly numWarmupSteps: number; readonly numCycles?: number }) {
    super();
    const { numWarmupSteps, numCycles } = readOptions('cosineWithWarmup', options, {
      numWarmupSteps: integer({ min: 0 }),
      numCycles: optional(number({ min: 0 }), 0.5),
    });
    this.numWarmupSteps = numWarmupSteps;
    this.numCycles = numCycles;
  }

  factor(step: number, totalSteps: number): number {
    if (step < this.numWarmupSteps) return step / Math.max(1, this.numWarmupSteps);
    const progress = (step - this.numWarmupSteps) / Math.max(1, totalSteps - this.numWarmupSteps);
    return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * 2 * this.numCycles * progress)));
  }
}
