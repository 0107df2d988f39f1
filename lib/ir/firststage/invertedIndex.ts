/**
 * The first stage of a ranking: which documents share terms with a query, best first.
 */
import { expected } from '../../errors.ts';
import { disk } from '../../learning/disk.ts';
import { checkOptions } from '../../options.ts';
import { Analyzer, type AnalyzerOptions } from '../analysis/analyzer.ts';
import type { Document, Run, ScoredDocument, Topic } from '../types.ts';
import { type BuildOptions, buildInMemory, buildOnDisk } from './build.ts';
import { checkArrays } from './checkArrays.ts';
import { type IndexArrays, readIndexFiles } from './indexFiles.ts';
import { maxScore, type Query, type QueryTerm, type Searched, scoreAll } from './maxScore.ts';
import { documentFrequency } from './postings.ts';
import { type CollectionStatistics, type Similarity, scorerOf, type TermStatistics } from './similarity.ts';
import { StringTable } from './stringTable.ts';
import { Turns } from './turns.ts';
import { WINDOW_BITS, WindowCache, windowsOf } from './windows.ts';

/** Bytes for what is known of terms that were searched for. */
const CACHE = 2 ** 26;
const BM25: Similarity = { name: 'bm25' };

export interface SearchOptions {
  /** How documents are scored; default BM25 as in Lucene, k1 1.2 and b 0.75. */
  readonly similarity?: Similarity;
}

export interface SearchAllOptions extends SearchOptions {
  readonly signal?: AbortSignal;
}

/**
 * An immutable inverted index: postings, document lengths and identifiers in typed arrays, and the analyzer that made the terms.
 * Similarities are chosen with each search.
 */
export class InvertedIndex {
  readonly analyzer: Analyzer;
  readonly statistics: CollectionStatistics;
  readonly #ids: StringTable;
  readonly #terms: StringTable;
  readonly #searched: Searched;
  readonly #windows = new WindowCache(CACHE);

  private constructor(arrays: IndexArrays, analyzer: Analyzer) {
    const { idBytes, idEnds, idSlots, termBytes, termEnds, termSlots, lengths } = arrays;
    this.analyzer = analyzer;
    this.#ids = new StringTable({ bytes: idBytes, ends: idEnds, slots: idSlots });
    this.#terms = new StringTable({ bytes: termBytes, ends: termEnds, slots: termSlots });
    const shortest = new Uint32Array(Math.ceil(lengths.length / 2 ** WINDOW_BITS)).fill(0xffffffff);
    let tokens = 0;
    for (let at = 0; at < lengths.length; at++) {
      const length = lengths[at] as number;
      tokens += length;
      const window = at >>> WINDOW_BITS;
      if (length < (shortest[window] as number)) shortest[window] = length;
    }
    this.#searched = { postings: arrays, lengths, shortest };
    this.statistics = { documents: lengths.length, tokens };
  }

  /**
   * Indexes a collection into a directory, within memory for its identifiers and terms and some postings, and opens it.
   * A title is indexed before the text.
   *
   * @throws ArgumentError for what is no document, for an identifier that comes twice, and where the directory is there already
   */
  static async build(
    documents: Iterable<Document> | AsyncIterable<Document>,
    directory: string,
    options: BuildOptions = {},
  ): Promise<InvertedIndex> {
    checkOptions('InvertedIndex.build', options, [
      'analyzer',
      'overwrite',
      'bufferedPostings',
      'signal',
      'progress',
    ]);
    const { bufferedPostings = 1 } = options;
    if (!Number.isSafeInteger(bufferedPostings) || bufferedPostings < 1)
      throw expected('a positive integer', 'bufferedPostings', bufferedPostings);
    await buildOnDisk(documents, directory, options);
    return InvertedIndex.open(directory);
  }

  /**
   * Reads an index into memory, and compares every file with its checksum.
   *
   * @throws DamagedError that names the file which is not what was written, or missing
   */
  static async open(directory: string): Promise<InvertedIndex> {
    const { arrays, described } = await readIndexFiles(disk, directory);
    checkArrays(directory, arrays);
    return new InvertedIndex(arrays, new Analyzer(described.analyzer));
  }

