import { ArgumentError, expected } from '../../errors.ts';
import { camelCase } from '../naming.ts';
import { cos } from './libm.ts';
import type { GroupFields, Optimizer } from './optimizer.ts';
import {
  checkOptimizer,
  type Moment,
  PlannedLR,
  perGroup,
  positive,
  type Schedule,
  within,
} from './scheduler.ts';
import type { LastEpoch } from './schedulersFactor.ts';

interface Annealing {
  T_max: number;
  eta_min: number;
}

const annealing: Schedule<Annealing> = {
  next: ({ T_max, eta_min }, { lr, base, epoch, initial, count }) => {
    if (initial) return lr;
    if (count === 1 && epoch > 0)
      return eta_min + ((base - eta_min) * (1 + cos((epoch * Math.PI) / T_max))) / 2;
    if ((epoch - 1 - T_max) % (2 * T_max) === 0)
      return lr + ((base - eta_min) * (1 - cos(Math.PI / T_max))) / 2;
    const now = 1 + cos((Math.PI * epoch) / T_max);
    const before = 1 + cos((Math.PI * (epoch - 1)) / T_max);
    return (now / before) * (lr - eta_min) + eta_min;
  },
  closed: ({ T_max, eta_min }, base, epoch) =>
    eta_min + ((base - eta_min) * (1 + cos((Math.PI * epoch) / T_max))) / 2,
};

/** Takes each learning rate down to `etaMin` (0) along half a cosine of `tMax` steps, and then up again. */
export class CosineAnnealingLR extends PlannedLR<Annealing> {
  constructor(
    optimizer: Optimizer,
    tMax: number,
    { etaMin = 0, lastEpoch }: { etaMin?: number } & LastEpoch = {},
  ) {
    const hyper = { T_max: positive(tMax, 'tMax'), eta_min: within(etaMin, 'etaMin') };
    super(annealing, hyper, optimizer, lastEpoch);
  }
}

interface Restarts extends Record<'T_0' | 'T_i' | 'T_mult' | 'T_cur' | 'eta_min', number> {}

const restarts: Schedule<Restarts> = {
  next: ({ T_i, T_cur, eta_min }, { base }) =>
    eta_min + ((base - eta_min) * (1 + cos((Math.PI * T_cur) / T_i))) / 2,
};

/** Anneals along half a cosine of `t0` steps and begins anew, each time `tMult` (1) times as long (SGDR). */
export class CosineAnnealingWarmRestarts extends PlannedLR<Restarts> {
  constructor(
    optimizer: Optimizer,
    t0: number,
    { tMult = 1, etaMin = 0, lastEpoch = -1 }: { tMult?: number; etaMin?: number } & LastEpoch = {},
  ) {
    positive(t0, 't0');
    const hyper = {
      T_0: t0,
      T_i: t0,
      T_mult: positive(tMult, 'tMult'),
      T_cur: lastEpoch,
      eta_min: within(etaMin, 'etaMin'),
    };
    super(restarts, hyper, optimizer, lastEpoch);
  }

  /** As in PyTorch, `_step_count` in the state dict stays 0. */
  override step(): void {
    const { hyper } = this;
    hyper.T_cur = this.lastEpoch < 0 ? 0 : hyper.T_cur + 1;
    if (this.lastEpoch < 0) {
      hyper.T_i = hyper.T_0;
    } else if (hyper.T_cur >= hyper.T_i) {
      hyper.T_cur %= hyper.T_i;
      hyper.T_i *= hyper.T_mult;
    }
    this.moveTo(this.lastEpoch + 1);
  }
}

/** A part of one cycle: up to which step, and between which fields of a group (by PyTorch's names). */
interface Phase {
  end_step: number;
  start_lr: string;
  end_lr: string;
  start_momentum: string;
  end_momentum: string;
}

interface OneCycle {
  total_steps: number;
  _schedule_phases: Phase[];
  _anneal_func_type: 'cos' | 'linear';
  cycle_momentum: boolean;
  /** Only where momentum moves. */
  use_beta1?: boolean;
}

export interface OneCycleOptions extends LastEpoch {
  /** How many steps there are; or else give `epochs` and `stepsPerEpoch`. */
  readonly totalSteps?: number;
  readonly epochs?: number;
  readonly stepsPerEpoch?: number;
  /** The part of the cycle in which the learning rate grows (0.3). */
  readonly pctStart?: number;
  readonly annealStrategy?: 'cos' | 'linear';
  /** Whether momentum, or Adam's first beta, moves the other way (true). */
  readonly cycleMomentum?: boolean;
  /** The lowest momentum, for all groups or for each (0.85). */
  readonly baseMomentum?: number | readonly number[];
  /** The highest momentum, for all groups or for each (0.95). */
  readonly maxMomentum?: number | readonly number[];
  /** The first learning rate is `maxLr / divFactor` (25). */
  readonly divFactor?: number;
  /** The last learning rate is the first one divided by this (10000). */
  readonly finalDivFactor?: number;
  /** Whether the way down has a phase of its own back to the first learning rate (false). */
  readonly threePhase?: boolean;
}

const oneCycle: Schedule<OneCycle> = {
  next: (hyper, moment) => anneal(hyper, moment, 'lr'),
  also: (hyper, moment) => {
    if (hyper.cycle_momentum)
      setMomentum(moment.group, hyper.use_beta1 === true, anneal(hyper, moment, 'momentum'));
  },
};

