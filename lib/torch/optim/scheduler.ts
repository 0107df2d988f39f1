import { ArgumentError, expected } from '../../errors.ts';
import type { BaseOptions } from './algorithm.ts';
import { Optimizer, type ParamGroup } from './optimizer.ts';

/** The state of a scheduler under PyTorch's names; plain values that JSON keeps, except an infinite `best`. */
export type SchedulerState = Record<string, unknown>;

/** What any scheduler is: it belongs to an optimizer, and remembers the learning rates it set last. */
export abstract class Scheduler {
  readonly optimizer: Optimizer;
  #lastLr: readonly number[] = [];

  constructor(optimizer: Optimizer) {
    this.optimizer = checkOptimizer(optimizer);
  }

  /** The learning rate of each group as this scheduler last left it. */
  getLastLr(): number[] {
    return [...this.#lastLr];
  }

  /** Everything that `loadStateDict` needs to go on where this scheduler is, functions excepted. */
  abstract stateDict(): SchedulerState;
  abstract loadStateDict(state: SchedulerState): void;

  protected remember(rates: readonly number[] = this.rates()): void {
    this.#lastLr = [...rates];
  }

  protected rates(): number[] {
    return this.optimizer.paramGroups.map(rateOf);
  }
}

/** A scheduler that counts steps, as opposed to one that watches a metric. */
export abstract class LRScheduler extends Scheduler {
  /** Moves every learning rate on by one step; called after `optimizer.step()`. */
  abstract step(): void;
  /** @internal The first step, which the constructor takes: it counts as step 0. */
  abstract begin(): void;
  /** @internal Goes back by one step without touching learning rates. */
  abstract rewind(): void;
  /** @internal Begins at step 0 in the middle of a sequence; absent where that has no meaning. */
  restart?(): void;
}

/** What a schedule may look at when it decides the learning rate of one group. */
export interface Moment {
  /** The group's learning rate now. */
  readonly lr: number;
  /** The group's learning rate before any scheduler. */
  readonly base: number;
  /** Counts steps from 0. */
  readonly epoch: number;
  /** Whether this is the step that the constructor takes. */
  readonly initial: boolean;
  /** How often the scheduler has stepped, the initial one included. */
  readonly count: number;
  readonly group: ParamGroup<BaseOptions>;
  /** Which group. */
  readonly index: number;
}

/**
 * How learning rates move: everything in which two schedulers differ.
 *
 * `H` are its numbers under PyTorch's names, which the state dict holds. `next` goes from step to step by PyTorch's
 * own recursion, since only that gives the same doubles.
 */
export interface Schedule<H> {
  next(hyper: H, moment: Moment): number;
  /** The same from the base rate alone, where that is possible; taken at the milestones of a sequence. */
  closed?(hyper: H, base: number, epoch: number): number;
  /** Whatever else a step changes in the group. */
  also?(hyper: H, moment: Moment): void;
}

/** A scheduler whose rates follow a {@link Schedule}. */
export abstract class PlannedLR<H extends object> extends LRScheduler {
  protected readonly hyper: H;
  readonly #schedule: Schedule<H>;
  readonly #base: number[];
  #epoch: number;
  #count = 0;
  #initial = false;

