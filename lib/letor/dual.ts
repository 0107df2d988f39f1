/**
 * Models that score by two vectors, that of the topic and that of the document, each encoded without the other.
 */
import { config } from '../experiment/config.ts';
import type { Document, Topic } from '../ir/types.ts';
import type { TrainerContext } from '../learning/context.ts';
import { StepTrainingHook } from '../learning/hooks.ts';
import type { MaybePromise } from '../learning/iterators.ts';
import { tensor } from '../torch/factories.ts';
import type { Tensor } from '../torch/tensor.ts';
import type { ScoredPairs } from './records.ts';
import { Scorer } from './scorer.ts';

/** What a dual scorer computes with. */
export interface DualInputs<I = unknown> {
  readonly topics: I;
  readonly documents: I;
  /** Which topic and which document each of the P pairs has: `[P]` each. Undefined: every topic with every document. */
  readonly pairs?: { readonly topicIndices: Tensor; readonly documentIndices: Tensor } | undefined;
}

/**
 * A hook that is shown the vectors of a batch, such as one that keeps them sparse. What changes from step to step, such as
 * a weight, is a tensor that `before` fills: then steps can be compiled.
 */
export abstract class DualVectorListener extends config(
  import.meta,
  'xpmir.neural.dual.DualVectorListener',
  {},
  StepTrainingHook,
) {
  /**
   * Called while a batch is computed, where losses and metrics (scalar tensors) may be added; not asynchronous.
   *
   * @param topics `[T, D]`
   * @param documents `[N, D]`
   */
  abstract vectors(context: TrainerContext, topics: Tensor, documents: Tensor): void;
}

/**
 * A scorer by vectors. T topics and N documents are encoded once each, in however many pairs they are.
 *
 * A subclass says how text becomes tensors and these become vectors; the score is a dot product unless it says otherwise.
 */
export abstract class DualScorer<I = unknown> extends config(
  import.meta,
  'xpmir.neural.dual.DualScorer',
  {},
  Scorer<DualInputs>,
) {
  /** Tensors, in arrays and plain objects, of topics to encode. */
  abstract collateTopics(topics: readonly Topic[]): MaybePromise<I>;

  /** Tensors, in arrays and plain objects, of documents to encode. */
  abstract collateDocuments(documents: readonly Document[]): MaybePromise<I>;

  /** The vectors of topics: `[T, D]`. */
  abstract encodeTopics(inputs: I): Tensor;

  /** The vectors of documents: `[N, D]`. */
  abstract encodeDocuments(inputs: I): Tensor;

  /**
   * Scores of every topic with every document, from their vectors.
   *
   * @param topics `[T, D]`
   * @param documents `[N, D]`
   * @returns `[T, N]`
   */
  scoreProduct(topics: Tensor, documents: Tensor): Tensor {
    return topics.mm(documents.t());
  }

  /**
   * Scores of P pairs, from their vectors.
   *
   * @param topics `[P, D]`
   * @param documents `[P, D]`
   * @returns `[P]`
   */
  scorePairs(topics: Tensor, documents: Tensor): Tensor {
    return topics.mul(documents).sum(-1);
  }

  override async collate({ topics, documents, pairs }: ScoredPairs): Promise<DualInputs<I>> {
    const inputs = {
      topics: await this.collateTopics(topics),
      documents: await this.collateDocuments(documents),
    };
    if (pairs === undefined) return inputs;
    const { topicIndices, documentIndices } = pairs;
    return {
      ...inputs,
      pairs: { topicIndices: tensor(topicIndices), documentIndices: tensor(documentIndices) },
    };
  }

  override forward({ topics, documents, pairs }: DualInputs<I>): Tensor {
    const t = this.encodeTopics(topics); // [T, D]
    const d = this.encodeDocuments(documents); // [N, D]
    tellVectors(t, d);
    if (pairs === undefined) return this.scoreProduct(t, d).flatten();
    return this.scorePairs(t.indexSelect(0, pairs.topicIndices), d.indexSelect(0, pairs.documentIndices));
  }
}

/** Is told the vectors of the forward pass that runs: the hooks of the run belong to the trainer, not to the model. */
let observer: ((topics: Tensor, documents: Tensor) => void) | undefined;

/** @internal Tells whoever looks at the vectors of this batch. */
export function tellVectors(topics: Tensor, documents: Tensor): void {
  observer?.(topics, documents);
}

/** Runs `fn`, which is not asynchronous, and shows `look` the vectors that dual scorers compute in it. */
export function observingVectors<T>(look: (topics: Tensor, documents: Tensor) => void, fn: () => T): T {
  const outer = observer;
  observer = look;
  try {
    return fn();
  } finally {
    observer = outer;
  }
}
