/** Effectiveness on a collection for which figures are known: MAP of BM25 is 0.28 to 0.30 in Terrier and its like. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { AnalyzerOptions } from '../../lib/ir/analysis/analyzer.ts';
import { InvertedIndex } from '../../lib/ir/firststage/invertedIndex.ts';
import type { Similarity } from '../../lib/ir/firststage/similarity.ts';

const folder = new URL('../../../shared/data/vaswani/', import.meta.url);
const isThere = existsSync(new URL('doc-text.trec', folder));
const itVaswani = isThere ? test : test.skip;

const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
const texts = (content: string, pattern: RegExp) =>
  [...content.matchAll(pattern)].map(([, id, text]) => ({ id: id!.trim(), text: text! }));

/** Mean average precision over the judged topics. */
async function meanAveragePrecision(analyzer: AnalyzerOptions, similarity: Similarity): Promise<number> {
  const index = InvertedIndex.of(
    texts(read('doc-text.trec'), /<DOCNO>(.*?)<\/DOCNO>([\s\S]*?)<\/DOC>/g),
    analyzer,
  );
  const topics = texts(read('query-text.trec'), /<num>(.*?)<\/num><title>([\s\S]*?)<\/title>/g);
  const relevant = new Map<string, Set<string>>();
  for (const line of read('qrels').trim().split('\n')) {
    const [topic, , document] = line.split(' ') as [string, string, string];
    relevant.set(topic, (relevant.get(topic) ?? new Set()).add(document));
  }
  const run = await index.searchAll(topics, 1000, { similarity });
  const precisions = [...relevant].map(([topic, documents]) => {
    let found = 0;
    const ranked = [...run.get(topic)!.keys()];
    return (
      ranked.reduce((sum, id, i) => (documents.has(id) ? sum + ++found / (i + 1) : sum), 0) / documents.size
    );
  });
  return precisions.reduce((sum, each) => sum + each, 0) / precisions.length;
}

describe(isThere ? 'Vaswani' : 'Vaswani (skipped: no shared/data/vaswani)', () => {
  itVaswani.each<[AnalyzerOptions, Similarity, number]>([
    [{}, { name: 'bm25' }, 0.2854],
    [{ stemmer: 'porter2' }, { name: 'bm25' }, 0.2869],
    [{ stopWords: 'snowball' }, { name: 'bm25' }, 0.2885],
  ])('%j %j', async (analyzer, similarity, expected) => {
    const map = await meanAveragePrecision(analyzer, similarity);
    expect(map).toBeGreaterThan(0.28);
    expect(map).toBeLessThan(0.3);
    expect(map).toBeCloseTo(expected, 4);
  });

  // What is known of these is that texts as short as here want less smoothing than the usual mu.
  itVaswani.each<[Similarity, number]>([
    [{ name: 'dirichlet', mu: 1000 }, 0.2177],
    [{ name: 'dirichlet', mu: 200 }, 0.2585],
    [{ name: 'jelinek-mercer', lambda: 0.1 }, 0.2671],
    [{ name: 'jelinek-mercer', lambda: 0.7 }, 0.2666],
  ])('%j', async (similarity, expected) => {
    expect(await meanAveragePrecision({}, similarity)).toBeCloseTo(expected, 4);
  });
});
