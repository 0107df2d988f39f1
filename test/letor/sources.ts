/** What samplers of the tests draw from, also in threads. */
import { config } from '../../lib/experiment/config.ts';
import { param } from '../../lib/experiment/parameters.ts';
import { int } from '../../lib/experiment/types.ts';
import { DocumentProvider, type DocumentTexts, Retriever } from '../../lib/ir/index.ts';
import type { Document, ScoredDocument } from '../../lib/ir/types.ts';
import { RankingSource, type Rankings } from '../../lib/letor/index.ts';

/** Topics of which document i is relevant for topic i mod 5; all are retrieved, highest number first. */
export class NumberedRankings extends config(
  import.meta,
  'test.letor.NumberedRankings',
  { documents: param(int), topics: param(int, { default: 5 }) },
  RankingSource,
) {
  rankings(): Rankings {
    const ids = Array.from({ length: this.documents }, (_, i) => i);
    const topics = Array.from({ length: this.topics }, (_, i) => ({ id: `t${i}`, text: `topic ${i}` }));
    const grades = (topic: number) =>
      new Map(ids.filter((i) => i % 5 === topic).map((i) => [`d${i}`, 1 + (i % 2)] as const));
    return {
      topics,
      qrels: new Map(topics.map(({ id }, i) => [id, grades(i)])),
      run: new Map(topics.map(({ id }) => [id, new Map(ids.map((i) => [`d${i}`, i]))])),
    };
  }
}

/** Documents of which each has its number as score. */
export class NumberedRetriever extends config(
  import.meta,
  'test.letor.NumberedRetriever',
  { documents: param(int) },
  Retriever,
) {
  /** For how many topics it was asked. */
  static asked = 0;

  retrieve(): ScoredDocument[] {
    NumberedRetriever.asked++;
    return Array.from({ length: this.documents }, (_, i) => ({ id: `d${i}`, score: i / 3 })).reverse();
  }
}

/** The text of an identifier, and which were asked for. */
export class CountedTexts
  extends config(import.meta, 'test.letor.CountedTexts', {}, DocumentProvider)
  implements DocumentTexts
{
  readonly fetched: string[] = [];

  async open(): Promise<DocumentTexts> {
    return this;
  }

  get(id: string): Document | undefined {
    this.fetched.push(id);
    return { id, text: `text of ${id}` };
  }

  ids(): string[] {
    return Array.from({ length: 12 }, (_, i) => `d${i}`);
  }
}
