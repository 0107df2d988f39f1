/**
 * Measures of a ranking against judgements. Names follow ir-measures: `RR@10`, `R@100`.
 */
import { expected } from '../errors.ts';

/** Judged documents of one topic with their grades; a grade of at least 1 is relevant. */
export type Judgements<D> = ReadonlyMap<D, number>;

/** One number for one topic. */
export interface Measure {
  /** For example `RR@10`. */
  readonly name: string;
  /** Ranking depth beyond which nothing counts; undefined when the whole ranking does. */
  readonly cutoff: number | undefined;
  /** The value for one topic, from documents in ranked order, best first. */
  evaluate<D>(ranking: readonly D[], judgements: Judgements<D>): number;
}

/** Reciprocal rank: 1 / rank of the first relevant document, 0 when none is within the cutoff. */
export function reciprocalRank(cutoff?: number): Measure {
  return measure('RR', cutoff, (ranking, judgements) => {
    const first = ranking.findIndex((doc) => isRelevant(judgements, doc));
    return first < 0 ? 0 : 1 / (first + 1);
  });
}

/** Recall: the share of relevant documents within the cutoff; 0 when the topic has none. */
export function recall(cutoff?: number): Measure {
  return measure('R', cutoff, (ranking, judgements) => {
    let relevant = 0;
    for (const grade of judgements.values()) relevant += grade >= 1 ? 1 : 0;
    const found = new Set(ranking.filter((doc) => isRelevant(judgements, doc))).size;
    return relevant === 0 ? 0 : found / relevant;
  });
}

const MEASURES: Readonly<Record<string, (cutoff?: number) => Measure>> = { RR: reciprocalRank, R: recall };

/** The measure of a name such as `RR@10`. */
export function parseMeasure(name: string): Measure {
  const [, family = '', cutoff] = /^([A-Za-z]+)(?:@([1-9][0-9]*))?$/.exec(name) ?? [];
  const create = Object.hasOwn(MEASURES, family) ? MEASURES[family] : undefined;
  if (create === undefined)
    throw expected(`one of ${Object.keys(MEASURES).join(', ')}, with @cutoff or not`, 'measure', name);
  return create(cutoff === undefined ? undefined : Number(cutoff));
}

/**
 * Evaluates every judged topic; one that the run lacks counts as an empty ranking.
 *
 * @param run ranked documents of each topic, best first
 * @param qrels judgements of each topic
 * @returns by name of the measure, the value of each topic
 */
export function evaluate<T, D>(
  measures: readonly Measure[],
  run: ReadonlyMap<T, readonly D[]>,
  qrels: ReadonlyMap<T, Judgements<D>>,
): Map<string, Map<T, number>> {
  const values = new Map<string, Map<T, number>>();
  for (const each of measures) {
    const perTopic = new Map<T, number>();
    for (const [topic, judgements] of qrels)
      perTopic.set(topic, each.evaluate(run.get(topic) ?? [], judgements));
    values.set(each.name, perTopic);
  }
  return values;
}

function measure(
  family: string,
  cutoff: number | undefined,
  value: <D>(ranking: readonly D[], judgements: Judgements<D>) => number,
): Measure {
  if (cutoff !== undefined && !(Number.isSafeInteger(cutoff) && cutoff >= 1)) {
    throw expected('a positive integer', 'cutoff', cutoff);
  }
  return {
    name: cutoff === undefined ? family : `${family}@${cutoff}`,
    cutoff,
    evaluate: (ranking, judgements) =>
      value(cutoff === undefined ? ranking : ranking.slice(0, cutoff), judgements),
  };
}

function isRelevant<D>(judgements: Judgements<D>, doc: D): boolean {
  return (judgements.get(doc) ?? 0) >= 1;
}
