/**
 * Documents of one retriever, ranked again by a model.
 */
import { ArgumentError } from '../../errors.ts';
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { meta, param } from '../../experiment/parameters.ts';
import { int, optional } from '../../experiment/types.ts';
import { DocumentProvider } from '../../ir/rankers/documentProvider.ts';
import { inOrder } from '../../ir/rankers/order.ts';
import { Retriever } from '../../ir/rankers/retriever.ts';
import type { ScoredDocument, Topic } from '../../ir/types.ts';
import { Scorer } from '../scorer.ts';
import { inEvaluation, scoreDocuments } from './scoring.ts';

/**
 * Ranks what a first stage returns by the scores of a model, which is in evaluation mode meanwhile.
 *
 * - `retriever`: the first stage
 * - `scorer`: the model, such as the one that is being trained
 * - `documents`: where the text of documents is
 * - `topK`: how many of the first stage are looked at; the others are left out. All by default
 * - `batchSize`: documents that are scored at once; 32. Not in the identity
 */
export class TwoStageRetriever extends config(
  import.meta,
  'xpmir.rankers.TwoStageRetriever',
  {
    retriever: param(Retriever),
    scorer: param(Scorer),
    documents: param(DocumentProvider),
    topK: param(optional(int), { default: undefined, ignoreDefault: true }),
    batchSize: meta(int, { default: 32 }),
  },
  Retriever,
) {
  override validate(): void {
    super.validate();
    const { topK, batchSize } = this;
    if (topK !== undefined && topK < 1) throw wrong('twoStageRetriever.topK', 'a positive integer', topK);
    if (batchSize < 1) throw wrong('twoStageRetriever.batchSize', 'a positive integer', batchSize);
  }

  override async retrieve(topic: Topic): Promise<readonly ScoredDocument[]> {
    this.validate();
    const found = (await this.retriever.retrieve(topic)).slice(0, this.topK);
    const texts = await this.documents.open();
    const documents = found.map(({ id }) => {
      const document = texts.get(id);
      if (document !== undefined) return document;
      throw new ArgumentError(
        `Expected a text of document ${id}, which was found for topic ${topic.id}, but there is none`,
      );
    });
    const { scorer, batchSize } = this;
    const scores = await inEvaluation(scorer, () => scoreDocuments(scorer, topic, documents, batchSize));
    return inOrder(
      topic.id,
      documents.map(({ id }, i) => ({ id, score: scores[i]! })),
    );
  }
}