  /** @param lastEpoch -1 to begin; the last step taken to go on with an optimizer whose state was loaded */
  constructor(schedule: Schedule<H>, hyper: H, optimizer: Optimizer, lastEpoch = -1) {
    super(optimizer);
    if (!Number.isInteger(lastEpoch) || lastEpoch < -1)
      throw expected('an integer from -1', 'lastEpoch', lastEpoch);
    this.#schedule = schedule;
    this.hyper = hyper;
    this.#base = optimizer.paramGroups.map((group, index) => {
      if (lastEpoch === -1) group.initialLr ??= rateOf(group, index);
      if (group.initialLr === undefined) {
        throw new ArgumentError(
          `initialLr is not specified in paramGroups[${index}] when resuming a scheduler`,
        );
      }
      return group.initialLr;
    });
    this.#epoch = lastEpoch;
    this.begin();
  }

  /** How many steps were taken, the initial one not counted. */
  get lastEpoch(): number {
    return this.#epoch;
  }

  override step(): void {
    if (this.#count === 1 && !this.optimizer.stepped) {
      process.emitWarning(
        'scheduler.step() was called before optimizer.step(), which skips the first value of the learning rate schedule',
        { code: 'XPMIR_SCHEDULER_ORDER' },
      );
    }
    this.#count += 1;
    this.moveTo(this.#epoch + 1);
  }

  override begin(): void {
    this.#count = 0;
    this.#initial = true;
    try {
      this.step();
    } finally {
      this.#initial = false;
    }
  }

  override rewind(): void {
    this.#epoch -= 1;
  }

  override restart(): void {
    const { closed } = this.#schedule;
    if (closed === undefined) {
      this.moveTo(0);
      return;
    }
    this.#epoch = 0;
    this.#set(this.#base.map((base) => closed(this.hyper, base, 0)));
  }

  override stateDict(): SchedulerState {
    return {
      ...structuredClone(this.hyper),
      base_lrs: [...this.#base],
      last_epoch: this.#epoch,
      _step_count: this.#count,
      _last_lr: this.getLastLr(),
    };
  }

  override loadStateDict(state: SchedulerState): void {
    const { base_lrs, last_epoch, _step_count, _last_lr } = state;
    const groups = this.optimizer.paramGroups.length;
    const [epoch, count] = [countOf(last_epoch, 'last_epoch', -1), countOf(_step_count, '_step_count', 0)];
    const [base, last] = [numbers(base_lrs, 'base_lrs', groups), numbers(_last_lr, '_last_lr', groups)];
    loadHyper(this.hyper, state);
    this.#base.splice(0, groups, ...base);
    this.#epoch = epoch;
    this.#count = count;
    this.remember(last);
  }

  /** Sets the learning rates of one step. */
  protected moveTo(epoch: number): void {
    this.#epoch = epoch;
    const moments = this.optimizer.paramGroups.map((group, index): Moment => {
      const base = this.#base[index];
      if (base === undefined)
        throw new ArgumentError(`parameter group ${index} was added after the scheduler was made`);
      return {
        lr: rateOf(group, index),
        base,
        epoch,
        initial: this.#initial,
        count: this.#count,
        group,
        index,
      };
    });
    const rates = moments.map((moment) => this.#schedule.next(this.hyper, moment));
    for (const moment of moments) this.#schedule.also?.(this.hyper, moment);
    this.#set(rates);
  }

  #set(rates: readonly number[]): void {
    for (const [index, lr] of rates.entries()) this.optimizer.paramGroups[index]!.lr = lr;
    this.remember();
  }
}

/** The learning rate of a group; a scheduler cannot work where the optimizer chooses its own. */
export function rateOf(group: ParamGroup<BaseOptions>, index: number): number {
  if (typeof group.lr !== 'number') throw expected('a number', `lr of paramGroups[${index}]`, group.lr);
  return group.lr;
}

/** Checks what a scheduler is made for, before anything of it is read. */
export function checkOptimizer(optimizer: Optimizer): Optimizer {
  if (!(optimizer instanceof Optimizer)) throw expected('an Optimizer', 'optimizer', optimizer);
  return optimizer;
}

/** One value for each group, from a value for all or an array. */
export function perGroup<T>(value: T | readonly T[], name: string, optimizer: Optimizer): T[] {
  const groups = checkOptimizer(optimizer).paramGroups.length;
  if (!Array.isArray(value)) return Array.from({ length: groups }, () => value as T);
  if (value.length !== groups) throw expected(`${groups} values, one for each parameter group,`, name, value);
  return [...value];
}

/** Checks a positive integer. */
export function positive(value: unknown, name: string): number {
  if (!Number.isInteger(value) || (value as number) <= 0) throw expected('a positive integer', name, value);
  return value as number;
}

/** Checks a finite number within bounds. */
export function within(value: unknown, name: string, low = -Infinity, high = Infinity): number {
  if (typeof value !== 'number' || !(value >= low && value <= high)) {
    const range =
      low === -Infinity
        ? 'a number'
        : high === Infinity
          ? `a number from ${low}`
          : `a number from ${low} to ${high}`;
    throw expected(range, name, value);
  }
  return value;
}

/** Takes over those values of a state dict that a schedule has, each of the same kind as its own. */
export function loadHyper(hyper: object, state: SchedulerState): void {
  const own = hyper as Record<string, unknown>;
  const loaded = Object.keys(own).filter((name) => Object.hasOwn(state, name) && state[name] !== null);
  for (const name of loaded) {
    if (kind(state[name]) !== kind(own[name]))
      throw expected(kind(own[name]), `${name} in the state dict`, state[name]);
  }
  for (const name of loaded) own[name] = structuredClone(state[name]);
}

function kind(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return value === null ? 'null' : typeof value;
}

/** Checks a count in a state dict. */
export function countOf(value: unknown, name: string, least: number): number {
  if (!Number.isInteger(value) || (value as number) < least)
    throw expected('an integer', `${name} in the state dict`, value);
  return value as number;
}

/** Checks an array of numbers in a state dict. */
export function numbers(value: unknown, name: string, length: number): number[] {
  const fits =
    Array.isArray(value) && value.length === length && value.every((one) => typeof one === 'number');
  if (!fits) throw expected(`${length} numbers`, `${name} in the state dict`, value);
  return [...(value as number[])];
}
