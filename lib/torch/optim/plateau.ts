import { expected } from '../../errors.ts';
import type { Optimizer } from './optimizer.ts';
import {
  countOf,
  loadHyper,
  numbers,
  perGroup,
  rateOf,
  Scheduler,
  type SchedulerState,
  within,
} from './scheduler.ts';

export interface ReduceLROnPlateauOptions {
  /** Whether a lower or a higher metric is better ('min'). */
  readonly mode?: 'min' | 'max';
  /** What the learning rate is multiplied by (0.1). */
  readonly factor?: number;
  /** How many steps without improvement are tolerated (10). */
  readonly patience?: number;
  /** What counts as an improvement (1e-4). */
  readonly threshold?: number;
  /** Whether the threshold is a part of the best value or an amount ('rel'). */
  readonly thresholdMode?: 'rel' | 'abs';
  /** How many steps to wait after a reduction (0). */
  readonly cooldown?: number;
  /** The lowest learning rate, for all groups or for each (0). */
  readonly minLr?: number | readonly number[];
  /** A smaller change of the learning rate is not made (1e-8). */
  readonly eps?: number;
}

/** Reduces learning rates when a metric has stopped improving. */
export class ReduceLROnPlateau extends Scheduler {
  readonly #hyper: {
    mode: 'min' | 'max';
    factor: number;
    patience: number;
    threshold: number;
    threshold_mode: 'rel' | 'abs';
    cooldown: number;
    eps: number;
  };
  /** One bound for all groups, those that come later too; null when each has its own. */
  #minimum: number | null;
  #minima: number[];
  #best: number;
  #bad = 0;
  #wait = 0;
  #epoch = 0;

  constructor(optimizer: Optimizer, options: ReduceLROnPlateauOptions = {}) {
    super(optimizer);
    const { mode = 'min', factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = 'rel' } = options;
    const { cooldown = 0, minLr = 0, eps = 1e-8 } = options;
    if (mode !== 'min' && mode !== 'max') throw expected("'min' or 'max'", 'mode', mode);
    if (thresholdMode !== 'rel' && thresholdMode !== 'abs')
      throw expected("'rel' or 'abs'", 'thresholdMode', thresholdMode);
    if (!(factor < 1)) throw expected('a number below 1', 'factor', factor);
    this.#hyper = {
      mode,
      factor: within(factor, 'factor'),
      patience: within(patience, 'patience', 0),
      threshold: within(threshold, 'threshold'),
      threshold_mode: thresholdMode,
      cooldown: within(cooldown, 'cooldown', 0),
      eps: within(eps, 'eps'),
    };
    this.#minimum = typeof minLr === 'number' ? minLr : null;
    this.#minima = perGroup(minLr, 'minLr', optimizer);
    this.#best = this.#worst;
    this.remember();
  }

  get lastEpoch(): number {
    return this.#epoch;
  }

  /** The best metric so far. */
  get best(): number {
    return this.#best;
  }

  /** @param metric what was measured since the last step */
  step(metric: number): void {
    if (typeof metric !== 'number') throw expected('a number', 'metric', metric);
    const { patience, cooldown } = this.#hyper;
    this.#epoch += 1;
    if (this.#isBetter(metric)) {
      this.#best = metric;
      this.#bad = 0;
    } else {
      this.#bad += 1;
    }
    if (this.#wait > 0) {
      this.#wait -= 1;
      this.#bad = 0;
    }
    if (this.#bad > patience) {
      this.#reduce();
      this.#wait = cooldown;
      this.#bad = 0;
    }
    this.remember();
  }

  override stateDict(): SchedulerState {
    return {
      ...this.#hyper,
      default_min_lr: this.#minimum,
      min_lrs: [...this.#minima],
      best: this.#best,
      num_bad_epochs: this.#bad,
      cooldown_counter: this.#wait,
      last_epoch: this.#epoch,
      mode_worse: this.#worst,
      _last_lr: this.getLastLr(),
    };
  }

  /** JSON has no infinity: where `best` is null, nothing was measured yet. */
  override loadStateDict(state: SchedulerState): void {
    const { best, default_min_lr: minimum, min_lrs: minima } = state;
    if (best !== null && typeof best !== 'number')
      throw expected('a number or null', 'best in the state dict', best);
    const epoch = countOf(state.last_epoch, 'last_epoch', 0);
    const bad = countOf(state.num_bad_epochs, 'num_bad_epochs', 0);
    const wait = countOf(state.cooldown_counter, 'cooldown_counter', 0);
    const bounds = numbers(minima, 'min_lrs', this.#minima.length);
    const last = numbers(state._last_lr, '_last_lr', this.optimizer.paramGroups.length);
    loadHyper(this.#hyper, state);
    this.#minimum = typeof minimum === 'number' ? minimum : null;
    this.#minima = bounds;
    this.#best = best ?? this.#worst;
    this.#epoch = epoch;
    this.#bad = bad;
    this.#wait = wait;
    this.remember(last);
  }

  get #worst(): number {
    return this.#hyper.mode === 'min' ? Infinity : -Infinity;
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, threshold_mode } = this.#hyper;
    const best = this.#best;
    if (mode === 'min')
      return metric < (threshold_mode === 'rel' ? best * (1 - threshold) : best - threshold);
    return metric > (threshold_mode === 'rel' ? best * (threshold + 1) : best + threshold);
  }

  #reduce(): void {
    const { factor, eps } = this.#hyper;
    for (const [index, group] of this.optimizer.paramGroups.entries()) {
      const minimum = this.#minima[index] ?? this.#minimum;
      if (minimum === null) throw expected('one value for each parameter group', 'minLr', this.#minima);
      const before = rateOf(group, index);
      const after = Math.max(before * factor, minimum);
      if (before - after > eps) group.lr = after;
    }
  }
}
