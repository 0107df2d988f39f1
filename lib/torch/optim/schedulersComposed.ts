import { ArgumentError, expected } from '../../errors.ts';
import type { Optimizer } from './optimizer.ts';
import { countOf, LRScheduler, numbers, type SchedulerState } from './scheduler.ts';

/** Runs one scheduler after the other: each begins at its milestone, as if the steps before had not been. */
export class SequentialLR extends LRScheduler {
  readonly #schedulers: readonly LRScheduler[];
  #milestones: number[];
  #epoch = 0;

  /** @param milestones the steps at which the second and every later scheduler begin, in ascending order */
  constructor(optimizer: Optimizer, schedulers: readonly LRScheduler[], milestones: readonly number[]) {
    super(optimizer);
    this.#schedulers = members(schedulers, optimizer, 'SequentialLR');
    if (milestones.length !== schedulers.length - 1) {
      throw expected(`${schedulers.length - 1} steps, one fewer than schedulers,`, 'milestones', milestones);
    }
    for (const [index, milestone] of milestones.entries()) {
      const least = index === 0 ? 1 : milestones[index - 1]! + 1;
      if (!Number.isInteger(milestone) || milestone < least) {
        throw expected(`an integer from ${least}`, `milestones[${index}]`, milestone);
      }
      if (schedulers[index + 1]!.restart === undefined) {
        throw expected('a scheduler that is not composed', `schedulers[${index + 1}]`, schedulers[index + 1]);
      }
    }
    this.#milestones = [...milestones];
    // Every scheduler has taken its initial step when it was made; all but the first must not have.
    for (const group of optimizer.paramGroups) group.lr = group.initialLr!;
    this.rewind();
    this.#schedulers[0]!.begin();
    this.remember(this.#schedulers[0]!.getLastLr());
  }

  override step(): void {
    this.#epoch += 1;
    const index = this.#milestones.filter((milestone) => milestone <= this.#epoch).length;
    const scheduler = this.#schedulers[index]!;
    if (index > 0 && this.#milestones[index - 1] === this.#epoch) scheduler.restart!();
    else scheduler.step();
    this.remember(scheduler.getLastLr());
  }

  override begin(): void {
    this.step();
  }

  override rewind(): void {
    for (const scheduler of this.#schedulers) scheduler.rewind();
  }

  override stateDict(): SchedulerState {
    return {
      _milestones: [...this.#milestones],
      last_epoch: this.#epoch,
      _last_lr: this.getLastLr(),
      _schedulers: this.#schedulers.map((scheduler) => scheduler.stateDict()),
    };
  }

  override loadStateDict(state: SchedulerState): void {
    const epoch = countOf(state.last_epoch, 'last_epoch', 0);
    const milestones = numbers(state._milestones, '_milestones', this.#milestones.length);
    const last = numbers(state._last_lr, '_last_lr', this.optimizer.paramGroups.length);
    loadMembers(this.#schedulers, state._schedulers);
    this.#epoch = epoch;
    this.#milestones = milestones;
    this.remember(last);
  }
}

/** Runs several schedulers at once: each multiplies what the ones before it left. */
export class ChainedScheduler extends LRScheduler {
  readonly #schedulers: readonly LRScheduler[];

  constructor(
    schedulers: readonly LRScheduler[],
    optimizer: Optimizer | undefined = schedulers[0]?.optimizer,
  ) {
    if (optimizer === undefined) throw expected('at least one scheduler', 'schedulers', schedulers);
    super(optimizer);
    this.#schedulers = members(schedulers, optimizer, 'ChainedScheduler');
    this.remember();
  }

  override step(): void {
    for (const scheduler of this.#schedulers) scheduler.step();
    this.remember();
  }

  override begin(): void {
    this.step();
  }

  override rewind(): void {
    for (const scheduler of this.#schedulers) scheduler.rewind();
  }

  override stateDict(): SchedulerState {
    return {
      _last_lr: this.getLastLr(),
      _schedulers: this.#schedulers.map((scheduler) => scheduler.stateDict()),
    };
  }

  override loadStateDict(state: SchedulerState): void {
    const last = numbers(state._last_lr, '_last_lr', this.optimizer.paramGroups.length);
    loadMembers(this.#schedulers, state._schedulers);
    this.remember(last);
  }
}

function members(schedulers: readonly LRScheduler[], optimizer: Optimizer, owner: string): LRScheduler[] {
  if (!Array.isArray(schedulers) || schedulers.length === 0) {
    throw expected('at least one scheduler', 'schedulers', schedulers);
  }
  for (const [index, scheduler] of schedulers.entries()) {
    if (!(scheduler instanceof LRScheduler))
      throw expected('a scheduler that counts steps', `schedulers[${index}]`, scheduler);
    if (scheduler.optimizer !== optimizer) {
      throw new ArgumentError(
        `${owner} expects all schedulers to belong to the same optimizer, but schedulers[${index}] does not`,
      );
    }
  }
  return [...schedulers];
}

function loadMembers(schedulers: readonly LRScheduler[], states: unknown): void {
  if (!Array.isArray(states) || states.length !== schedulers.length) {
    throw expected(`${schedulers.length} state dicts`, '_schedulers in the state dict', states);
  }
  for (const [index, scheduler] of schedulers.entries())
    scheduler.loadStateDict(states[index] as SchedulerState);
}
