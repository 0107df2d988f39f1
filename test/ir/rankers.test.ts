import { describe, expect, test } from '@jest/globals';
import {
  FullRetriever,
  IndexRetriever,
  interpolate,
  type Run,
  RunRetriever,
  reciprocalRankFusion,
  retrieveRun,
} from '../../lib/ir/index.ts';

const run = (topics: Readonly<Record<string, Readonly<Record<string, number>>>>): Run =>
  new Map(Object.entries(topics).map(([topic, scores]) => [topic, new Map(Object.entries(scores))]));
const topic = (id: string, text = id) => ({ id, text });

describe('retrievers', () => {
  test('of an index, by text', async () => {
    const asked: unknown[] = [];
    const index = {
      search(query: string, k: number) {
        asked.push([query, k]);
        return [{ id: query, score: 1 }];
      },
    };
    const found = await retrieveRun(new IndexRetriever(index, 3), [topic('1', 'a'), topic('2', 'b')]);
    expect(found).toEqual(run({ 1: { a: 1 }, 2: { b: 1 } }));
    expect(asked).toEqual([
      ['a', 3],
      ['b', 3],
    ]);
    expect(() => new IndexRetriever(index, 0)).toThrow('Expected a positive integer for topK but received 0');
  });

  test('of a run, in the order of trec_eval', () => {
    const retriever = new RunRetriever(run({ 1: { a: 1, c: 2, b: 2 } }), 2);
    expect(retriever.retrieve(topic('1')).map(({ id }) => id)).toEqual(['c', 'b']);
    expect(retriever.retrieve(topic('2'))).toEqual([]);
    expect(() => new RunRetriever(run({ 1: { a: Number.NaN } })).retrieve(topic('1'))).toThrow(
      'Expected a number for the score of document a for topic 1 but received NaN',
    );
  });

  test('of everything', () => {
    expect(new FullRetriever(['a', 'b']).retrieve()).toEqual([
      { id: 'b', score: 0 },
      { id: 'a', score: 0 },
    ]);
  });

  test('refuse no topics, the same one twice, and stop when they are told', async () => {
    const retriever = new FullRetriever(['a']);
    await expect(retrieveRun(retriever, [])).rejects.toThrow('at least one topic');
    await expect(retrieveRun(retriever, [topic('1'), topic('1')])).rejects.toThrow('1 is there twice');
    await expect(retrieveRun(retriever, [topic('1')], { signal: AbortSignal.abort() })).rejects.toThrow(
      'aborted',
    );
  });
});

describe('runs put together', () => {
  const a = run({ 1: { x: 10, y: 5, z: 0 }, 2: { x: 3 } });
  const b = run({ 1: { y: 1, w: 0.5 }, 3: { v: -1 } });

  test('by interpolation', () => {
    expect(interpolate(a, b, 0.75)).toEqual(
      run({ 1: { x: 0.75, y: 0.75 * 0.5 + 0.25, z: 0, w: 0 }, 2: { x: 0.75 }, 3: { v: 0.25 } }),
    );
    expect(interpolate(a, b, 0.5, { normalization: 'none' })).toEqual(
      run({ 1: { x: 5.25, y: 3, z: 0.25, w: 0.25 }, 2: { x: 1.5 }, 3: { v: -0.5 } }),
    );
    expect(() => interpolate(a, b, 2)).toThrow('weight');
    expect(() => interpolate(a, run({ 1: { x: Infinity } }), 0.5)).toThrow('document x for topic 1');
    expect(() => interpolate(a, b, 0.5, { normalisation: 'none' } as never)).toThrow(
      'did you mean normalization',
    );
  });

  test('by reciprocal ranks', () => {
    expect(reciprocalRankFusion([a, b])).toEqual(
      run({
        1: { x: 1 / 61, y: 1 / 62 + 1 / 61, z: 1 / 63, w: 1 / 62 },
        2: { x: 1 / 61 },
        3: { v: 1 / 61 },
      }),
    );
    expect(() => reciprocalRankFusion([])).toThrow('at least one run');
    expect(() => reciprocalRankFusion([a], -1)).toThrow('for k');
  });
});
