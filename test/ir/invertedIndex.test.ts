import { describe, expect, test } from '@jest/globals';
import { InvertedIndex } from '../../lib/ir/firststage/invertedIndex.ts';
import type { Similarity } from '../../lib/ir/firststage/similarity.ts';
import { itPython, runPython } from '../support/python.ts';

const TEXTS = ['read file', 'read read line line', 'write file sync', 'close socket now'];
const PLAIN = { stemmer: 'none', stopWords: 'none' } as const;
const indexOf = (texts: readonly string[]) =>
  InvertedIndex.of(
    texts.map((text, i) => ({ id: `d${i}`, text })),
    PLAIN,
  );
const ids = (found: readonly { id: string }[]) => found.map(({ id }) => id).join(' ');

describe('BM25', () => {
  test('scores as worked out by hand', () => {
    // N = 4, avgdl = 3; read: df 2, so idf = ln(1 + 2.5 / 2.5) = ln 2.
    const scores = indexOf(TEXTS).scores('read');
    // |d| = 2: k1 (1 − b + b · 2/3) = 1.2 · 0.75 = 0.9; tf 1: ln 2 / 1.9.
    expect(scores[0]).toBeCloseTo(Math.log(2) / 1.9, 12);
    // |d| = 4: 1.2 · (0.25 + 0.75 · 4/3) = 1.5; tf 2: 2 ln 2 / 3.5.
    expect(scores[1]).toBeCloseTo((2 * Math.log(2)) / 3.5, 12);
    expect([...scores.slice(2)]).toEqual([0, 0]);
  });

  test('takes other k1 and b, and variants', () => {
    // b = 0: every length counts the same, k1 = 0.9; socket: df 1.
    const score = (variant?: 'lucene' | 'robertson' | 'atire') =>
      indexOf(TEXTS).scores('socket', { similarity: { name: 'bm25', k1: 0.9, b: 0, variant } })[3];
    expect(score()).toBeCloseTo(Math.log(10 / 3) / 1.9, 12);
    expect(score('robertson')).toBeCloseTo(Math.log(3.5 / 1.5) / 1.9, 12);
    expect(score('atire')).toBeCloseTo((Math.log(4) * 1.9) / 1.9, 12);
  });

  test('counts a repeated query term as often as it is there, and ignores unknown ones', () => {
    const index = indexOf(TEXTS);
    const once = index.scores('file read')[0]!;
    const twice = index.scores(['file', 'file', 'read', 'nowhere'])[0]!;
    expect(twice - once).toBeCloseTo(index.scores('file')[0]!, 12);
  });

  itPython({ bm25s: undefined })('equals bm25s', () => {
    const documents = Array.from({ length: 60 }, (_, i) =>
      Array.from({ length: 3 + (i % 9) }, (__, j) => `t${(i * i + 7 * j * j + i * j) % 23}`),
    );
    const queries = [['t1', 't2', 't3'], ['t5', 't5', 't22'], ['t0']];
    const program = `
import json, sys, bm25s, logging
documents, queries = json.loads(sys.argv[1])
out = {}
for method in ["lucene", "robertson", "atire"]:
    model = bm25s.BM25(method=method, k1=0.9, b=0.4, dtype="float64")
    model.index(documents, show_progress=False)
    out[method] = [model.get_scores(q).tolist() for q in queries]
print(json.dumps(out))`;
    const expected = JSON.parse(runPython(program, JSON.stringify([documents, queries])));
    const index = indexOf(documents.map((document) => document.join(' ')));
    for (const variant of ['lucene', 'atire'] as const) {
      for (const [q, query] of queries.entries()) {
        const scores = index.scores(query, { similarity: { name: 'bm25', k1: 0.9, b: 0.4, variant } });
        for (const [d, score] of scores.entries()) expect(score).toBeCloseTo(expected[variant][q][d], 9);
      }
    }
  });
});

