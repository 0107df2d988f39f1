/**
 * What models have in common that compare the words of a topic with those of a document.
 */
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { int } from '../../experiment/types.ts';
import { fromTypedArray } from '../../torch/factories.ts';
import { normalize } from '../../torch/nn/functional/normalization.ts';
import type { Tensor } from '../../torch/tensor.ts';
import { pairIndices, type ScoredPairs } from '../records.ts';
import { Scorer } from '../scorer.ts';
import { documentText, topicText } from '../text/documentText.ts';
import { WordEmbeddings } from '../text/wordEmbeddings.ts';
import { PADDING } from '../text/words.ts';

// Shapes: N pairs, Q words of a topic, L of a document, E width of a vector.

/** Numbers of words, those of pair i in row i: int64 `[N, Q]` and `[N, L]`, filled up with 0. */
export interface WordPairs {
  readonly topics: Tensor;
  readonly documents: Tensor;
}

/**
 * Scores pairs by the words of both. What fills up a row counts for nothing.
 *
 * - `maxTopicLength`: words of a topic that are read; 32
 * - `maxDocumentLength`: words of a document that are read; 512
 */
export abstract class InteractionScorer extends config(
  import.meta,
  'xpmir.neural.interaction.InteractionScorer',
  {
    embeddings: param(WordEmbeddings),
    maxTopicLength: param(int, { default: 32, ignoreDefault: true }),
    maxDocumentLength: param(int, { default: 512, ignoreDefault: true }),
  },
  Scorer<WordPairs>,
) {
  override validate(): void {
    super.validate();
    for (const name of ['maxTopicLength', 'maxDocumentLength'] as const)
      if (this[name] < 1) throw wrong(`interactionScorer.${name}`, 'a positive integer', this[name]);
  }

  collate(pairs: ScoredPairs): WordPairs {
    const { topicIndices, documentIndices } = pairIndices(pairs);
    const topics = this.embeddings.encode(pairs.topics.map(topicText), this.maxTopicLength);
    const documents = this.embeddings.encode(pairs.documents.map(documentText), this.maxDocumentLength);
    return { topics: rowsAt(topics, topicIndices), documents: rowsAt(documents, documentIndices) };
  }
}

function rowsAt(rows: Tensor, indices: Int32Array): Tensor {
  return rows.indexSelect(0, fromTypedArray(indices));
}

/** 1 where there is a word and 0 at padding, in the dtype of `like`: `[N, L]`. */
export function wordMask(ids: Tensor, like: Tensor): Tensor {
  return ids.ne(PADDING).to({ dtype: like.dtype as 'float32' });
}

/** Cosines `[N, Q, L]` of vectors `[N, Q, E]` and `[N, L, E]`; of a vector that is 0, 0. */
export function cosines(topics: Tensor, documents: Tensor): Tensor {
  return normalize(topics, { dim: 2 }).bmm(normalize(documents, { dim: 2 }).transpose(1, 2));
}
