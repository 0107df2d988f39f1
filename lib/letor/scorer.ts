/**
 * Models that score documents for topics.
 */
import { config } from '../experiment/config.ts';
import type { MaybePromise } from '../learning/iterators.ts';
import { Module } from '../learning/module.ts';
import type { Tensor } from '../torch/tensor.ts';
import type { ScoredPairs } from './records.ts';

/** What a score is, by which losses choose their form. */
export const ScorerOutputType = {
  /** Any real number, such as a logit. */
  REAL: 'real',
  /** Logarithm of a probability: at most 0. */
  LOG_PROBABILITY: 'log-probability',
  /** From 0 to 1. */
  PROBABILITY: 'probability',
} as const;
export type ScorerOutputType = (typeof ScorerOutputType)[keyof typeof ScorerOutputType];

/**
 * A model that scores documents for topics, higher for what is more relevant.
 *
 * What happens to text (`collate`) is apart from what happens to tensors (`forward`), so that training steps can be
 * compiled and the next batch can be made meanwhile.
 */
export abstract class Scorer<I = unknown> extends config(import.meta, 'xpmir.neural.Scorer', {}, Module) {
  /** What its scores are. */
  get outputType(): ScorerOutputType {
    return ScorerOutputType.REAL;
  }

  /** Tensors, in arrays and plain objects, of the pairs to score. */
  abstract collate(pairs: ScoredPairs): MaybePromise<I>;

  /** Scores of the N pairs, in their order: `[N]`. */
  abstract override forward(inputs: I): Tensor;
}
