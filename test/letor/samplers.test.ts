/** Samplers of rankers: what they give, and that a run goes on where it stopped. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { EndlessIterator, RandomState, type Sampler } from '../../lib/learning/index.ts';
import { prefetchBatches } from '../../lib/learning/prefetch.ts';
import {
  type AnySample,
  DistillationPairwiseSampler,
  GivenRankings,
  JSONLPairwiseSampleDataset,
  judge,
  OpenTexts,
  PairwiseDatasetTripletBasedSampler,
  PairwiseInBatchNegativesSampler,
  PairwiseModelBasedSampler,
  type PairwiseRecord,
  PairwiseSamplerFromJSONL,
  PairwiseSamplerFromTSV,
  PointwiseModelBasedSampler,
  type PointwiseSample,
  RandomSpanSampler,
  RandomSwapSampler,
  SampleHydrator,
  SamplePrefixAdding,
  SampleTransformList,
  TransformAdapter,
  TripletBasedSampler,
  TsvTexts,
  writeHardNegatives,
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
  ['columns', new PairwiseSamplerFromTSV({ file: wide, columns })],
  ['JSON lines', new PairwiseSamplerFromJSONL({ file: jsonl })],
  ['scores of a teacher', new DistillationPairwiseSampler({ file: scored })],
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
      'expected a score, received ""',
    ],
    [
      'no number',
      new DistillationPairwiseSampler({ file: file('bad3', ['1\tx\ta\tb\tc']) }),
      'expected a score, received "x"',
    ],
    ['no JSON', new PairwiseSamplerFromJSONL({ file: file('bad4', ['{']) }), 'bad4, line 1'],
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

  test('come from a file of identifiers and texts, or from a store that is open', async () => {
    const store = new TsvTexts({ file: file('texts', ['d1\tone\ttwo', 'd2\t', '']) });
    expect([...store.ids()]).toEqual(['d1', 'd2']);
    expect([store.text('d1'), store.text('d2')]).toEqual(['one\ttwo', '']);
    expect(() => store.text('d3')).toThrow('Expected a text for d3 in');
    expect(() => new TsvTexts({ file: file('texts2', ['d1\tone', 'd2']) }).text('d1')).toThrow(
      'texts2:2: expected an identifier, a tab and a text',
    );
    expect(await new OpenTexts(store).text('d1')).toBe('one\ttwo');
  });
});

describe('what a retriever found', () => {
  test('gives positives that are judged and negatives that are not, best first; topics without either are skipped', () => {
    const { topics, skipped } = judge({
      topics: ['a', 'b', 'c', 'd'].map((id) => ({ id, text: id })),
      qrels: new Map([
        ['a', new Map(Object.entries({ x: 2, y: 0, w: 1 }))],
        ['b', new Map(Object.entries({ x: 1 }))],
        ['c', new Map(Object.entries({ x: 0 }))],
      ]),
      run: new Map([
        ['a', new Map(Object.entries({ v: 1, x: 9, z: 2, y: 2 }))],
        ['b', new Map(Object.entries({ x: 3 }))],
        ['c', new Map(Object.entries({ y: 3 }))],
      ]),
    });
    expect(topics).toEqual([
      {
        topic: { id: 'a', text: 'a' },
        positives: [
          ['x', 2],
          ['w', 1],
        ],
        negatives: ['z', 'y', 'v'],
      },
    ]);
    expect(skipped).toBe(3);
  });

  test('points have the ratio and the grades; pairs are of one topic', async () => {
    const points = (await first(
      new PointwiseModelBasedSampler({ source, relevantRatio: 0.25 }),
      2000,
    )) as PointwiseSample[];
    const relevant = points.filter(({ relevance }) => relevance > 0);
    expect(relevant.length / 2000).toBeGreaterThan(0.2);
    expect(relevant.length / 2000).toBeLessThan(0.3);
    const number = ({ id }: { readonly id: string }) => Number(id.slice(1));
    for (const { topic, document, relevance } of points) {
      expect(number(document) % 5 === number(topic)).toBe(relevance > 0);
      if (relevance > 0) expect(relevance).toBe(1 + (number(document) % 2));
    }
    const pairs = (await first(new PairwiseModelBasedSampler({ source }), 200)) as PairwiseRecord[];
    for (const { topic, positive, negative } of pairs) {
      expect(number(positive) % 5).toBe(number(topic));
      expect(number(negative) % 5).not.toBe(number(topic));
    }
  });

  test('is kept in a file for the same configuration', async () => {
    const cache = join(directory, 'cache.json');
    const draw = (documents: number) =>
      first(new PairwiseModelBasedSampler({ source: new NumberedRankings({ documents }), cache }), 3);
    NumberedRankings.asked = 0;
    const found = await draw(20);
    expect(await draw(20)).toEqual(found);
    expect(NumberedRankings.asked).toBe(1);
    await draw(30);
    expect(NumberedRankings.asked).toBe(2);
    writeFileSync(cache, 'my notes');
    await expect(draw(20)).rejects.toThrow('cache.json: expected cached rankings');
    expect(readFileSync(cache, 'utf8')).toBe('my notes');
  });

  test('without any topic it is an error, and rankings without identity are not cached', async () => {
    const empty = new GivenRankings({ topics: [{ id: 'a', text: 'a' }], qrels: new Map(), run: new Map() });
    await expect(first(new PairwiseModelBasedSampler({ source: empty }))).rejects.toThrow(
      'received none (1 skipped)',
    );
    const given = new GivenRankings(source.rankings());
    const cache = join(directory, 'given.json');
    await expect(first(new PairwiseModelBasedSampler({ source: given, cache }))).rejects.toThrow(
      'GivenRankings',
    );
    expect(existsSync(cache)).toBe(false);
  });

  test('becomes a dataset of hard negatives', async () => {
    const path = join(directory, 'hard.jsonl');
    expect(writeHardNegatives(path, source.rankings(), { name: 'first', count: 2, skip: 1 })).toEqual({
      written: 5,
      skipped: 0,
    });
    const sampler = new PairwiseDatasetTripletBasedSampler({
      dataset: new JSONLPairwiseSampleDataset({ file: path }),
      negativeAlgo: 'first',
    });
    const [pair] = (await first(sampler)) as PairwiseRecord[];
    expect(pair!.topic).toEqual({ id: 't0', text: 'topic 0' });
    // Of d19, d18, d17 the first is left out.
    expect(['d18', 'd17']).toContain(pair!.negative.id);
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
