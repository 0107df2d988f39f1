/** Values of measures for the topics of a run, and over them. */
import { ArgumentError, expected } from '../../errors.ts';
import { checkOptions } from '../../options.ts';
import type { Qrels, Run } from '../types.ts';
import { noneJudged } from './joined.ts';
import { checkDepth, JudgedRanking, type RankingOptions } from './judgedRanking.ts';
import type { Measure } from './measure.ts';
import { parseMeasure } from './parseMeasure.ts';
import type { Scores } from './ranking.ts';

export interface EvaluateOptions extends RankingOptions {
  /**
   * Over which topics values go: all that are judged, where one that the run lacks has an empty ranking, so 0 for most measures
   * (`judged`, the default, as ir_measures and trec_eval's `-c` do), or those in the run too (`both`, as trec_eval does without it).
   * Topics without judgements never count.
   */
  readonly topics?: 'judged' | 'both';
}

/** What measures say of one run. */
export interface Evaluation {
  /** By name of the measure, the value of each topic, in the order of the judgements. */
  readonly perTopic: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** By name of the measure, the mean over topics; the sum for counts (`NumRet`, `NumRel`, `NumQ`). */
  readonly aggregates: ReadonlyMap<string, number>;
  /** Judged topics that the run lacks. */
  readonly missing: readonly string[];
  /** Topics of the run without judgements. */
  readonly unjudged: readonly string[];
}

/**
 * What measures say of a run.
 *
 * @param measures measures or their names, such as `nDCG@10` (see {@link parseMeasure})
 * @throws ArgumentError for a score that is no number, a grade that is no integer, where there is no topic to evaluate, and for a
 * run none of whose topics is judged
 */
export function evaluate(
  measures: readonly (Measure | string)[],
  run: Run,
  qrels: Qrels,
  options: EvaluateOptions = {},
): Evaluation {
  const evaluator = new RunEvaluator(measures, qrels, options);
  for (const [topic, scores] of run) evaluator.add(topic, scores);
  return evaluator.result();
}

/** Evaluates a run topic by topic: rankings are gone once they are measured, so that a validation never holds a whole run. */
export class RunEvaluator {
  readonly measures: readonly Measure[];
  readonly #qrels: Qrels;
  readonly #options: EvaluateOptions;
  readonly #values = new Map<string, readonly number[]>();
  readonly #unjudged = new Set<string>();

  constructor(measures: readonly (Measure | string)[], qrels: Qrels, options: EvaluateOptions = {}) {
    const { topics } = checkOptions('evaluate', options, ['depth', 'judgedOnly', 'float32', 'topics']);
    checkDepth(options);
    if (topics !== undefined && topics !== 'judged' && topics !== 'both')
      throw expected("'judged' or 'both'", 'topics', topics);
    this.measures = measures.map((each) => (typeof each === 'string' ? parseMeasure(each) : each));
    const names = this.measures.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice !== undefined) throw new ArgumentError(`Measure ${twice} is there twice`);
    this.#qrels = qrels;
    this.#options = options;
  }

  /**
   * Measures the ranking of a topic.
   *
   * @param scores scores by document, or scored documents, in any order
   * @returns by name of the measure its value; undefined where the topic has no judgements
   * @throws ArgumentError for a topic that was added before
   */
  add(topic: string, scores: Scores): ReadonlyMap<string, number> | undefined {
    if (this.#values.has(topic) || this.#unjudged.has(topic))
      throw new ArgumentError(`Topic ${topic} is there twice`);
    const judgements = this.#qrels.get(topic);
    if (judgements === undefined) {
      this.#unjudged.add(topic);
      return undefined;
    }
    const values = this.#measure(topic, scores, judgements);
    this.#values.set(topic, values);
    return new Map(this.measures.map(({ name }, i) => [name, values[i] as number]));
  }

  #measure(topic: string, scores: Scores, judgements: ReadonlyMap<string, number>): number[] {
    const ranking = JudgedRanking.of(topic, scores, judgements, this.#options);
    return this.measures.map((measure) => measure.evaluate(ranking));
  }

  /**
   * What the measures say of the topics until now. More may be added after.
   *
   * @throws ArgumentError where there were topics, and none of them is judged
   */
  result(): Evaluation {
    const { topics = 'judged' } = this.#options;
    if (this.#values.size === 0 && this.#unjudged.size > 0 && this.#qrels.size > 0)
      throw noneJudged(this.#unjudged, this.#qrels);
    const rows: (readonly [string, readonly number[]])[] = [];
    const missing: string[] = [];
    for (const [topic, judgements] of this.#qrels) {
      const values = this.#values.get(topic);
      if (values === undefined) missing.push(topic);
      if (values !== undefined) rows.push([topic, values]);
      else if (topics === 'judged') rows.push([topic, this.#measure(topic, [], judgements)]);
    }
    if (rows.length === 0)
      throw new ArgumentError(
        topics === 'both'
          ? 'Expected a topic with judgements in the run but there is none'
          : 'Expected judgements of at least one topic but received none',
      );
    const perTopic = new Map<string, ReadonlyMap<string, number>>();
    const aggregates = new Map<string, number>();
    for (const [i, { name, aggregate }] of this.measures.entries()) {
      perTopic.set(name, new Map(rows.map(([topic, values]) => [topic, values[i] as number])));
      const sum = rows.reduce((total, [, values]) => total + (values[i] as number), 0);
      aggregates.set(name, aggregate === 'sum' ? sum : sum / rows.length);
    }
    return { perTopic, aggregates, missing, unjudged: [...this.#unjudged] };
  }
}
