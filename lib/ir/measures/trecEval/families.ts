/** The measures of trec_eval 10 over qrels, in the order in which it prints them. */
import * as binary from '../binary.ts';
import * as graded from '../graded.ts';
import type { JudgedRanking } from '../judgedRanking.ts';
import { NOT_IN_POOL } from '../judgedRanking.ts';
import {
  atCutoffs,
  atShares,
  count,
  fromList,
  fromPairs,
  geometric,
  overGroups,
  plain,
  type TrecFamily,
  text,
} from './columns.ts';

const RANKS = '5,10,15,20,30,100,200,500,1000';
const ELEVEN = '0,.1,.2,.3,.4,.5,.6,.7,.8,.9,1';
const MULTIPLES = '.2,.4,.6,.8,1,1.2,1.4,1.6,1.8,2';

const map = plain('map', (ranking, { level }) => binary.averagePrecision(ranking, level));
const P = atCutoffs('P', RANKS, (ranking, at, { level }) => binary.precision(ranking, level, at));
const multiples = atShares('Rprec_mult', MULTIPLES, (ranking, at, { level }) =>
  binary.multipleOfRPrecision(ranking, level, at),
);

export const TREC_FAMILIES: readonly TrecFamily[] = [
  { name: 'runid', judgements: 'any', columns: () => [{ type: 'run', name: 'runid' }] },
  { ...count('num_q', () => 1, { over: 'topics', perTopic: false }), judgements: 'any' },
  count('num_ret', (ranking) => ranking.size),
  count('num_rel', (ranking, { level }) => ranking.relevant(level), { over: 'relevant' }),
  count('num_rel_ret', (ranking, { level }) => ranking.retrieved(level)),
  map,
  geometric('gm_map', (ranking, { level }) => binary.averagePrecision(ranking, level)),
  plain('Rprec', (ranking, { level }) => binary.rPrecision(ranking, level)),
  plain('bpref', (ranking, { level }) => binary.binaryPreference(ranking, level)),
  plain('recip_rank', (ranking, { level }) => binary.reciprocalRank(ranking, level)),
  atShares('iprec_at_recall', ELEVEN, (ranking, at, { level }) =>
    binary.interpolatedPrecision(ranking, level, at),
  ),
  P,
  text('relstring', '10', relevanceString),
  atCutoffs('recall', RANKS, (ranking, at, { level }) => binary.recall(ranking, level, at)),
  plain('infAP', (ranking, { level }) => binary.inferredAveragePrecision(ranking, level)),
  geometric('gm_bpref', (ranking, { level }) => binary.binaryPreference(ranking, level)),
  multiples,
  fromList(
    'utility',
    '1,-1,0,0',
    (ranking, weights, { level, documents }) => {
      const [both, retrieved, relevant] = [ranking.retrieved(level), ranking.size, ranking.relevant(level)];
      const table = [both, retrieved - both, relevant - both, documents + both - retrieved - relevant];
      return table.reduce((sum, cell, i) => sum + (weights[i] as number) * cell, 0);
    },
    4,
  ),
  fromList('11pt_avg', ELEVEN, (ranking, list, { level }) => {
    const sum = list.reduceRight((sum, at) => sum + binary.interpolatedPrecision(ranking, level, at), 0);
    return sum / list.length;
  }),
  plain('binG', (ranking, { level }) => graded.binaryGain(ranking, level)),
  fromPairs('G', (ranking, pairs) => graded.normalizedGain(ranking, gainOf(pairs))),
  fromPairs('dcg', (ranking, pairs) => graded.dcg(ranking.grades, gainOf(pairs), Infinity)),
  fromPairs('ideal_dcg', (ranking, pairs) =>
    graded.dcg(graded.idealGains(ranking, gainOf(pairs)), (gain) => gain, Infinity),
  ),
  fromPairs('ndcg', (ranking, pairs) => graded.ndcg(ranking, gainOf(pairs))),
  fromPairs('ndcg_rel', (ranking, pairs) => graded.ndcgAtRelevant(ranking, gainOf(pairs))),
  fromPairs('Rndcg', (ranking, pairs, { level }) => graded.ndcgAtLevels(ranking, gainOf(pairs), level)),
  atCutoffs('ndcg_cut', RANKS, (ranking, at) => graded.ndcg(ranking, graded.gradeAsGain, at)),
  atCutoffs('map_cut', RANKS, (ranking, at, { level }) => binary.averagePrecision(ranking, level, at)),
  atCutoffs('relative_P', RANKS, (ranking, at, { level }) => binary.relativePrecision(ranking, level, at)),
  atCutoffs('success', '1,5,10', (ranking, at, { level }) => binary.success(ranking, level, at)),
  plain('set_P', (ranking, { level }) => binary.setPrecision(ranking, level)),
  plain('set_relative_P', (ranking, { level }) => binary.setRelativePrecision(ranking, level)),
  plain('set_recall', (ranking, { level }) => binary.recall(ranking, level)),
  plain('set_map', (ranking, { level }) => binary.setAveragePrecision(ranking, level)),
  fromList('set_F', '1', (ranking, [beta = 1], { level }) => binary.setF(ranking, level, beta)),
  count('num_nonrel_judged_ret', (ranking, { level }) => ranking.retrieved(0) - ranking.retrieved(level)),
  overGroups('map_avgjg', map),
  overGroups('P_avgjg', P),
  overGroups('Rprec_mult_avgjg', multiples),
  plain('yaap', (ranking, { level }) => {
    const sum = binary.sumOfPrecisions(ranking, level);
    return Math.log((1 + sum) / (1 + ranking.relevant(level) - sum));
  }),
  fromPairs('rbp', (ranking, pairs) =>
    graded.rankBiasedPrecision(ranking, graded.unitGains(ranking, gainOf(pairs)), persistence(pairs)),
  ),
  fromPairs('rbp_resid', (ranking, pairs) => graded.rankBiasedResidual(ranking, persistence(pairs))),
  atCutoffs('unj', '5,10,20', (ranking, at) => binary.unjudgedShare(ranking, at)),
];