/** One cycle of the learning rate up to `maxLr` and down, with momentum the other way round (Smith and Topin, 2019). */
export class OneCycleLR extends PlannedLR<OneCycle> {
  /** @param maxLr the highest learning rate, for all groups or for each */
  constructor(optimizer: Optimizer, maxLr: number | readonly number[], options: OneCycleOptions = {}) {
    super(oneCycle, prepare(optimizer, maxLr, options), optimizer, options.lastEpoch);
  }
}

/** Checks the options and sets the fields of every group that the phases name. */
function prepare(
  optimizer: Optimizer,
  maxLr: number | readonly number[],
  options: OneCycleOptions,
): OneCycle {
  const {
    pctStart = 0.3,
    annealStrategy = 'cos',
    cycleMomentum = true,
    divFactor = 25,
    finalDivFactor = 1e4,
  } = options;
  const { baseMomentum = 0.85, maxMomentum = 0.95, threePhase = false, lastEpoch = -1 } = options;
  const total = totalSteps(options);
  within(pctStart, 'pctStart', 0, 1);
  if (annealStrategy !== 'cos' && annealStrategy !== 'linear') {
    throw expected("'cos' or 'linear'", 'annealStrategy', annealStrategy);
  }
  const usesBeta = 'betas' in checkOptimizer(optimizer).defaults;
  if (cycleMomentum && !usesBeta && !('momentum' in optimizer.defaults)) {
    throw new ArgumentError('optimizer must support momentum or betas with cycleMomentum: true');
  }
  if (lastEpoch === -1) {
    const rates = perGroup(maxLr, 'maxLr', optimizer);
    const [low, high] = [
      perGroup(baseMomentum, 'baseMomentum', optimizer),
      perGroup(maxMomentum, 'maxMomentum', optimizer),
    ];
    for (const [index, group] of optimizer.paramGroups.entries()) {
      const initialLr = within(rates[index], 'maxLr') / within(divFactor, 'divFactor');
      Object.assign(group, {
        initialLr,
        maxLr: rates[index],
        minLr: initialLr / within(finalDivFactor, 'finalDivFactor'),
      });
      if (!cycleMomentum) continue;
      setMomentum(group, usesBeta, within(high[index], 'maxMomentum', 0, 1));
      Object.assign(group, {
        maxMomentum: high[index],
        baseMomentum: within(low[index], 'baseMomentum', 0, 1),
      });
    }
  }
  return {
    total_steps: total,
    _schedule_phases: threePhase ? threePhases(pctStart, total) : twoPhases(pctStart, total),
    _anneal_func_type: annealStrategy,
    cycle_momentum: cycleMomentum,
    ...(cycleMomentum ? { use_beta1: usesBeta } : {}),
  };
}

function totalSteps({ totalSteps, epochs, stepsPerEpoch }: OneCycleOptions): number {
  if (totalSteps !== undefined) return positive(totalSteps, 'totalSteps');
  if (epochs === undefined || stepsPerEpoch === undefined) {
    throw new ArgumentError('You must define either totalSteps or epochs and stepsPerEpoch');
  }
  return positive(epochs, 'epochs') * positive(stepsPerEpoch, 'stepsPerEpoch');
}

function twoPhases(pctStart: number, total: number): Phase[] {
  return [phase(pctStart * total - 1, 'initial', 'max'), phase(total - 1, 'max', 'min')];
}

function threePhases(pctStart: number, total: number): Phase[] {
  return [
    phase(pctStart * total - 1, 'initial', 'max'),
    phase(2 * pctStart * total - 2, 'max', 'initial'),
    phase(total - 1, 'initial', 'min'),
  ];
}

/** Momentum is lowest where the learning rate is highest. */
function phase(end_step: number, from: string, to: string): Phase {
  const momentum = (rate: string) => (rate === 'max' ? 'base_momentum' : 'max_momentum');
  return {
    end_step,
    start_lr: `${from}_lr`,
    end_lr: `${to}_lr`,
    start_momentum: momentum(from),
    end_momentum: momentum(to),
  };
}

function anneal(hyper: OneCycle, { epoch, group }: Moment, what: 'lr' | 'momentum'): number {
  const { total_steps, _schedule_phases: phases, _anneal_func_type: strategy } = hyper;
  if (epoch > total_steps) {
    throw new ArgumentError(
      `Tried to step ${epoch} times. The specified number of total steps is ${total_steps}`,
    );
  }
  const found = phases.findIndex(({ end_step }) => epoch <= end_step);
  const index = found < 0 ? phases.length - 1 : found;
  const begin = phases[index - 1]?.end_step ?? 0;
  const now = phases[index]!;
  const [start, end] = [field(group, now[`start_${what}`]), field(group, now[`end_${what}`])];
  const part = (epoch - begin) / (now.end_step - begin);
  return strategy === 'cos'
    ? end + ((start - end) / 2) * (cos(Math.PI * part) + 1)
    : (end - start) * part + start;
}

function field(group: GroupFields, name: string): number {
  const value = (group as Record<string, unknown>)[camelCase(name)];
  if (typeof value !== 'number') throw expected('a number', `${camelCase(name)} of a parameter group`, value);
  return value;
}

function setMomentum(group: object, usesBeta: boolean, momentum: number): void {
  if (!usesBeta) Object.assign(group, { momentum });
  else Object.assign(group, { betas: [momentum, (group as { betas: readonly [number, number] }).betas[1]] });
}
