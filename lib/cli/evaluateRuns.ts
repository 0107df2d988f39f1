/** What `xpmir evaluate` computes: evaluations of runs, one after the other, and comparisons with a baseline. */
import { ArgumentError, expected } from '../errors.ts';
import { readQrels } from '../ir/collections/qrels.ts';
import { readRun } from '../ir/collections/runs.ts';
import { type Evaluation, evaluate } from '../ir/measures/evaluate.ts';
import { anyJudged } from '../ir/measures/joined.ts';
import type { Measure } from '../ir/measures/measure.ts';
import { parseMeasure } from '../ir/measures/parseMeasure.ts';
import { type Comparison, compare } from '../ir/significance/compare.ts';
import type { Run } from '../ir/types.ts';
import type { EvaluateCommandOptions } from './evaluate.ts';

export interface EvaluatedRun {
  readonly path: string;
  readonly tag: string;
  readonly evaluation: Evaluation;
}

export interface EvaluatedRuns {
  readonly measures: readonly Measure[];
  readonly runs: readonly EvaluatedRun[];
  /** The path of the run that others are compared with; undefined where none are. */
  readonly baseline: string | undefined;
  readonly comparisons: readonly Comparison[];
}

const DEFAULTS = ['nDCG@10', 'AP', 'RR@10', 'R@1000'];

export async function evaluateRuns(
  qrelsPath: string,
  paths: readonly string[],
  options: EvaluateCommandOptions,
): Promise<EvaluatedRuns> {
  const { depth, judgedOnly, float32, topics, runFormat: format } = options;
  const twice = paths.find((path, i) => paths.indexOf(path) < i);
  if (twice !== undefined) throw new ArgumentError(`Run ${twice} is there twice`);
  const measures = (options.measures.length === 0 ? DEFAULTS : options.measures).map(parseMeasure);
  const qrels = await readQrels(qrelsPath);
  const runs: EvaluatedRun[] = [];
  for (const path of paths) {
    const run = await readRun(path, { format });
    const evaluation = evaluate(measures, run, qrels, { depth, judgedOnly, float32, topics });
    warn(path, evaluation, options);
    warnUnjudged(path, run, (topic, document) => qrels.get(topic)?.has(document) === true);
    runs.push({ path, tag: run.tag, evaluation });
  }
  return { measures, runs, ...compared(runs, options) };
}

/** Topics that are in one file alone may be meant, and may be a mistake. */
function warn(path: string, { missing, unjudged }: Evaluation, { topics }: EvaluateCommandOptions): void {
  const counted = topics === 'both' ? 'do not count' : 'count as empty';
  if (missing.length > 0)
    console.error(`${path}: ${missing.length} judged topics are missing, and ${counted}`);
  if (unjudged.length > 0)
    console.error(`${path}: ${unjudged.length} topics have no judgements, and do not count`);
}

/** Values are 0 then, as where identifiers of documents are others than those of the judgements. */
export function warnUnjudged(
  path: string,
  run: Run,
  isJudged: (topic: string, document: string) => boolean,
): void {
  if (!anyJudged(run, isJudged)) console.error(`${path}: no document is judged, in any topic`);
}

function compared(
  runs: readonly EvaluatedRun[],
  options: EvaluateCommandOptions,
): Pick<EvaluatedRuns, 'baseline' | 'comparisons'> {
  const { test, correction, alpha, permutations, seed } = options;
  const baseline = options.baseline ?? runs[0]?.path;
  const chosen = runs.find(({ path }) => path === baseline);
  if (chosen === undefined) throw expected('one of the runs', '--baseline', baseline);
  const others = runs.filter((run) => run !== chosen);
  if (!options.compare || others.length === 0) return { baseline: undefined, comparisons: [] };
  const systems = new Map(others.map(({ path, evaluation }) => [path, evaluation]));
  const comparisons = compare(chosen.evaluation, systems, { test, correction, alpha, permutations, seed });
  return { baseline, comparisons };
}
