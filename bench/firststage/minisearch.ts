/** `node --import tsx minisearch.ts CORPUS QUERIES FILE`: minisearch over the same terms, built and saved, or read from its JSON. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import MiniSearch from 'minisearch';
import { Analyzer } from '../../lib/ir/analysis/analyzer.ts';
import { readCorpus } from './corpus.ts';
import { tell, timed } from './measuring.ts';

const [corpus = '', queriesPath = '', path = ''] = process.argv.slice(2);
const analyzer = new Analyzer();
const options = {
  fields: ['text'],
  tokenize: (text: string) => analyzer.terms(text),
  processTerm: (term: string) => term,
};
if (!existsSync(path)) {
  const index = new MiniSearch(options);
  const begun = performance.now();
  for await (const document of readCorpus(corpus)) index.add(document);
  const seconds = (performance.now() - begun) / 1000;
  tell({
    documentsPerSecond: index.documentCount / seconds,
    buildPeakMiB: process.resourceUsage().maxRSS / 1024,
    ...searched(index),
  });
  writeFileSync(path, JSON.stringify(index));
  tell({ diskMiB: statSync(path).size / 2 ** 20 });
} else {
  const begun = performance.now();
  const index = MiniSearch.loadJSON(readFileSync(path, 'utf8'), options);
  tell({ loadMs: performance.now() - begun, ...searched(index) });
}

function searched(index: MiniSearch) {
  const queries = readFileSync(queriesPath, 'utf8').split('\n').slice(0, 50);
  const warm = timed(queries, (query) => index.search(query).slice(0, 10));
  return { ...warm, residentMiB: process.memoryUsage().rss / 2 ** 20 };
}
