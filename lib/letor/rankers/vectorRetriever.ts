/**
 * The nearest documents of a dual encoder.
 */
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { meta, param } from '../../experiment/parameters.ts';
import { int, pathname, string } from '../../experiment/types.ts';
import { Retriever } from '../../ir/rankers/retriever.ts';
import type { ScoredDocument, Topic } from '../../ir/types.ts';
import { DualScorer } from '../dual.ts';
import { VectorIndex } from './vectorIndex.ts';

/**
 * Returns the documents whose vectors, in an index that the same model made, are nearest to that of the topic.
 *
 * - `indexId`: names the index in the identity, `directory`, which is not in it, is where it is
 * - `topK`: 1000
 */
export class VectorRetriever extends config(
  import.meta,
  'xpmir.index.vectors.VectorRetriever',
  {
    scorer: param(DualScorer),
    indexId: param(string),
    directory: param(pathname),
    topK: param(int, { default: 1000, ignoreDefault: true }),
    /** Vectors that are looked at together. */
    blockSize: meta(int, { default: 16_384 }),
  },
  Retriever,
) {
  #index: Promise<VectorIndex> | undefined;

  override validate(): void {
    super.validate();
    if (this.topK < 1) throw wrong('vectorRetriever.topK', 'a positive integer', this.topK);
  }

  override async retrieve(topic: Topic): Promise<readonly ScoredDocument[]> {
    this.#index ??= VectorIndex.open(this.directory);
    const { scorer, topK, blockSize } = this;
    const run = await (await this.#index).searchTopics(scorer, [topic], topK, { blockSize });
    return Array.from(run.get(topic.id)!, ([id, score]) => ({ id, score }));
  }
}
