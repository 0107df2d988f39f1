/** What a measure is. */
import type { JudgedRanking } from './judgedRanking.ts';

/** How the values of topics become one. */
export type Aggregate = 'mean' | 'sum';

/** One number for one topic, and what many of them come to. */
export interface Measure {
  /** As ir_measures writes it, for example `nDCG@10`. */
  readonly name: string;
  /** Counts are summed over topics, all else is averaged. */
  readonly aggregate: Aggregate;
  evaluate(ranking: JudgedRanking): number;
}
