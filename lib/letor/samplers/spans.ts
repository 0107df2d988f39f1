/**
 * Pairs from texts alone.
 */
import { ArgumentError } from '../../errors.ts';
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { int } from '../../experiment/types.ts';
import { DocumentProvider, documentOf } from '../../ir/rankers/documentProvider.ts';
import type { Document } from '../../ir/types.ts';
import type { SerializableIterator } from '../../learning/iterators.ts';
import type { RandomState } from '../../learning/random.ts';
import { RandomSerializableIterator } from '../../learning/randomIterators.ts';
import { Sampler } from '../../learning/sampler.ts';
import type { PairwiseRecord } from '../records.ts';

/** Documents without a text are left out, unless there is nothing else. */
const MOST_BLANK = 1000;

/**
 * Without an end: two random spans of a random document, of which one stands for the topic and the other is relevant to
 * it, and a span of another document (Gao and Callan, "Unsupervised Corpus Aware Language Model Pre-training for Dense
 * Passage Retrieval", 2021: coCondenser).
 */
export class RandomSpanSampler extends config(
  import.meta,
  'xpmir.letor.samplers.RandomSpanSampler',
  {
    documents: param(DocumentProvider),
    /** The most characters of a span. */
    maxSpansize: param(int, { default: 1000 }),
  },
  Sampler,
) {
  declare batches: Sampler<PairwiseRecord>['batches'];

  override validate(): void {
    super.validate();
    if (this.maxSpansize < 1) throw wrong('maxSpansize', 'a positive integer', this.maxSpansize);
  }

  iterate(random: RandomState): SerializableIterator<PairwiseRecord> {
    return new RandomSerializableIterator(random.fork(), (own) => this.#draw(own));
  }

  async *#draw(random: RandomState): AsyncGenerator<PairwiseRecord> {
    const texts = await this.documents.open();
    const ids = [...texts.ids()];
    if (ids.length < 2) throw new ArgumentError(`Expected at least two documents but received ${ids.length}`);
    let blank = 0;
    for (;;) {
      const first = random.integer(ids.length);
      const second = (first + 1 + random.integer(ids.length - 1)) % ids.length;
      const [id, other] = [ids[first] as string, ids[second] as string];
      const [{ text }, { text: otherText }] = [documentOf(texts, id), documentOf(texts, other)];
      if (text.trim() === '' || otherText.trim() === '') {
        if (++blank < MOST_BLANK) continue;
        throw new ArgumentError(`Expected documents with texts but ${blank} pairs in a row had none`);
      }
      blank = 0;
      const span = (of: string, from: string): Document => ({ id: of, text: this.#span(from, random) });
      yield { topic: span(id, text), positive: span(id, text), negative: span(other, otherText) };
    }
  }

  /** One that is not blank, which the text is not either. */
  #span(text: string, random: RandomState): string {
    for (;;) {
      const length = 1 + random.integer(Math.min(this.maxSpansize, text.length));
      const start = random.integer(text.length - length + 1);
      const span = text.slice(
        isInPair(text, start) ? start - 1 : start,
        start + length + (isInPair(text, start + length) ? 1 : 0),
      );
      if (span.trim() !== '') return span;
    }
  }
}

/** Whether a place in a text is between the two halves of a character. */
function isInPair(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff;
}
