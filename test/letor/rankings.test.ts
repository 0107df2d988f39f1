/** What is sampled from the rankings of a retriever. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { FileAdhoc, RunFileRetriever, readRun } from '../../lib/ir/index.ts';
import { RandomState, type Sampler } from '../../lib/learning/index.ts';
import {
  GivenRankings,
  JSONLPairwiseSampleDataset,
  judge,
  PairwiseDatasetTripletBasedSampler,
  PairwiseModelBasedSampler,
  type PairwiseRecord,
  PointwiseModelBasedSampler,
  type PointwiseSample,
  RetrieverRankings,
  writeHardNegatives,
} from '../../lib/letor/index.ts';
import { take } from '../learning/iteratorContract.ts';
import { newDirectory } from '../learning/toy.ts';
import { NumberedRankings, NumberedRetriever } from './sources.ts';

const directory = newDirectory();

function file(name: string, lines: readonly string[]): string {
  const path = join(directory, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

const source = new NumberedRankings({ documents: 20 });

const first = async (sampler: Sampler, count = 1) =>
  await take(sampler.iterate(RandomState.fromSeed(0)), count);

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

  test('ties are in the order of trec_eval, by code points', () => {
    const found = judge({
      topics: [{ id: 'a', text: 'a' }],
      qrels: new Map([['a', new Map([['x', 1]])]]),
      run: new Map([['a', new Map(['\u{ff5e}', '\u{1f600}', 'b'].map((id) => [id, 1]))]]),
    });
    expect(found.topics[0]!.negatives).toEqual(['\u{1f600}', '\u{ff5e}', 'b']);
  });

  const dataset = new FileAdhoc({
    datasetId: 'numbers',
    topics: file(
      'topics.tsv',
      [0, 1, 2].map((i) => `t${i}\ttopic ${i}`),
    ),
    qrels: file('qrels.txt', ['t0 0 d0 1', 't1 0 d1 2']),
  });

  test('comes from a retriever, which is asked once for each judged topic and configuration', async () => {
    const cache = join(directory, 'runs');
    const find = (documents: number) =>
      new RetrieverRankings({ retriever: new NumberedRetriever({ documents }), dataset, cache });
    NumberedRetriever.asked = 0;
    const once = find(3);
    const found = await once.rankings();
    expect([...found.topics].map(({ id }) => id)).toEqual(['t0', 't1']);
    expect(await once.rankings()).toEqual(found);
    expect((await find(3).rankings()).run.get('t1')).toEqual(found.run.get('t1'));
    expect(NumberedRetriever.asked).toBe(2);
    const [kept] = readdirSync(cache);
    expect([...(await readRun(join(cache, kept!))).get('t0')!]).toEqual([
      ['d2', 2 / 3],
      ['d1', 1 / 3],
      ['d0', 0],
    ]);
    expect((await find(4).rankings()).run.get('t0')!.size).toBe(4);
    expect(NumberedRetriever.asked).toBe(4);
  });

  test('comes from files alone', async () => {
    const run = file('first.run', ['t0 Q0 d5 1 2 x', 't0 Q0 d0 2 1 x', 't1 Q0 d1 1 1 x']);
    const files = new RetrieverRankings({
      retriever: new RunFileRetriever({ runId: 'first', file: run }),
      dataset,
    });
    expect(judge(await files.rankings())).toEqual({
      topics: [{ topic: expect.objectContaining({ id: 't0' }), positives: [['d0', 1]], negatives: ['d5'] }],
      skipped: 1,
    });
  });

  test('without any topic it is an error, and what has no identity is not kept', async () => {
    const empty = new GivenRankings({ topics: [{ id: 'a', text: 'a' }], qrels: new Map(), run: new Map() });
    await expect(first(new PairwiseModelBasedSampler({ source: empty }))).rejects.toThrow(
      'received none (1 skipped)',
    );
    class Local extends NumberedRetriever {}
    const cache = join(directory, 'none');
    const local = new RetrieverRankings({ retriever: new Local({ documents: 3 }), dataset, cache });
    await expect(local.rankings()).rejects.toThrow('Local');
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
