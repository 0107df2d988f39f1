/** What a term in a document is worth. */
import { expected } from '../../errors.ts';
import { checkOptions } from '../../options.ts';

/**
 * BM25. With idf and K = k1 · (1 − b + b · |d| / avgdl), a term that occurs tf times adds
 *
 * - `lucene`: ln(1 + (N − df + 0.5) / (df + 0.5)) · tf / (tf + K)
 * - `robertson`: ln((N − df + 0.5) / (df + 0.5)) · tf / (tf + K), less than 0 for a term of more than half of all documents
 * - `atire`: ln(N / df) · (k1 + 1) · tf / (tf + K)
 *
 * as C. Kamphuis and others, "Which BM25 do you mean?" (2020), write them. Lengths are exact: Lucene rounds them to a byte.
 */
export interface Bm25 {
  readonly name: 'bm25';
  /** How fast repeated terms saturate, at least 0; default 1.2, as in Lucene. */
  readonly k1?: number;
  /** How much long documents are held back, from 0 to 1; default 0.75, as in Lucene. */
  readonly b?: number;
  /** Default lucene. */
  readonly variant?: 'lucene' | 'robertson' | 'atire';
}

/**
 * The logarithm of the query's likelihood, smoothed by Dirichlet's prior, less what is the same for all documents (C. Zhai and
 * J. Lafferty, 2004): Σ ln(1 + tf / (mu · cf / |C|)) + |q| · ln(mu / (|d| + mu)), over the query's terms that the collection has.
 */
export interface Dirichlet {
  readonly name: 'dirichlet';
  /** Default 1000. */
  readonly mu?: number;
}

/** The same smoothed by Jelinek and Mercer's mixture: Σ ln(1 + (1 − lambda) · tf / |d| / (lambda · cf / |C|)). */
export interface JelinekMercer {
  readonly name: 'jelinek-mercer';
  /** Share of the collection, above 0 and at most 1; default 0.1, which suits short queries; 0.7 suits long ones. */
  readonly lambda?: number;
}

/** JSON that says how documents are scored. */
export type Similarity = Bm25 | Dirichlet | JelinekMercer;

export interface CollectionStatistics {
  readonly documents: number;
  /** Terms in all documents together. */
  readonly tokens: number;
}

export interface TermStatistics {
  /** Documents that have it. */
  readonly documents: number;
  /** How often it occurs in all of them together. */
  readonly tokens: number;
}

/** A similarity over a collection. */
export interface Scorer {
  /** The same for the same similarity. */
  readonly key: string;
  /** What one occurrence of a term in the query adds to a document that has it `frequency` times and is `length` terms long. */
  term(statistics: TermStatistics): (frequency: number, length: number) => number;
  /** What a document gets beside, given how many terms the query has; falls with its length. */
  document(length: number, queryLength: number): number;
}

const nothing = (): number => 0;

/** With all of its options, in one order: the same JSON for the same similarity. @throws ArgumentError for what is none */
export function completeSimilarity(
  similarity: Similarity,
): Required<Bm25> | Required<Dirichlet> | Required<JelinekMercer> {
  switch (similarity?.name) {
    case 'bm25': {
      const options = checkOptions('bm25', similarity, ['name', 'k1', 'b', 'variant']);
      const { name, k1 = 1.2, b = 0.75, variant = 'lucene' } = options;
      if (!(k1 >= 0 && Number.isFinite(k1))) throw expected('a number of at least 0', 'k1', k1);
      if (!(b >= 0 && b <= 1)) throw expected('a number from 0 to 1', 'b', b);
      if (!Object.hasOwn(WEIGHTS, variant))
        throw expected(`one of ${Object.keys(WEIGHTS).join(', ')}`, 'variant', variant);
      return { name, k1, b, variant };
    }
    case 'dirichlet': {
      const { name, mu = 1000 } = checkOptions('dirichlet', similarity, ['name', 'mu']);
      if (!(mu > 0 && Number.isFinite(mu))) throw expected('a number above 0', 'mu', mu);
      return { name, mu };
    }
    case 'jelinek-mercer': {
      const { name, lambda = 0.1 } = checkOptions('jelinek-mercer', similarity, ['name', 'lambda']);
      if (!(lambda > 0 && lambda <= 1)) throw expected('a number above 0 and at most 1', 'lambda', lambda);
      return { name, lambda };
    }
    default:
      throw expected(
        'a similarity named bm25, dirichlet or jelinek-mercer',
        'similarity',
        (similarity as { name?: unknown } | null)?.name ?? similarity,
      );
  }
}

/** @throws ArgumentError for what is none */
export function scorerOf(similarity: Similarity, collection: CollectionStatistics): Scorer {
  const complete = completeSimilarity(similarity);
  const key = JSON.stringify(complete);
  switch (complete.name) {
    case 'bm25':
      return { key, term: bm25Term(complete, collection), document: nothing };
    case 'dirichlet': {
      const { mu } = complete;
      return {
        key,
        term: ({ tokens }) => {
          const prior = (mu * tokens) / collection.tokens;
          return (frequency) => Math.log(1 + frequency / prior);
        },
        document: (length, queryLength) => queryLength * Math.log(mu / (length + mu)),
      };
    }
    case 'jelinek-mercer': {
      const { lambda } = complete;
      return {
        key,
        term: ({ tokens }) => {
          const ratio = ((1 - lambda) * collection.tokens) / (lambda * tokens);
          return (frequency, length) => Math.log(1 + (ratio * frequency) / length);
        },
        document: nothing,
      };
    }
  }
}

function bm25Term(
  { k1, b, variant }: Required<Bm25>,
  { documents, tokens }: CollectionStatistics,
): Scorer['term'] {
  const fixed = k1 * (1 - b);
  const perToken = tokens > 0 ? (k1 * b * documents) / tokens : 0;
  return ({ documents: df }) => {
    const weight = WEIGHTS[variant](documents, df, k1);
    return (frequency, length) => (weight * frequency) / (frequency + (fixed + perToken * length));
  };
}

const WEIGHTS = {
  lucene: (n: number, df: number, _k1: number): number => Math.log(1 + (n - df + 0.5) / (df + 0.5)),
  robertson: (n: number, df: number, _k1: number): number => Math.log((n - df + 0.5) / (df + 0.5)),
  atire: (n: number, df: number, k1: number): number => Math.log(n / df) * (k1 + 1),
} as const;