/** Names that stand for several. */
export const NICKNAMES: Readonly<Record<string, readonly string[]>> = {
  official: words(
    'runid num_q num_ret num_rel num_rel_ret map gm_map Rprec bpref recip_rank iprec_at_recall P',
  ),
  set: words('runid num_q num_ret num_rel num_rel_ret utility set_P set_recall set_relative_P set_map set_F'),
  all_trec: TREC_FAMILIES.filter(({ name, judgements }) => judgements !== 'qrels_jg' && !isAside(name)).map(
    ({ name }) => name,
  ),
  qrels_jg: words('runid num_q map_avgjg P_avgjg Rprec_mult_avgjg'),
};

function words(text: string): string[] {
  return text.split(' ');
}

/** What trec_eval measures when it is asked by this name alone. */
function isAside(name: string): boolean {
  return ['dcg', 'ideal_dcg', 'yaap'].includes(name);
}

/** Gains of some grades, of pairs whose name is an integer. */
function gainOf(pairs: ReadonlyMap<string, number>): graded.Gain {
  const gains = [...pairs].map(([name, gain]) => [Number(name), gain] as const);
  return graded.gainsOf(new Map(gains.filter(([grade]) => Number.isInteger(grade))));
}

function persistence(pairs: ReadonlyMap<string, number>): number {
  return pairs.get('p') ?? 0.9;
}

/** A character for each of the first documents: its grade, `>` above 9, `-` outside the pool, `.` in it and not judged. */
function relevanceString(ranking: JudgedRanking, length: number): string {
  const grades = ranking.grades.subarray(0, Math.max(Math.trunc(length), 0));
  return Array.from(grades, (grade) => {
    if (grade < 0) return grade === NOT_IN_POOL ? '-' : '.';
    return grade > 9 ? '>' : String(grade);
  }).join('');
}
