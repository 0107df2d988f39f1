/** Values of two systems, topic by topic. */
import { ArgumentError, expected } from '../../errors.ts';
import type { Evaluation } from '../measures/evaluate.ts';

/** What is compared, of an {@link Evaluation}. */
export type TopicValues = Pick<Evaluation, 'perTopic'>;

/** A system beside the baseline by one measure. */
export interface PairedValues {
  readonly system: string;
  readonly measure: string;
  /** Number of topics. */
  readonly topics: number;
  readonly baselineMean: number;
  readonly mean: number;
  /** Mean of the system less mean of the baseline. */
  readonly difference: number;
  /** How many topics have a higher, a lower and the same value as with the baseline. */
  readonly wins: number;
  readonly losses: number;
  readonly ties: number;
  /** By topic, the value of the system less that of the baseline. */
  readonly differences: ReadonlyMap<string, number>;
}

/** @throws ArgumentError for fewer than two topics, and for a system that lacks the measure or has other topics */
export function paired(
  system: string,
  measure: string,
  baseline: ReadonlyMap<string, number>,
  { perTopic }: TopicValues,
): PairedValues {
  const values = perTopic.get(measure);
  if (values === undefined) throw new ArgumentError(`System ${system} has no values of measure ${measure}`);
  if (baseline.size < 2) throw expected('at least two topics', `measure ${measure}`, baseline.size);
  const differences = new Map<string, number>();
  for (const [topic, value] of baseline) {
    const other = values.get(topic);
    if (other === undefined)
      throw new ArgumentError(`System ${system} has no topic ${topic}, which the baseline has`);
    differences.set(topic, other - value);
  }
  const more = [...values.keys()].find((topic) => !baseline.has(topic));
  if (more !== undefined)
    throw new ArgumentError(`System ${system} has topic ${more}, which the baseline lacks`);
  const signs = [...differences.values()].map(Math.sign);
  const count = (sign: number) => signs.filter((each) => each === sign).length;
  const [baselineMean, mean] = [meanOf(baseline), meanOf(values)];
  return {
    system,
    measure,
    topics: baseline.size,
    baselineMean,
    mean,
    difference: mean - baselineMean,
    wins: count(1),
    losses: count(-1),
    ties: count(0),
    differences,
  };
}

function meanOf(values: ReadonlyMap<string, number>): number {
  return [...values.values()].reduce((sum, each) => sum + each, 0) / values.size;
}
