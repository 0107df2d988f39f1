/** What trec_eval prints of a run, line by line. */
import { ArgumentError, expected } from '../../../errors.ts';
import { checkOptions } from '../../../options.ts';
import type { Qrels, Run } from '../../types.ts';
import { noneJudged } from '../joined.ts';
import { checkDepth, JudgedRanking, type RankingOptions } from '../judgedRanking.ts';
import { compareIds } from '../ranking.ts';
import type { Column, NumberColumn, TextColumn } from './columns.ts';
import { printCount, printLine, printReal } from './print.ts';
import { columnsOf } from './select.ts';
import { type ZScores, zScore } from './zScores.ts';

/** Judgements of several groups, such as users: by topic, group and document. */
export type GroupedQrels = ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, number>>>;

/** Options of trec_eval; the letter is its own. */
export interface TrecEvalOptions extends RankingOptions {
  /** Measures as `-m` takes them; default `['official']`. */
  readonly measures?: readonly string[];
  /** Lines for each topic too; default false (`-q`). */
  readonly perTopic?: boolean;
  /** Lines for all topics; default true (`-n` leaves them out). */
  readonly summary?: boolean;
  /** Topics that the run lacks count, as if one document without a judgement was retrieved; default false (`-c`). */
  readonly complete?: boolean;
  /** The lowest grade that is relevant; default 1 (`-l`). */
  readonly level?: number;
  /** How many documents the collection has, for `utility`; default 0 (`-N`). */
  readonly documents?: number;
  /** Values become deviations from means of other runs (`-Z`). */
  readonly zScores?: ZScores;
}

/**
 * The lines that trec_eval 10 prints.
 *
 * @param runId the name that the run's file gives it, printed as `runid`
 * @throws ArgumentError for unknown measures, wrong scores or grades, and where no topic is in both, with `complete` too
 */
export function trecEval(runId: string, run: Run, qrels: Qrels, options: TrecEvalOptions = {}): string[] {
  const groups = new Map([...qrels].map(([topic, judgements]) => [topic, new Map([['', judgements]])]));
  return report('qrels', runId, run, groups, options);
}

/** The same for judgements of several groups, whose measures are `map_avgjg`, `P_avgjg` and `Rprec_mult_avgjg` (`-R qrels_jg`). */
export function trecEvalGroups(
  runId: string,
  run: Run,
  qrels: GroupedQrels,
  options: TrecEvalOptions = {},
): string[] {
  return report('qrels_jg', runId, run, qrels, options);
}

function report(
  judgements: 'qrels' | 'qrels_jg',
  runId: string,
  run: Run,
  qrels: GroupedQrels,
  options: TrecEvalOptions,
): string[] {
  const { measures = ['official'], perTopic = false, summary = true, complete = false } = options;
  const { level = 1, documents = 0, zScores } = checked(options);
  const columns = columnsOf(measures, judgements, { level, documents });
  const prefix = zScores === undefined ? '' : 'Z';
  if (run.size > 0 && qrels.size > 0 && ![...run.keys()].some((topic) => qrels.has(topic)))
    throw noneJudged(run, qrels);
  const lines: string[] = [];
  const rows: Row[] = [];
  for (const topic of [...qrels.keys()].sort(compareIds)) {
    const scores = run.get(topic);
    if (scores === undefined && !complete) continue;
    const groups = [...(qrels.get(topic) as ReadonlyMap<string, ReadonlyMap<string, number>>)];
    const rankings = groups
      .sort(([a], [b]) => compareIds(a, b))
      .map(([, each]) => JudgedRanking.of(topic, scores ?? NOTHING_FOUND, each, options));
    const row = columns.map((column) => {
      const value = cell(column, rankings, scores === undefined);
      return zScores === undefined || typeof value === 'string'
        ? value
        : zScore(zScores, topic, column.name, value);
    });
    rows.push(row);
    if (perTopic) lines.push(...topicLines(columns, topic, row, prefix));
  }
  if (rows.length === 0)
    throw new ArgumentError('Expected a topic with judgements in the run but there is none');
  if (summary) lines.push(...summaryLines(columns, runId, rows, qrels, { complete, prefix }));
  return lines;
}

const OPTIONS = [
  ...['measures', 'perTopic', 'summary', 'complete', 'level', 'documents', 'zScores'],
  ...['depth', 'judgedOnly', 'float32'],
];

function checked(options: TrecEvalOptions): TrecEvalOptions {
  const { level, documents } = checkOptions('trecEval', options, OPTIONS);
  checkDepth(options);
  for (const [name, value] of Object.entries({ level, documents })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
      throw expected('an integer of at least 0', name, value);
  }
  return options;
}

/** What is found for a topic that the run lacks: a document that no file can name. */
const NOTHING_FOUND = new Map([['', 1]]);

/** By column a number, a text, or 0 where there is nothing. */
type Row = readonly (number | string)[];

function cell(column: Column, rankings: readonly JudgedRanking[], missing: boolean): number | string {
  if (column.type === 'run' || (missing && isCleared(column))) return column.type === 'text' ? '' : 0;
  return column.type === 'text' ? column.text(rankings[0] as JudgedRanking) : column.evaluate(rankings);
}

/** What trec_eval sets to nothing for a missing topic; by name, so that it does not where parameters stand in the name. */
function isCleared({ name }: NumberColumn | TextColumn): boolean {
  return ['num_ret', 'utility', 'relstring', 'rbp_resid'].includes(name) || name.startsWith('unj');
}

function topicLines(columns: readonly Column[], topic: string, row: Row, prefix: string): string[] {
  return columns.flatMap((column, i) => {
    const value = row[i];
    if (column.type === 'text') return [printLine(column.name, topic, `'${value}'`)];
    if (column.type === 'run' || !column.perTopic) return [];
    return [printNumber(column, topic, value as number, prefix)];
  });
}

function printNumber(column: NumberColumn, topic: string, value: number, prefix: string): string {
  const text = column.count && prefix === '' ? printCount(value) : printReal(value);
  return prefix + printLine(column.name, topic, text);
}

interface Summary {
  readonly complete: boolean;
  readonly prefix: string;
}

function summaryLines(
  columns: readonly Column[],
  runId: string,
  rows: readonly Row[],
  qrels: GroupedQrels,
  { complete, prefix }: Summary,
): string[] {
  return columns.flatMap((column, i) => {
    if (column.type === 'text') return [];
    if (column.type === 'run') return [printLine(column.name, 'all', runId)];
    const sum = rows.reduce((total, row) => total + (row[i] as number), 0);
    const value = column.over === 'relevant' && complete ? positive(qrels) : over(column, sum, rows.length);
    return [printNumber(column, 'all', value, prefix)];
  });
}

function over(column: NumberColumn, sum: number, topics: number): number {
  switch (column.over) {
    case 'topics':
      return topics;
    case 'mean':
      return sum / topics;
    case 'geometric':
      return Math.exp(sum / topics);
    default:
      return sum;
  }
}

/** With all topics trec_eval counts positive grades, whatever level is relevant. */
function positive(qrels: GroupedQrels): number {
  let count = 0;
  for (const groups of qrels.values())
    for (const judgements of groups.values()) for (const grade of judgements.values()) if (grade > 0) count++;
  return count;
}
