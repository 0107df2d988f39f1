/** Samplers of rankers: what they give, and that a run goes on where it stopped. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { OpenDocuments } from '../../lib/ir/index.ts';
import { EndlessIterator, RandomState, type Sampler } from '../../lib/learning/index.ts';
import { prefetchBatches } from '../../lib/learning/prefetch.ts';
import {
  type AnySample,
  DistillationListwiseSampler,
  DistillationPairwiseSampler,
  HardNegativesDataset,
  JSONLPairwiseSampleDataset,
  PairwiseDatasetTripletBasedSampler,
  PairwiseInBatchNegativesSampler,
  PairwiseModelBasedSampler,
  PairwiseSamplerFromJSONL,
  PairwiseSamplerFromTSV,
  PointwiseModelBasedSampler,
  RandomSpanSampler,
  RandomSwapSampler,
  SampleHydrator,
  SamplePrefixAdding,
  SampleTransformList,
  TransformAdapter,
  TripletBasedSampler,
} from '../../lib/letor/index.ts';
import { all, expectResumable, loop, take } from '../learning/iteratorContract.ts';
import { newDirectory } from '../learning/toy.ts';
import { CountedTexts, NumberedRankings } from './sources.ts';

const directory = newDirectory();

function file(name: string, lines: readonly string[]): string {
  const path = join(directory, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

const rows = Array.from({ length: 7 }, (_, i) => i);
const lists = file(
  'lists.jsonl',
  rows.map((i) =>
    JSON.stringify({ topic: { id: `t${i}`, text: 'x' }, documents: ['d1', { text: 'y' }], scores: [i, -1] }),
  ),
);
const ids = file(
  'ids.tsv',
  rows.map((i) => `t${i}\td${i}\td${i + 1}`),
);
const texts = file(
  'texts.tsv',
  rows.map((i) => `what is ${i}?\t${i} is é\tnot ${i}`),
);
const scored = file(
  'scored.tsv',
  rows.map((i) => `${i}.5\t-${i}e-1\tt${i}\td${i}\td${i + 1}`),
);
const jsonl = file(
  'pairs.jsonl',
  rows.map((i) =>
    JSON.stringify({ topic: `t${i}`, positive: { id: `d${i}`, text: 'yes' }, negative: { text: 'no' } }),
  ),
);
const dataset = file(
  'dataset.jsonl',
  rows.slice(0, 4).map((i) =>
    JSON.stringify({
      topics: [`t${i}`, { id: `t${i}b`, text: 'in other words' }],
      positives: [`d${i}`, `d${i + 1}`],
      negatives: { bm25: [`d${i + 5}`, `d${i + 6}`, `d${i + 7}`], none: [] },
    }),
  ),
);

const compressed = join(directory, 'ids.tsv.gz');
writeFileSync(compressed, gzipSync(rows.map((i) => `t${i}\td${i}\td${i + 1}\n`).join('')));
const hard = file(
  'hard-negatives.jsonl',
  rows
    .slice(0, 4)
    .map((i) =>
      JSON.stringify({ qid: i, pos: [10 + i], neg: { bm25: [20 + i, { pid: 30 + i, 'ce-score': 1 }] } }),
    ),
);

const source = new NumberedRankings({ documents: 20 });
const documents = new CountedTexts();
const triplets = new TripletBasedSampler({ file: ids });
const hydrated = new TransformAdapter({
  sampler: triplets,
  adapter: new SampleHydrator({ documentstore: documents, querystore: documents }),
});
const columns = ['lang', 'negative', 'topicId', 'topic', 'positiveId'];
const wide = file(
  'wide.tsv',
  rows.map((i) => `en\tnot ${i}\tt${i}\twhat is ${i}?\td${i}`),
);
const fromDataset = (negativeAlgo: string) =>
  new PairwiseDatasetTripletBasedSampler({
    dataset: new JSONLPairwiseSampleDataset({ file: dataset }),
    negativeAlgo,
    documents,
  });

const samplers: readonly [string, Sampler][] = [
  ['triples of identifiers', triplets],
  ['triples of texts', new TripletBasedSampler({ file: texts, texts: true })],
  ['a compressed file', new TripletBasedSampler({ file: compressed })],
  [
    'hard negatives by identifier',
    new PairwiseDatasetTripletBasedSampler({
      dataset: new HardNegativesDataset({ file: hard }),
      negativeAlgo: 'bm25',
    }),
  ],
  ['columns', new PairwiseSamplerFromTSV({ file: wide, columns })],
  ['JSON lines', new PairwiseSamplerFromJSONL({ file: jsonl })],
  ['scores of a teacher', new DistillationPairwiseSampler({ file: scored })],
  ['lists of a teacher', new DistillationListwiseSampler({ file: lists })],
  ['named negatives', fromDataset('bm25')],
  ['random negatives', fromDataset('random')],
  ['points of a retriever', new PointwiseModelBasedSampler({ source })],
  ['pairs of a retriever', new PairwiseModelBasedSampler({ source })],
  ['spans', new RandomSpanSampler({ documents, maxSpansize: 6 })],
  ['in-batch negatives', new PairwiseInBatchNegativesSampler({ sampler: triplets })],
  ['random order', new RandomSwapSampler({ sampler: fromDataset('bm25') })],
  ['fetched texts', hydrated],
];

describe('samplers', () => {
  test.each(samplers)('%s: interrupted anywhere, the rest is the same', async (_name, sampler) => {
    await expectResumable(() => sampler.iterate(RandomState.fromSeed(4)), 5, 12);
    const batches = () => new EndlessIterator(sampler.batches(RandomState.fromSeed(4), 3));
    await expectResumable(batches, 3, 5);
  });

  test.each(samplers)('%s: a thread makes the same ahead', async (_name, sampler) => {
    const plain = new EndlessIterator(sampler.batches(RandomState.fromSeed(4), 3));
    const ahead = prefetchBatches(sampler, { random: RandomState.fromSeed(4), batchSize: 3, capacity: 2 });
    try {
      expect(await take(ahead, 6)).toEqual(await take(plain, 6));
      expect(ahead.stateDict()).toEqual(plain.stateDict());
    } finally {
      await ahead.close();
    }
  });
});

const first = async (sampler: Sampler, count = 1) =>
  await take(sampler.iterate(RandomState.fromSeed(0)), count);

describe('files', () => {
  test('have identifiers, texts or both', async () => {
    expect(await first(triplets)).toEqual([
      { topic: { id: 't0' }, positive: { id: 'd0' }, negative: { id: 'd1' } },
    ]);
    expect(await first(new TripletBasedSampler({ file: texts, texts: true }))).toEqual([
      {
        topic: { id: '', text: 'what is 0?' },
        positive: { id: '', text: '0 is é' },
        negative: { id: '', text: 'not 0' },
      },
    ]);
    expect(await first(new PairwiseSamplerFromTSV({ file: wide, columns }))).toEqual([
      {
        topic: { id: 't0', text: 'what is 0?' },
        positive: { id: 'd0' },
        negative: { id: '', text: 'not 0' },
      },
    ]);
    expect(await first(new PairwiseSamplerFromJSONL({ file: jsonl }))).toEqual([
      { topic: { id: 't0' }, positive: { id: 'd0', text: 'yes' }, negative: { id: '', text: 'no' } },
    ]);
    expect((await first(new DistillationPairwiseSampler({ file: scored }), 2))[1]).toEqual({
      topic: { id: 't1' },
      positive: { id: 'd1' },
      negative: { id: 'd2' },
      positiveScore: 1.5,
      negativeScore: -0.1,
    });
    expect(await first(new DistillationListwiseSampler({ file: lists }))).toEqual([
      { topic: { id: 't0', text: 'x' }, documents: [{ id: 'd1' }, { id: '', text: 'y' }], scores: [0, -1] },
    ]);
    const few = file('few.jsonl', ['{"topic":"t","documents":["a","b"],"scores":[1]}']);
    await expect(first(new DistillationListwiseSampler({ file: few }))).rejects.toThrow(
      'line 1: expected 2 numbers under "scores", received [1]',
    );
    const byText = new DistillationPairwiseSampler({ file: scored, withDocid: false, withQueryid: false });
    expect(await first(byText)).toEqual([
      expect.objectContaining({ topic: { id: '', text: 't0' }, negative: { id: '', text: 'd1' } }),
    ]);
  });

  test('state is a byte of the file', () => {
    const iterator = triplets.iterate();
    expect(iterator.stateDict()).toMatchObject({ offset: 0 });
  });

  test.each([
    [
      'two fields',
      new TripletBasedSampler({ file: file('bad1', ['a\tb\tc', 'a\tb']) }),
      'line 2: expected 3 fields',
    ],
    [
      'no score',
      new DistillationPairwiseSampler({ file: file('bad2', ['1\t\ta\tb\tc']) }),
      'expected a finite number as the score, received ""',
    ],
    [
      'no number',
      new DistillationPairwiseSampler({ file: file('bad3', ['1\tx\ta\tb\tc']) }),
      'expected a finite number as the score, received "x"',
    ],
    ['no JSON', new PairwiseSamplerFromJSONL({ file: file('bad4', ['{']) }), 'bad4, line 1'],
    [
      'an empty identifier',
      new TripletBasedSampler({ file: file('bad7', ['a\tb\tc', 'a\t\tc']) }),
      'bad7, line 2: expected an identifier in "positive", received ""',
    ],
    [
      'a number for an identifier',
      new PairwiseSamplerFromJSONL({ file: file('bad5', ['{"topic": 1}']) }),
      'expected an identifier, or an object of id and text, under "topic"',
    ],
    [
      'no lists',
      new JSONLPairwiseSampleDataset({
        file: file('bad6', ['{"topics": ["a"], "positives": "b", "negatives": {}}']),
      }),
      'expected an array under "positives"',
    ],
  ])('%s is named with its file and place', async (_name, sampler, message) => {
    await expect(all(sampler.iterate() as never)).rejects.toThrow(message);
  });

  test('columns have all three sides once', () => {
    expect(() =>
      new PairwiseSamplerFromTSV({ file: ids, columns: ['topic', 'positiveId'] }).validate(),
    ).toThrow('negative or their identifiers');
  });
});

describe('texts', () => {
  test('are fetched for what is given, not for what a resumed run skips', async () => {
    const iterator = hydrated.iterate(RandomState.fromSeed(0));
    await take(iterator, 4);
    const again = hydrated.iterate(RandomState.fromSeed(0));
    again.loadStateDict(iterator.stateDict());
    documents.fetched.length = 0;
    expect(await take(again, 1)).toEqual([
      {
        topic: { id: 't4', text: 'text of t4' },
        positive: { id: 'd4', text: 'text of d4' },
        negative: { id: 'd5', text: 'text of d5' },
      },
    ]);
    expect(documents.fetched).toEqual(['t4', 'd4', 'd5']);
  });

  test('get prefixes, one transform after the other, in records of any kind', async () => {
    const adapter = new SampleTransformList({
      adapters: [
        new SampleHydrator({ documentstore: documents }),
        new SamplePrefixAdding({ queryPrefix: 'query: ', documentPrefix: 'passage: ' }),
      ],
    });
    const sampler = new TransformAdapter({
      sampler: new PairwiseInBatchNegativesSampler({ sampler: triplets }),
      adapter,
    });
    expect(await first(sampler)).toEqual([
      {
        topic: { id: 't0' },
        documents: [
          { id: 'd0', text: 'passage: text of d0' },
          { id: 'd1', text: 'passage: text of d1' },
        ],
        relevances: [1, 0],
      },
    ]);
    const points = new TransformAdapter({ sampler: new PointwiseModelBasedSampler({ source }), adapter });
    const [point] = (await first(points)) as AnySample[];
    expect(point!.topic.text).toMatch(/^query: topic \d$/);
    expect(point!.document!.text).toMatch(/^passage: text of d\d+$/);
  });

  test('come with titles, which prefixes are put before; what is not there is an error', async () => {
    const adapter = new SampleTransformList({
      adapters: [
        new SampleHydrator({
          documentstore: new OpenDocuments(
            new Map([
              ['d0', { id: 'd0', text: 'a plant', title: 'Tree' }],
              ['d1', { id: 'd1', text: 'a vessel', title: '' }],
            ]),
          ),
          querystore: new OpenDocuments({ get: (id: string) => ({ id, text: 'what?' }) }),
        }),
        new SamplePrefixAdding({ queryPrefix: 'query: ', documentPrefix: 'passage: ' }),
      ],
    });
    const iterator = new TransformAdapter({ sampler: triplets, adapter }).iterate(RandomState.fromSeed(0));
    expect(await take(iterator, 1)).toEqual([
      {
        topic: { id: 't0', text: 'query: what?' },
        positive: { id: 'd0', text: 'a plant', title: 'passage: Tree' },
        negative: { id: 'd1', text: 'passage: a vessel', title: '' },
      },
    ]);
    await expect(take(iterator, 1)).rejects.toThrow('There is no text of "d2"');
  });
});

describe('a dataset of pairs', () => {
  test('gives each topic in turn, with what is drawn from its lists', async () => {
    const seen = (await loop(fromDataset('bm25').iterate(RandomState.fromSeed(2)), 500)) as AnySample[];
    const drawn = seen.filter(({ topic }) => topic?.id.startsWith('t1'));
    expect(new Set(drawn.map(({ topic }) => topic.id))).toEqual(new Set(['t1', 't1b']));
    expect(new Set(drawn.map(({ positive }) => positive!.id))).toEqual(new Set(['d1', 'd2']));
    expect(new Set(drawn.map(({ negative }) => negative!.id))).toEqual(new Set(['d6', 'd7', 'd8']));
    const random = (await loop(fromDataset('random').iterate(RandomState.fromSeed(2)), 500)) as AnySample[];
    const others = new Set(
      random.flatMap(({ topic, negative }) => (topic?.id === 't1' ? [negative!.id] : [])),
    );
    expect(others.size).toBe(10);
    expect([others.has('d1'), others.has('d2')]).toEqual([false, false]);
  });

  test('refuses lists that are not there, and random negatives from nowhere', async () => {
    await expect(first(fromDataset('none'))).rejects.toThrow(
      'Expected at least one of negatives.none for topic t0 but received none',
    );
    const sampler = new PairwiseDatasetTripletBasedSampler({
      dataset: new JSONLPairwiseSampleDataset({ file: dataset }),
    });
    expect(() => sampler.validate()).toThrow('a place to take random negatives from');
  });
});
