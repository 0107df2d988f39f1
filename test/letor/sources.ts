/** What samplers of the tests draw from, also in threads. */
import { config } from '../../lib/experiment/config.ts';
import { param } from '../../lib/experiment/parameters.ts';
import { int } from '../../lib/experiment/types.ts';
import { RankingSource, type Rankings, Texts } from '../../lib/letor/index.ts';

/** Topics of which document i is relevant for topic i mod 5; all are retrieved, highest number first. */
export class NumberedRankings extends config(
  import.meta,
  'test.letor.NumberedRankings',
  { documents: param(int), topics: param(int, { default: 5 }) },
  RankingSource,
) {
  /** How often it was asked. */
  static asked = 0;

  rankings(): Rankings {
    NumberedRankings.asked++;
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

/** The text of an identifier, and which were asked for. */
export class CountedTexts extends config(import.meta, 'test.letor.CountedTexts', {}, Texts) {
  readonly fetched: string[] = [];

  async text(id: string): Promise<string> {
    this.fetched.push(id);
    return `text of ${id}`;
  }

  ids(): string[] {
    return Array.from({ length: 12 }, (_, i) => `d${i}`);
  }
}
