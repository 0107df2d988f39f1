/**
 * Models that compare two documents for a topic.
 */
import { config } from '../experiment/config.ts';
import type { Document, Topic } from '../ir/types.ts';
import type { MaybePromise } from '../learning/iterators.ts';
import { Module } from '../learning/module.ts';
import type { Tensor } from '../torch/tensor.ts';
import { ScorerOutputType } from './scorer.ts';

/** Topics, each with two documents to compare: three arrays of the same length. */
export interface DuoRecords {
  readonly topics: readonly Topic[];
  readonly first: readonly Document[];
  readonly second: readonly Document[];
}

/** A model that scores how much rather the first of two documents comes first. */
export abstract class DuoScorer<I = unknown> extends config(
  import.meta,
  'xpmir.neural.DuoScorer',
  {},
  Module,
) {
  /** What its scores are. */
  get outputType(): ScorerOutputType {
    return ScorerOutputType.REAL;
  }

  /** Tensors, in arrays and plain objects, of the documents to compare. */
  abstract collate(records: DuoRecords): MaybePromise<I>;

  /** That the first comes first, for each of N topics: `[N]`. */
  abstract override forward(inputs: I): Tensor;
}
