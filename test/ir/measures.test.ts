import { describe, expect, test } from '@jest/globals';
import { evaluate, parseMeasure, recall, reciprocalRank } from '../../lib/ir/measures.ts';

const judged = new Map([
  ['a', 1],
  ['b', 0],
  ['c', 2],
  ['d', 1],
]);

describe('measures', () => {
  test.each([
    [['a', 'b', 'c'], 1],
    [['b', 'x', 'c', 'a'], 1 / 3],
    [['b', 'x', 'y', 'z', 'a'], 1 / 5],
    [['b', 'x'], 0],
    [[], 0],
  ])('reciprocal rank of %p is %d', (ranking, value) => {
    expect(reciprocalRank().evaluate(ranking, judged)).toBe(value);
  });

  test('a cutoff hides what is below it', () => {
    expect(reciprocalRank(2).evaluate(['b', 'x', 'c'], judged)).toBe(0);
    expect(reciprocalRank(3).evaluate(['b', 'x', 'c'], judged)).toBe(1 / 3);
  });

  test.each([
    [['a', 'b', 'c'], 2, 1 / 3],
    [['a', 'b', 'c'], 3, 2 / 3],
    [['d', 'c', 'a'], 100, 1],
    [['a', 'a', 'a'], 3, 1 / 3],
  ])('recall of %p at %d is %d', (ranking, cutoff, value) => {
    expect(recall(cutoff).evaluate(ranking, judged)).toBeCloseTo(value, 12);
  });

  test('recall is 0 where nothing is relevant', () => {
    expect(recall(10).evaluate(['b'], new Map([['b', 0]]))).toBe(0);
  });

  test('evaluates every judged topic, also those that the run lacks', () => {
    const run = new Map([[1, ['x', 'a']]]);
    const qrels = new Map([
      [1, judged],
      [2, judged],
    ]);
    const values = evaluate([reciprocalRank(10), recall(100)], run, qrels);
    expect([...values.keys()]).toEqual(['RR@10', 'R@100']);
    expect([...values.get('RR@10')!]).toEqual([
      [1, 0.5],
      [2, 0],
    ]);
    expect(values.get('R@100')!.get(1)).toBeCloseTo(1 / 3, 12);
  });

  test('measures are parsed from their names', () => {
    expect(parseMeasure('RR@10')).toMatchObject({ name: 'RR@10', cutoff: 10 });
    expect(parseMeasure('R@100')).toMatchObject({ name: 'R@100', cutoff: 100 });
    expect(parseMeasure('RR')).toMatchObject({ name: 'RR', cutoff: undefined });
    for (const name of ['MRR@10', 'RR@0', 'R@', 'constructor', '']) {
      expect(() => parseMeasure(name)).toThrow(`for measure but received ${JSON.stringify(name)}`);
    }
  });

  test('a cutoff is a positive integer', () => {
    expect(() => recall(1.5)).toThrow('Expected a positive integer for cutoff but received 1.5');
  });
});
