import { expected } from '../../errors.ts';
import { pow } from './libm.ts';
import type { Optimizer } from './optimizer.ts';
import {
  checkOptimizer,
  type Moment,
  PlannedLR,
  perGroup,
  positive,
  type Schedule,
  within,
} from './scheduler.ts';

/** Where a scheduler goes on from: -1 to begin (the default), or the last step taken. */
export interface LastEpoch {
  readonly lastEpoch?: number;
}

/** From the count of steps to a factor. */
export type LrLambda = (epoch: number) => number;

/** Functions are not part of the state: `null` holds their place, as in PyTorch. */
interface Lambdas {
  lr_lambdas: null[];
}

/** Sets each learning rate to its base times a function of the step. */
export class LambdaLR extends PlannedLR<Lambdas> {
  /** @param lrLambda one function for all groups or one for each */
  constructor(optimizer: Optimizer, lrLambda: LrLambda | readonly LrLambda[], { lastEpoch }: LastEpoch = {}) {
    const factors = lambdas(lrLambda, optimizer);
    const next = (_: Lambdas, { base, epoch, index }: Moment) => base * factors[index]!(epoch);
    super({ next }, { lr_lambdas: factors.map(() => null) }, optimizer, lastEpoch);
  }
}

/** Multiplies each learning rate by a function of the step. */
export class MultiplicativeLR extends PlannedLR<Lambdas> {
  /** @param lrLambda one function for all groups or one for each */
  constructor(optimizer: Optimizer, lrLambda: LrLambda | readonly LrLambda[], { lastEpoch }: LastEpoch = {}) {
    const factors = lambdas(lrLambda, optimizer);
    const next = (_: Lambdas, { lr, epoch, index, initial }: Moment) =>
      initial ? lr : lr * factors[index]!(epoch);
    super({ next }, { lr_lambdas: factors.map(() => null) }, optimizer, lastEpoch);
  }
}

function lambdas(lrLambda: LrLambda | readonly LrLambda[], optimizer: Optimizer): LrLambda[] {
  const functions = perGroup(lrLambda, 'lrLambda', optimizer);
  for (const one of functions) if (typeof one !== 'function') throw expected('a function', 'lrLambda', one);
  return functions;
}

interface Steps {
  step_size: number;
  gamma: number;
}

const steps: Schedule<Steps> = {
  next: ({ step_size, gamma }, { lr, epoch }) => (epoch === 0 || epoch % step_size !== 0 ? lr : lr * gamma),
  closed: ({ step_size, gamma }, base, epoch) => base * pow(gamma, Math.floor(epoch / step_size)),
};

/** Multiplies each learning rate by `gamma` (0.1) every `stepSize` steps. */
export class StepLR extends PlannedLR<Steps> {
  constructor(
    optimizer: Optimizer,
    stepSize: number,
    { gamma = 0.1, lastEpoch }: { gamma?: number } & LastEpoch = {},
  ) {
    const hyper = { step_size: positive(stepSize, 'stepSize'), gamma: within(gamma, 'gamma') };
    super(steps, hyper, optimizer, lastEpoch);
  }
}

interface Milestones {
  /** How often each step is named. */
  milestones: Record<string, number>;
  gamma: number;
}

const milestoneSteps: Schedule<Milestones> = {
  next: ({ milestones, gamma }, { lr, epoch }) => lr * pow(gamma, milestones[epoch] ?? 0),
  closed: ({ milestones, gamma }, base, epoch) => {
    const passed = Object.entries(milestones).filter(([milestone]) => Number(milestone) <= epoch);
    const times = passed.reduce((sum, [, count]) => sum + count, 0);
    return base * pow(gamma, times);
  },
};

/** Multiplies each learning rate by `gamma` (0.1) at every milestone; one that is named twice counts twice. */
export class MultiStepLR extends PlannedLR<Milestones> {
  constructor(
    optimizer: Optimizer,
    milestones: Iterable<number>,
    { gamma = 0.1, lastEpoch }: { gamma?: number } & LastEpoch = {},
  ) {
    const counts: Record<string, number> = {};
    checkOptimizer(optimizer);
    for (const milestone of milestones) {
      if (!Number.isInteger(milestone) || milestone < 0)
        throw expected('an integer from 0', 'milestone', milestone);
      counts[milestone] = (counts[milestone] ?? 0) + 1;
    }
    super(milestoneSteps, { milestones: counts, gamma: within(gamma, 'gamma') }, optimizer, lastEpoch);
  }
}

