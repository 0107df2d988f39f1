import { expect, test } from '@jest/globals';
import { topK } from '../../lib/ir/topK.ts';

test('equals sorting everything, equals in order', () => {
  const scores = Float64Array.from({ length: 500 }, (_, i) => (i * 7919) % 23);
  const sorted = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);
  for (const k of [1, 2, 10, 499, 500, 1000])
    expect(topK(scores, k).map(({ doc }) => doc)).toEqual(sorted.slice(0, k));
});

test('leaves out NaN and what is not above the floor', () => {
  expect(topK([0, Number.NaN, 2, -1, 1], 10, 0)).toEqual([
    { doc: 2, score: 2 },
    { doc: 4, score: 1 },
  ]);
  expect(topK([1, 2], 0)).toEqual([]);
});
