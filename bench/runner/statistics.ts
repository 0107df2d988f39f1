/** What rounds of measurements amount to. */

import { expected } from '../../lib/errors.ts';

/** Costs of one case, in its unit; lower is better everywhere. */
export interface Round {
  readonly ours: number;
  readonly reference: number;
}

/** Medians over rounds. `speedup` is the median of the rounds' own ratios, reference over ours: above 1, ours is better. */
export interface Summary {
  readonly ours: number;
  readonly reference: number;
  readonly speedup: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw expected('at least one number', 'values', values);
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * A ratio is taken within a round, whose two halves ran within the same second: what else the machine did then slowed
 * both. The ratio of two medians would not have that.
 */
export function summarize(rounds: readonly Round[]): Summary {
  const ratios = rounds.map(({ ours, reference }) => reference / ours);
  return {
    ours: median(rounds.map(({ ours }) => ours)),
    reference: median(rounds.map(({ reference }) => reference)),
    speedup: median(ratios),
    min: Math.min(...ratios),
    max: Math.max(...ratios),
    rounds: rounds.length,
  };
}
