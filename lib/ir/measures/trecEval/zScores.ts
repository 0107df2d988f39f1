/** Scores as deviations from the mean of other runs, in standard deviations (`-Z` of trec_eval). */
import { fieldsOf, scoreOf } from '../../collections/fields.ts';
import { expectSome, forEachLine } from '../../collections/lines.ts';
import { mapIn } from './groupedQrels.ts';

const FIELDS = ['topic', 'measure', 'mean', 'deviation'];

/** Mean and standard deviation of a measure over other runs. */
export interface Distribution {
  readonly mean: number;
  readonly deviation: number;
}

/** Distributions by topic and measure. */
export type ZScores = ReadonlyMap<string, ReadonlyMap<string, Distribution>>;

/** What trec_eval prints where a deviation is not known. */
const MISSING = -1_000_000;

export function zScore(scores: ZScores, topic: string, measure: string, value: number): number {
  const known = scores.get(topic)?.get(measure);
  if (known === undefined) return MISSING;
  const { mean, deviation } = known;
  if (deviation !== 0) return (value - mean) / deviation;
  return value === mean ? 0 : MISSING;
}

/**
 * Reads lines of topic, measure, mean and standard deviation.
 *
 * @throws ArgumentError that names file and line
 */
export async function readZScores(path: string): Promise<ZScores> {
  const scores = new Map<string, Map<string, Distribution>>();
  const lines = await forEachLine(path, (line) => {
    const [topic = '', measure = '', mean = '', deviation = ''] = fieldsOf(line, FIELDS);
    mapIn(scores, topic).set(measure, { mean: scoreOf(mean), deviation: scoreOf(deviation) });
  });
  expectSome(path, lines, 'distribution');
  return scores;
}