  /** Indexes a small collection in memory. @throws as build */
  static of(documents: Iterable<Document>, analyzer?: AnalyzerOptions): InvertedIndex {
    const built = buildInMemory(documents, analyzer);
    return new InvertedIndex(built.arrays, built.analyzer);
  }

  /** Number of documents. */
  get size(): number {
    return this.statistics.documents;
  }

  /** Identifier of a document, by its number, from 0, in the order in which they were indexed. */
  documentId(number: number): string {
    if (!Number.isSafeInteger(number) || number < 0 || number >= this.size)
      throw expected(`a number from 0 to ${this.size - 1}`, 'document', number);
    return this.#ids.at(number);
  }

  /** Number of a document; undefined when it has none. */
  documentNumber(id: string): number | undefined {
    const number = this.#ids.find(id);
    return number < 0 ? undefined : number;
  }

  /** How many terms a document has. */
  documentLength(number: number): number | undefined {
    return this.#searched.lengths[number];
  }

  /** Of a term as the analyzer makes it; zeros when no document has it. */
  termStatistics(term: string): TermStatistics {
    const number = this.#terms.find(term);
    return number < 0 ? { documents: 0, tokens: 0 } : this.#statisticsOf(number);
  }

  /**
   * The k best of the documents that have a term of the query, best first; equal scores by identifier, descending, as in trec_eval.
   *
   * @param query text, or terms as the analyzer makes them; one that is repeated counts as often as it is there
   */
  search(query: string | readonly string[], k: number, options: SearchOptions = {}): ScoredDocument[] {
    if (!Number.isSafeInteger(k) || k < 1) throw expected('a positive integer', 'k', k);
    const prepared = this.#prepare(query, options);
    if (prepared.terms.length === 0) return [];
    const hits = maxScore(this.#searched, prepared, k, (a, b) => this.#ids.compare(b, a));
    return hits.map(({ doc, score }) => ({ id: this.#ids.at(doc), score }));
  }

  /**
   * The score of every document, by its number `[N]`, also of those without a term of the query: 0 by BM25.
   */
  scores(query: string | readonly string[], options: SearchOptions = {}): Float64Array {
    return scoreAll(this.#searched, this.#prepare(query, options));
  }

  /** A run of the k best documents for each topic. @throws ArgumentError for a topic that comes twice */
  async searchAll(topics: Iterable<Topic>, k: number, options: SearchAllOptions = {}): Promise<Run> {
    const { signal, ...rest } = options;
    const turns = new Turns(signal);
    const run = new Map<string, ReadonlyMap<string, number>>();
    for (const { id, text } of topics) {
      if (run.has(id)) throw expected('topics that come once', 'topic', id);
      run.set(id, new Map(this.search(text, k, rest).map((found) => [found.id, found.score])));
      await turns.take();
    }
    return run;
  }

  #statisticsOf(term: number): TermStatistics {
    const { postings } = this.#searched;
    return {
      documents: documentFrequency(postings, term),
      tokens: postings.collectionFrequencies[term] as number,
    };
  }

  #prepare(query: string | readonly string[], options: SearchOptions): Query {
    const { similarity = BM25 } = checkOptions('search', options, ['similarity']);
    const scorer = scorerOf(similarity, this.statistics);
    const times = new Map<number, number>();
    let length = 0;
    for (const term of this.#termsOf(query)) {
      const number = this.#terms.find(term);
      if (number < 0) continue;
      times.set(number, (times.get(number) ?? 0) + 1);
      length++;
    }
    const { postings, lengths } = this.#searched;
    const terms = [...times].map(([number, count]): QueryTerm & { number: number } => {
      const worth = scorer.term(this.#statisticsOf(number));
      const make = () => windowsOf(postings, lengths, number, worth);
      return { number, times: count, worth, windows: this.#windows.get(`${number} ${scorer.key}`, make) };
    });
    terms.sort((a, b) => b.times * b.windows.bound - a.times * a.windows.bound || a.number - b.number);
    return { terms, document: (documentLength) => scorer.document(documentLength, length) };
  }

  #termsOf(query: string | readonly string[]): readonly string[] {
    if (typeof query === 'string') return this.analyzer.terms(query);
    if (!Array.isArray(query) || !query.every((term) => typeof term === 'string'))
      throw expected('text or an array of terms', 'query', query);
    return query;
  }
}
