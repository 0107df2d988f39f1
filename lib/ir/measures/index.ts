/** Measures of rankings against judgements. */
export { type EvaluateOptions, type Evaluation, evaluate, RunEvaluator } from './evaluate.ts';
export { JudgedRanking, NOT_IN_POOL, NOT_JUDGED, type RankingOptions } from './judgedRanking.ts';
export type { Aggregate, Measure } from './measure.ts';
export { parseMeasure } from './parseMeasure.ts';
export { compareIds, ranked, type Scores } from './ranking.ts';
export { readGroupedQrels } from './trecEval/groupedQrels.ts';
export { type GroupedQrels, type TrecEvalOptions, trecEval, trecEvalGroups } from './trecEval/report.ts';
export { type Distribution, readZScores, type ZScores } from './trecEval/zScores.ts';
