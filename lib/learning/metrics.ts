/**
 * Means of what training measures.
 */
import { expected } from '../errors.ts';

/** Sums and counts by key. */
export type MetricsState = readonly (readonly [key: string, sum: number, count: number])[];

/** Values under keys, each weighted by how many records it stands for: the mean is Σ value · count / Σ count. */
export class Metrics {
  readonly #sums = new Map<string, { sum: number; count: number }>();
  /** Records learnt from. */
  samples = 0;

  /**
   * @param value a mean over `count` records
   * @param count how many records, more than 0; default 1
   */
  add(key: string, value: number, count = 1): void {
    if (typeof value !== 'number') throw expected('a number', `metric ${key}`, value);
    if (!(count > 0)) throw expected('a number greater than 0', `count of metric ${key}`, count);
    this.#plus(key, value * count, count);
  }

  /** Adds all that the other holds. */
  merge(other: Metrics): void {
    for (const [key, { sum, count }] of other.#sums) this.#plus(key, sum, count);
    this.samples += other.samples;
  }

  /** The mean of each key, in the order in which the keys came. */
  means(): Map<string, number> {
    return new Map([...this.#sums].map(([key, { sum, count }]) => [key, sum / count]));
  }

  stateDict(): MetricsState {
    return Array.from(this.#sums, ([key, { sum, count }]) => [key, sum, count] as const);
  }

  static fromState(state: MetricsState): Metrics {
    const metrics = new Metrics();
    for (const [key, sum, count] of state) metrics.#plus(key, sum, count);
    return metrics;
  }

  #plus(key: string, sum: number, count: number): void {
    const total = this.#sums.get(key);
    if (total === undefined) this.#sums.set(key, { sum, count });
    else {
      total.sum += sum;
      total.count += count;
    }
  }
}
