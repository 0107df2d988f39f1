/**
 * Trains a search engine for TypeScript declarations on their own documentation, and compares it with BM25:
 *
 *     npm run demo                       the packages installed here, one seed
 *     npm run demo -- --seeds 3          three seeds, and their mean
 *     npm run demo -- --from DIR         any other tree with .d.ts files
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { progress, type ValidationEvent } from 'xpmir';
import type { Part } from './jsdoc/corpus.ts';
import { Declarations } from './jsdoc/data.ts';
import { DualEncoder } from './jsdoc/encoder.ts';
import { DEFAULT_FROM, DEFAULT_OUT, readArguments, runProgram } from './jsdoc/program.ts';
import {
  type Bm25Parameters,
  bm25Index,
  bm25Scores,
  CHOSEN_BY,
  denseScores,
  evaluateRanker,
  means,
  mixedScores,
  NAMES,
  type Ranker,
  tuneBm25,
  tuneWeight,
} from './jsdoc/rankers.ts';
import { describe, Searcher } from './jsdoc/saved.ts';
import { type Row, resultTable } from './jsdoc/table.ts';
import { jsdocLearner, LISTENER } from './jsdoc/training.ts';

const USAGE = `Usage: npm run demo -- [--from DIR] [--seeds N] [--epochs N] [--out DIR] [--quiet]

  --from DIR   tree whose .d.ts files are read (default ${DEFAULT_FROM})
  --seeds N    how many models to train, with seeds 0 to N - 1 (default 1)
  --epochs N   passes over the training part (default 10)
  --out DIR    where the model and its index are saved (default ${DEFAULT_OUT})
  --quiet      no progress, only results`;

const ENCODER = { buckets: 32768, dim: 256 };
const EXAMPLES = [
  'read a file line by line',
  'wait until all promises have settled',
  'check whether a path exists',
];

interface Settings {
  readonly out: string;
  readonly epochs: number;
  readonly quiet: boolean;
}

await runProgram(USAGE, async () => {
  const { values, count } = readArguments({
    from: 'string',
    seeds: 'string',
    epochs: 'string',
    out: 'string',
    quiet: 'boolean',
  });
  const from = values.from ?? DEFAULT_FROM;
  const seeds = count('seeds', 1);
  const settings = {
    out: values.out ?? DEFAULT_OUT,
    epochs: count('epochs', 10),
    quiet: Boolean(values.quiet),
  };

  const data = readData(from);
  const { corpus } = data;
  console.log('Choosing k1 and b of BM25 on the validation part');
  const parameters = tuneBm25(corpus);
  const lexical = bm25Scores(bm25Index(corpus.documents), corpus.topics, parameters);
  const baseline = evaluateOn('validation', lexical, data);
  console.log(`BM25 with k1 ${parameters.k1} and b ${parameters.b}: ${inWords(baseline)}`);

  const rows: Row[] = [{ name: 'BM25', values: [evaluateOn('test', lexical, data)] }];
  const trained: Trained[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    if (seeds > 1) console.log(`Seed ${seed}`);
    trained.push(await trainOne(seed, data, parameters, lexical, settings));
  }
  rows.push({ name: 'dual encoder', values: trained.map(({ dense }) => dense) });
  rows.push({ name: 'both mixed', values: trained.map(({ mixed }) => mixed) });
  console.log(
    `\nTest part: ${data.topics('test').length} queries over ${corpus.documents.length} declarations`,
  );
  console.log(resultTable(rows, NAMES));

  const searcher = await Searcher.load(settings.out);
  for (const query of EXAMPLES) console.log(`\n${query}\n${describe(searcher.search(query, 3))}`);
  console.log(`\nMore: node --import tsx examples/search.ts "your own words"`);
});

function readData(from: string): Declarations {
  console.log(`Reading the declarations under ${from}`);
  const data = Declarations.under(from);
  const { corpus } = data;
  const sizes = (['train', 'validation', 'test'] as const).map((part) => ({
    part,
    size: data.topics(part).length,
  }));
  const told = sizes.map(({ part, size }) => `${size} ${part}`).join(', ');
  if (corpus.documents.length === 0)
    throw new Error(`No documented declarations under ${from}: it needs .d.ts files with JSDoc`);
  if (sizes.some(({ size }) => size === 0)) {
    throw new Error(
      `Too few documented declarations under ${from}: ${corpus.documents.length}, in parts ${told}`,
    );
  }
  console.log(`${corpus.documents.length} documented declarations, ${corpus.topics.length} queries: ${told}`);
  return data;
}

interface Trained {
  readonly dense: Readonly<Record<string, number>>;
  readonly mixed: Readonly<Record<string, number>>;
}

/** Trains with one seed, evaluates on the test part, and, the first time, saves what searches. */
async function trainOne(
  seed: number,
  data: Declarations,
  parameters: Bm25Parameters,
  lexical: Ranker,
  { out, epochs, quiet }: Settings,
): Promise<Trained> {
  const encoder = new DualEncoder(ENCODER);
  const collection = data.collection(encoder);
  const baseline = evaluateOn('validation', lexical, data);
  const beside = ({ metrics }: ValidationEvent) =>
    Object.fromEntries([...metrics.keys()].map((name) => [`BM25 ${name}`, baseline[name]!]));
  const path = join(out, 'training', `seed-${seed}`);
  rmSync(path, { recursive: true, force: true });
  const batchSize = Math.min(256, data.topics('train').length);
  const stepsPerEpoch = Math.ceil(data.topics('train').length / batchSize);
  const learner = jsdocLearner({ data, encoder, lr: 5e-3, seed, epochs, batchSize, stepsPerEpoch });
  const { listeners } = await learner.run({ path, progress: progress({ quiet, beside }) });
  // The encoder as it was in its best epoch.
  await listeners[LISTENER]![CHOSEN_BY]!.execute();

  const vectors = encoder.encode(collection.documents);
  const dense = denseScores(encoder, vectors, collection);
  const weight = tuneWeight(lexical, dense, collection);
  if (seed === 0)
    await new Searcher(encoder, data.corpus, vectors, { encoder: ENCODER, bm25: parameters, weight }).save(
      out,
    );
  return {
    dense: evaluateOn('test', dense, data),
    mixed: evaluateOn('test', mixedScores(lexical, dense, weight), data),
  };
}

function evaluateOn(part: Part, ranker: Ranker, data: Declarations): Record<string, number> {
  return means(evaluateRanker(ranker, data.corpus, data.topics(part)));
}

function inWords(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${value.toFixed(4)}`)
    .join(', ');
}
