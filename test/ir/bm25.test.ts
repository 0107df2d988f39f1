import { describe, expect, test } from '@jest/globals';
import { Bm25Index } from '../../lib/ir/bm25.ts';

const DOCUMENTS = [
  ['read', 'file'],
  ['read', 'read', 'line', 'line'],
  ['write', 'file', 'sync'],
  ['close', 'socket', 'now'],
];

describe('BM25', () => {
  test('scores as worked out by hand', () => {
    // N = 4, avgdl = 3; read: df 2, so idf = ln(1 + 2.5 / 2.5) = ln 2.
    const scores = new Bm25Index(DOCUMENTS).scores(['read']);
    // |d| = 2: k1 (1 − b + b · 2/3) = 1.2 · 0.75 = 0.9; tf 1: ln 2 / 1.9.
    expect(scores[0]).toBeCloseTo(Math.log(2) / 1.9, 12);
    // |d| = 4: 1.2 · (0.25 + 0.75 · 4/3) = 1.5; tf 2: 2 ln 2 / 3.5.
    expect(scores[1]).toBeCloseTo((2 * Math.log(2)) / 3.5, 12);
    expect([...scores.slice(2)]).toEqual([0, 0]);
  });

  test('takes other k1 and b', () => {
    // b = 0: every length counts the same, k1 = 0.9; socket: df 1, idf = ln(1 + 3.5 / 1.5).
    const scores = new Bm25Index(DOCUMENTS, { k1: 0.9, b: 0 }).scores(['socket']);
    expect(scores[3]).toBeCloseTo(Math.log(10 / 3) / 1.9, 12);
  });

  test('counts a repeated query term as often as it is there, and ignores unknown ones', () => {
    const index = new Bm25Index(DOCUMENTS);
    const once = index.scores(['file', 'read'])[0]!;
    const twice = index.scores(['file', 'file', 'read', 'nowhere'])[0]!;
    expect(twice - once).toBeCloseTo(index.scores(['file'])[0]!, 12);
  });

  test('search returns only documents that share a term, best first, equals in order', () => {
    const index = new Bm25Index([...DOCUMENTS, ['read', 'file']]);
    expect(index.search(['read', 'file'], 10).map(({ doc }) => doc)).toEqual([0, 4, 1, 2]);
    expect(index.search(['read', 'file'], 1).map(({ doc }) => doc)).toEqual([0]);
    expect(index.search([], 10)).toEqual([]);
  });

  test('empty documents and an empty index are no error', () => {
    expect([...new Bm25Index([[], ['a']]).scores(['a'])][0]).toBe(0);
    expect([...new Bm25Index([[], []]).scores(['a'])]).toEqual([0, 0]);
    expect(new Bm25Index([]).search(['a'], 3)).toEqual([]);
  });

  test.each([
    [{ k1: -1 }, 'Expected a number of at least 0 for k1 but received -1'],
    [{ k1: Number.NaN }, 'Expected a number of at least 0 for k1 but received NaN'],
    [{ b: 1.5 }, 'Expected a number from 0 to 1 for b but received 1.5'],
  ])('refuses %p', (options, message) => {
    expect(() => new Bm25Index(DOCUMENTS, options)).toThrow(message);
  });

  test('refuses a k that is no positive integer', () => {
    expect(() => new Bm25Index(DOCUMENTS).search(['a'], 0)).toThrow(
      'Expected a positive integer for k but received 0',
    );
  });
});