describe('query likelihood', () => {
  // |C| = 12; read occurs 3 times, file 2 times.
  test('by Dirichlet, worked out by hand', () => {
    const scores = indexOf(TEXTS).scores('read file', { similarity: { name: 'dirichlet', mu: 10 } });
    const prior = 2 * Math.log(10 / 12);
    expect(scores[0]).toBeCloseTo(Math.log(1 + 1 / 2.5) + Math.log(1 + 1 / (10 / 6)) + prior, 12);
    expect(scores[3]).toBeCloseTo(2 * Math.log(10 / 13), 12);
  });

  test('by Jelinek and Mercer, worked out by hand', () => {
    const similarity = { name: 'jelinek-mercer', lambda: 0.25 } as const;
    // (0.75 · 2/4) / (0.25 · 3/12)
    expect(indexOf(TEXTS).scores('read', { similarity })[1]).toBeCloseTo(Math.log(1 + 0.375 / 0.0625), 12);
  });

  test('only documents with a term of the query are found, whatever the others score', () => {
    const similarity = { name: 'dirichlet', mu: 1 } as const;
    const found = indexOf(['a a a a a a a a b', 'c', 'c d', 'b']).search('a', 10, { similarity });
    expect(ids(found)).toBe('d0');
  });
});

describe('search', () => {
  test('best first, equal scores by identifier, descending', () => {
    const index = indexOf([...TEXTS, 'read file']);
    expect(ids(index.search('read file', 10))).toBe('d4 d0 d1 d2');
    expect(ids(index.search('read file', 1))).toBe('d4');
    const many = indexOf(Array.from({ length: 12 }, () => 'same'));
    expect(ids(many.search('same', 3))).toBe('d9 d8 d7');
    const wide = InvertedIndex.of(
      ['é', 'z', '\u{1f600}', '\uffee', 'za'].map((id) => ({ id, text: 'same' })),
    );
    expect(ids(wide.search('same', 9))).toBe('\u{1f600} \uffee é za z');
  });

  test('without anything to find', () => {
    expect(indexOf(TEXTS).search('', 10)).toEqual([]);
    expect(indexOf(TEXTS).search('the nowhere', 10)).toEqual([]);
    expect(indexOf([]).search('a', 3)).toEqual([]);
    expect(indexOf(['', '']).search('a', 3)).toEqual([]);
    expect([...indexOf(['', '']).scores('a')]).toEqual([0, 0]);
    expect([...indexOf(['', 'a']).scores('a')][0]).toBe(0);
  });

  test('makes a run of all topics', async () => {
    const index = indexOf(TEXTS);
    const run = await index.searchAll(
      [
        { id: '1', text: 'socket' },
        { id: '2', text: 'nothing' },
      ],
      5,
    );
    expect([...run.keys()]).toEqual(['1', '2']);
    expect([...run.get('1')!.keys()]).toEqual(['d3']);
    expect(run.get('2')!.size).toBe(0);
    const topic = { id: '1', text: 'a' };
    await expect(index.searchAll([topic, topic], 5)).rejects.toThrow(
      'Expected topics that come once for topic but received "1"',
    );
    await expect(index.searchAll([topic], 5, { signal: AbortSignal.abort() })).rejects.toThrow('abort');
  });

  test('terms that JavaScript knows are terms', () => {
    const index = indexOf(['__proto__ constructor', 'hasOwnProperty', 'constructor constructor']);
    expect(ids(index.search('__proto__', 5))).toBe('d0');
    expect(ids(index.search('constructor', 5))).toBe('d2 d0');
    expect(index.termStatistics('constructor')).toEqual({ documents: 2, tokens: 3 });
    expect(index.termStatistics('valueOf')).toEqual({ documents: 0, tokens: 0 });
    expect(ids(InvertedIndex.of([{ id: '__proto__', text: 'a' }], PLAIN).search('a', 1))).toBe('__proto__');
  });

  test('frequencies of 255 and more', () => {
    const index = indexOf(['a '.repeat(254), 'a '.repeat(255), 'a '.repeat(100_000), 'b']);
    const scores = index.scores('a', { similarity: { name: 'bm25', b: 0 } });
    const idf = Math.log(1 + 1.5 / 3.5);
    for (const [i, tf] of [254, 255, 100_000].entries())
      expect(scores[i]).toBeCloseTo((idf * tf) / (tf + 1.2), 12);
    expect(index.statistics).toEqual({ documents: 4, tokens: 100_510 });
  });

  test('a title comes before the text', () => {
    const index = InvertedIndex.of([{ id: '1', text: 'text', title: 'Title' }], PLAIN);
    expect(index.search('title', 1)).toHaveLength(1);
    expect(index.documentLength(0)).toBe(2);
  });

  test('numbers and identifiers of documents', () => {
    const index = indexOf(TEXTS);
    expect([index.documentId(2), index.documentNumber('d2'), index.documentNumber('d9')]).toEqual([
      'd2',
      2,
      undefined,
    ]);
    expect(() => index.documentId(4)).toThrow('Expected a number from 0 to 3 for document but received 4');
  });
});

