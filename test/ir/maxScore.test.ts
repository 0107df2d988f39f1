import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InvertedIndex } from '../../lib/ir/firststage/invertedIndex.ts';
import type { Similarity } from '../../lib/ir/firststage/similarity.ts';

const SIMILARITIES: readonly Similarity[] = [
  { name: 'bm25' },
  { name: 'bm25', k1: 0, b: 0 },
  { name: 'bm25', variant: 'robertson' },
  { name: 'bm25', variant: 'atire' },
  { name: 'dirichlet', mu: 3 },
  { name: 'jelinek-mercer' },
];
const PLAIN = { stemmer: 'none', stopWords: 'none', tokenizer: 'whitespace' } as const;

/** What scoring every document and sorting them all gives, to the last bit. */
function sortedAll(
  index: InvertedIndex,
  query: readonly string[],
  similarity: Similarity,
  has: (doc: number) => boolean,
) {
  const scores = index.scores(query, { similarity });
  return [...scores.keys()]
    .filter(has)
    .map((doc) => ({ id: index.documentId(doc), score: scores[doc]! }))
    .sort((a, b) => b.score - a.score || (a.id < b.id ? 1 : -1));
}

function check(
  texts: readonly string[],
  queries: readonly (readonly string[])[],
  ks: readonly number[],
): void {
  const index = InvertedIndex.of(
    texts.map((text, i) => ({ id: `d${(i * 7919) % 100_003}`, text })),
    PLAIN,
  );
  const terms = texts.map((text) => new Set(text.split(' ')));
  for (const similarity of SIMILARITIES) {
    for (const query of queries) {
      const all = sortedAll(index, query, similarity, (doc) => query.some((term) => terms[doc]!.has(term)));
      for (const k of ks) expect(index.search(query, k, { similarity })).toEqual(all.slice(0, k));
    }
  }
}

test('finds what scoring everything finds, ties included, in small collections', () => {
  const term = fc.constantFrom(...'abcdefg');
  const text = fc.array(term, { maxLength: 6 }).map((terms) => terms.join(' '));
  const query = fc.array(term, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(
      fc.array(text, { minLength: 1, maxLength: 40 }),
      fc.array(query, { maxLength: 3 }),
      (texts, queries) => check(texts, queries, [1, 3, 100]),
    ),
    { numRuns: 60 },
  );
});

test('and over many windows, with terms from everywhere to nowhere', () => {
  // Some 17 windows, more than one chunk of 65536 documents.
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const texts = Array.from({ length: 70_000 }, (_, i) => {
    const terms = [random() < 0.5 ? 'often' : 'also', `t${Math.floor(300 * random() ** 3)}`];
    if (i % 5000 === 4321) terms.push('rare', 'rare');
    if (i > 65_500 && i < 65_600) terms.push('here');
    if (random() < 0.1) terms.push(...Array.from({ length: Math.floor(8 * random()) }, () => 'often'));
    return terms.join(' ');
  });
  const queries = [
    ['often', 'also'],
    ['often', 'rare', 't0'],
    ['here', 'often', 't299', 't5'],
    ['also', 'also', 't3', 't200'],
    ['rare'],
  ];
  check(texts, queries, [1, 10, 1000]);
});
