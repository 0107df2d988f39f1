/** `node --import tsx ours.ts CORPUS QUERIES DIRECTORY`: the index of this package, built or opened. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InvertedIndex } from '../../lib/ir/firststage/invertedIndex.ts';
import { topK } from '../../lib/ir/topK.ts';
import { readCorpus } from './corpus.ts';
import { longestBlock, tell, timed } from './measuring.ts';

const [corpus = '', queriesPath = '', directory = ''] = process.argv.slice(2);
const queries = readFileSync(queriesPath, 'utf8').split('\n');
if (!existsSync(directory)) {
  const block = longestBlock();
  const begun = performance.now();
  const index = await InvertedIndex.build(readCorpus(corpus), directory);
  const seconds = (performance.now() - begun) / 1000;
  const longestBlockMs = block();
  const bytes = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  tell({
    documentsPerSecond: index.size / seconds,
    diskMiB: bytes / 2 ** 20,
    buildPeakMiB: process.resourceUsage().maxRSS / 1024,
    longestBlockMs,
    sameTop10: queries.filter((query) => isSame(index, query)).length,
  });
} else {
  const begun = performance.now();
  const index = await InvertedIndex.open(directory);
  const loadMs = performance.now() - begun;
  const cold = timed(queries, (query) => index.search(query, 10));
  const warm = timed(queries, (query) => index.search(query, 10));
  const exhaustive = timed(queries.slice(0, 100), (query) => index.scores(query));
  tell({
    loadMs,
    ...warm,
    coldP50: cold.p50,
    coldP99: cold.p99,
    exhaustiveP50: exhaustive.p50,
    residentMiB: process.memoryUsage().rss / 2 ** 20,
  });
}

/** Whether the ten that are found are those of scoring every document, in the same order, with the same bits. */
function isSame(index: InvertedIndex, query: string): boolean {
  const scores = index.scores(query);
  const least = topK(scores, 10, 0).at(-1)?.score ?? Number.POSITIVE_INFINITY;
  const best = [];
  for (let doc = 0; doc < scores.length; doc++) {
    const score = scores[doc] as number;
    if (score >= least) best.push({ id: index.documentId(doc), score });
  }
  best.sort((a, b) => b.score - a.score || (a.id < b.id ? 1 : -1));
  return JSON.stringify(best.slice(0, 10)) === JSON.stringify(index.search(query, 10));
}