describe('refuses', () => {
  test.each([
    [0, 'Expected a positive integer for k but received 0'],
    [1.5, 'Expected a positive integer for k but received 1.5'],
    [Number.NaN, 'Expected a positive integer for k but received NaN'],
    [Number.POSITIVE_INFINITY, 'Expected a positive integer for k but received Infinity'],
  ])('k of %p', (k, message) => {
    expect(() => indexOf(TEXTS).search('a', k)).toThrow(message);
  });

  test.each([
    [{ name: 'bm25', k1: -1 }, 'Expected a number of at least 0 for k1 but received -1'],
    [{ name: 'bm25', k1: Number.NaN }, 'Expected a number of at least 0 for k1 but received NaN'],
    [{ name: 'bm25', b: 1.5 }, 'Expected a number from 0 to 1 for b but received 1.5'],
    [{ name: 'bm25', variant: 'plus' }, 'Expected one of lucene, robertson, atire for variant'],
    [{ name: 'bm25', K1: 1 }, 'did you mean k1?'],
    [{ name: 'dirichlet', mu: 0 }, 'Expected a number above 0 for mu but received 0'],
    [{ name: 'jelinek-mercer', lambda: 0 }, 'Expected a number above 0 and at most 1 for lambda'],
    [
      { name: 'tfidf' },
      'Expected a similarity named bm25, dirichlet or jelinek-mercer for similarity but received "tfidf"',
    ],
    [null, 'for similarity but received null'],
  ])('%j', (similarity, message) => {
    expect(() => indexOf(TEXTS).search('a', 1, { similarity: similarity as Similarity })).toThrow(message);
  });

  test('what is neither text nor terms', () => {
    expect(() => indexOf(TEXTS).search(5 as never, 1)).toThrow(
      'Expected text or an array of terms for query but received 5',
    );
  });

  test.each([
    [
      [
        { id: 'a', text: '' },
        { id: 'b', text: '' },
        { id: 'a', text: '' },
      ],
      'Document 3: its identifier "a" is that of document 1 already',
    ],
    [[{ id: '', text: '' }], 'white space and control characters for id of document 1 but received ""'],
    [[{ id: 'a b', text: '' }], 'for id of document 1 but received "a b"'],
    [[{ id: 'a\n', text: '' }], 'for id of document 1'],
    [[{ id: 'a\0', text: '' }], 'for id of document 1'],
    [[{ id: '\ud800', text: '' }], 'for id of document 1'],
    [[{ id: 1, text: '' }], 'for id of document 1 but received 1'],
    [[{ id: 'a', text: 1 }], 'Expected a string for text of document 1 (a) but received 1'],
    [[{ id: 'a' }], 'Expected a string for text of document 1 (a) but received undefined'],
    [[{ id: 'a', text: '', title: 1 }], 'Expected a string for title of document 1 (a) but received 1'],
    [[null], 'Expected an object for document 1 but received null'],
  ])('%j', (documents, message) => {
    expect(() => InvertedIndex.of(documents as never)).toThrow(message);
  });
});
