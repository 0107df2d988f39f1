/** The families of measures: their names and parameters, which are those of ir_measures, and what they compute. */
import * as binary from './binary.ts';
import * as graded from './graded.ts';
import type { JudgedRanking } from './judgedRanking.ts';
import type { Aggregate } from './measure.ts';
import type { Value } from './nameScanner.ts';
import * as kinds from './parameter.ts';

/** The parameters of one measure, defaults among them. */
export interface Parameters {
  /** Undefined where it is neither given nor has a default. */
  readonly cutoff?: number;
  readonly rel: number;
  readonly [name: string]: Value | undefined;
}

export interface Family {
  readonly parameters: Readonly<Record<string, kinds.Parameter>>;
  /** The parameter after @; `cutoff` unless it says otherwise. */
  readonly at?: string;
  readonly aggregate?: Aggregate;
  readonly evaluate: (ranking: JudgedRanking, parameters: Parameters) => number;
}

const { cutoff, requiredCutoff, rel, flag } = kinds;
const judged_only = flag;

export const FAMILIES: Readonly<Record<string, Family>> = {
  AP: {
    parameters: { cutoff, rel, judged_only },
    evaluate: (ranking, p) => binary.averagePrecision(ranking, p.rel, p.cutoff),
  },
  nDCG: {
    parameters: { cutoff, dcg: kinds.dcgKind, gains: kinds.gains, judged_only },
    evaluate: (ranking, p) => graded.ndcg(ranking, ndcgGain(p), p.cutoff),
  },
  P: {
    parameters: { cutoff: requiredCutoff, rel, judged_only },
    evaluate: (ranking, p) => binary.precision(ranking, p.rel, p.cutoff as number),
  },
  R: {
    parameters: { cutoff: requiredCutoff, rel, judged_only },
    evaluate: (ranking, p) => binary.recall(ranking, p.rel, p.cutoff),
  },
  RR: {
    parameters: { cutoff, rel, judged_only },
    evaluate: (ranking, p) => binary.reciprocalRank(ranking, p.rel, p.cutoff),
  },
  Success: {
    parameters: { cutoff: requiredCutoff, rel, judged_only },
    evaluate: (ranking, p) => binary.success(ranking, p.rel, p.cutoff as number),
  },
  Rprec: { parameters: { rel, judged_only }, evaluate: (ranking, p) => binary.rPrecision(ranking, p.rel) },
  Bpref: { parameters: { rel }, evaluate: (ranking, p) => binary.binaryPreference(ranking, p.rel) },
  infAP: { parameters: { rel }, evaluate: (ranking, p) => binary.inferredAveragePrecision(ranking, p.rel) },
  IPrec: {
    parameters: { recall: kinds.share, rel, judged_only },
    at: 'recall',
    evaluate: (ranking, p) => binary.interpolatedPrecision(ranking, p.rel, p.recall as number),
  },
  RBP: {
    parameters: { cutoff, p: kinds.persistence, rel: kinds.optionalRel },
    evaluate: (ranking, p) =>
      graded.rankBiasedPrecision(ranking, rbpGain(ranking, p), p.p as number, p.cutoff),
  },
  ERR: {
    parameters: { cutoff },
    evaluate: (ranking, p) => graded.expectedReciprocalRank(ranking, p.cutoff),
  },
  Judged: { parameters: { cutoff }, evaluate: (ranking, p) => binary.judgedShare(ranking, p.cutoff) },
  SetP: {
    parameters: { rel, relative: flag, judged_only },
    evaluate: (ranking, p) =>
      p.relative === true ? binary.setRelativePrecision(ranking, p.rel) : binary.setPrecision(ranking, p.rel),
  },
  SetR: { parameters: { rel }, evaluate: (ranking, p) => binary.recall(ranking, p.rel) },
  SetF: {
    parameters: { rel, beta: kinds.beta, judged_only },
    evaluate: (ranking, p) => binary.setF(ranking, p.rel, p.beta as number),
  },
  SetAP: {
    parameters: { rel, judged_only },
    evaluate: (ranking, p) => binary.setAveragePrecision(ranking, p.rel),
  },
  NumQ: { parameters: {}, aggregate: 'sum', evaluate: () => 1 },
  NumRel: { parameters: { rel }, aggregate: 'sum', evaluate: (ranking, p) => ranking.relevant(p.rel) },
  NumRet: {
    parameters: { rel: kinds.optionalRel },
    aggregate: 'sum',
    evaluate: (ranking, p) => (p.rel === undefined ? ranking.size : ranking.retrieved(p.rel)),
  },
};

/** Other names, and what they stand for. */
export const ALIASES: Readonly<Record<string, readonly [string, Readonly<Record<string, Value>>]>> = {
  MAP: ['AP', {}],
  NDCG: ['nDCG', {}],
  Precision: ['P', {}],
  Recall: ['R', {}],
  MRR: ['RR', {}],
  RPrec: ['Rprec', {}],
  BPref: ['Bpref', {}],
  SetRelP: ['SetP', { relative: true }],
  NumRelRet: ['NumRet', { rel: 1 }],
};

function ndcgGain(p: Parameters): graded.Gain {
  const { dcg, gains } = p;
  const gain = gains instanceof Map ? graded.gainsOf(gains) : graded.gradeAsGain;
  // What a mapping makes negative counts for nothing, as a negative grade does.
  return dcg === 'exp-log2'
    ? (grade) => graded.exponentialGain(gain(grade))
    : (grade) => Math.max(gain(grade), 0);
}

function rbpGain(ranking: JudgedRanking, { rel }: Parameters): graded.Gain {
  if (rel === undefined) return graded.unitGains(ranking, graded.gradeAsGain);
  return (grade) => (grade >= rel ? 1 : 0);
}
