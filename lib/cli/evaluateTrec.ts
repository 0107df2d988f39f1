/** `xpmir evaluate --format trec_eval`: the lines of trec_eval, run after run. */
import { readQrels } from '../ir/collections/qrels.ts';
import { readRun, type TaggedRun } from '../ir/collections/runs.ts';
import { readGroupedQrels } from '../ir/measures/trecEval/groupedQrels.ts';
import { type TrecEvalOptions, trecEval, trecEvalGroups } from '../ir/measures/trecEval/report.ts';
import { readZScores } from '../ir/measures/trecEval/zScores.ts';
import type { EvaluateCommandOptions } from './evaluate.ts';
import { warnUnjudged } from './evaluateRuns.ts';

export async function printTrecEval(
  qrelsPath: string,
  runs: readonly string[],
  options: EvaluateCommandOptions,
): Promise<void> {
  const { measures, topics, complete, zScores, runFormat: format } = options;
  const { perTopic, summary, level, documents, depth, judgedOnly, float32 } = options;
  const given: TrecEvalOptions = {
    ...{ perTopic, summary, level, documents, depth, judgedOnly, float32 },
    measures: measures.length === 0 ? ['official'] : measures,
    complete: complete ?? topics === 'judged',
    zScores: zScores === undefined ? undefined : await readZScores(zScores),
  };
  const lines = await reporter(qrelsPath, options.judgements, given);
  for (const path of runs) {
    const run = await readRun(path, { format });
    for (const line of lines(path, run)) console.log(line);
  }
}

async function reporter(
  path: string,
  judgements: EvaluateCommandOptions['judgements'],
  options: TrecEvalOptions,
): Promise<(file: string, run: TaggedRun) => string[]> {
  if (judgements === 'qrels_jg') {
    const qrels = await readGroupedQrels(path);
    return (file, run) => {
      const lines = trecEvalGroups(run.tag, run, qrels, options);
      warnUnjudged(file, run, (topic, document) =>
        [...(qrels.get(topic)?.values() ?? [])].some((judgements) => judgements.has(document)),
      );
      return lines;
    };
  }
  const qrels = await readQrels(path);
  return (file, run) => {
    const lines = trecEval(run.tag, run, qrels, options);
    warnUnjudged(file, run, (topic, document) => qrels.get(topic)?.has(document) === true);
    return lines;
  };
}