interface Constant {
  factor: number;
  total_iters: number;
}

const constant: Schedule<Constant> = {
  next: ({ factor, total_iters }, { lr, base, epoch }) => {
    if (epoch === 0) return lr * factor;
    if (epoch !== total_iters) return lr;
    // PyTorch divides by zero here.
    return factor === 0 ? base : lr * (1 / factor);
  },
  closed: ({ factor, total_iters }, base, epoch) =>
    base * (factor + (epoch >= total_iters ? 1 : 0) * (1 - factor)),
};

/** Multiplies each learning rate by `factor` (1/3) during the first `totalIters` (5) steps. */
export class ConstantLR extends PlannedLR<Constant> {
  constructor(
    optimizer: Optimizer,
    { factor = 1 / 3, totalIters = 5, lastEpoch }: { factor?: number; totalIters?: number } & LastEpoch = {},
  ) {
    const hyper = { factor: within(factor, 'factor', 0, 1), total_iters: positive(totalIters, 'totalIters') };
    super(constant, hyper, optimizer, lastEpoch);
  }
}

interface Linear {
  start_factor: number;
  end_factor: number;
  total_iters: number;
}

const linear: Schedule<Linear> = {
  next: ({ start_factor: start, end_factor: end, total_iters: total }, { lr, epoch, initial }) => {
    if (epoch === 0) return lr * start;
    if (initial || epoch > total) return lr;
    return lr * (1 + (end - start) / (total * start + (epoch - 1) * (end - start)));
  },
  closed: ({ start_factor: start, end_factor: end, total_iters: total }, base, epoch) =>
    base * (start + ((end - start) * Math.min(total, epoch)) / total),
};

/** Moves the factor of each learning rate evenly from `startFactor` (1/3) to `endFactor` (1) in `totalIters` (5) steps. */
export class LinearLR extends PlannedLR<Linear> {
  constructor(
    optimizer: Optimizer,
    {
      startFactor = 1 / 3,
      endFactor = 1,
      totalIters = 5,
      lastEpoch,
    }: { startFactor?: number; endFactor?: number; totalIters?: number } & LastEpoch = {},
  ) {
    if (startFactor === 0) throw expected('a number greater than 0', 'startFactor', startFactor);
    const hyper = {
      start_factor: within(startFactor, 'startFactor', 0, 1),
      end_factor: within(endFactor, 'endFactor', 0, 1),
      total_iters: positive(totalIters, 'totalIters'),
    };
    super(linear, hyper, optimizer, lastEpoch);
  }
}

const exponential: Schedule<{ gamma: number }> = {
  next: ({ gamma }, { lr, initial }) => (initial ? lr : lr * gamma),
  closed: ({ gamma }, base, epoch) => base * pow(gamma, epoch),
};

/** Multiplies each learning rate by `gamma` at every step. */
export class ExponentialLR extends PlannedLR<{ gamma: number }> {
  constructor(optimizer: Optimizer, gamma: number, { lastEpoch }: LastEpoch = {}) {
    super(exponential, { gamma: within(gamma, 'gamma') }, optimizer, lastEpoch);
  }
}

interface Polynomial {
  total_iters: number;
  power: number;
}

const polynomial: Schedule<Polynomial> = {
  next: ({ total_iters: total, power }, { lr, epoch, initial }) => {
    if (initial || epoch > total) return lr;
    return lr * pow((1 - epoch / total) / (1 - (epoch - 1) / total), power);
  },
  closed: ({ total_iters: total, power }, base, epoch) =>
    base * pow(1 - Math.min(total, epoch) / total, power),
};

/** Takes each learning rate down to 0 in `totalIters` (5) steps, as `(1 - step / totalIters) ** power` (1). */
export class PolynomialLR extends PlannedLR<Polynomial> {
  constructor(
    optimizer: Optimizer,
    { totalIters = 5, power = 1, lastEpoch }: { totalIters?: number; power?: number } & LastEpoch = {},
  ) {
    const hyper = { total_iters: positive(totalIters, 'totalIters'), power: within(power, 'power') };
    super(polynomial, hyper, optimizer, lastEpoch);
  }
}
