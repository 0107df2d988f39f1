/**
 * What rankers learn from, in files: pairs, triples, hard negatives, scores of teachers.
 */
import { ArgumentError, expected, show } from '../../errors.ts';
import type { FileOptions } from '../../learning/fileIterators.ts';
import { checkOptions } from '../../options.ts';
import { isPlainObject } from '../../plainObject.ts';
import { tableFormat } from './documents.ts';
import { gradeOf, scoreOf } from './fields.ts';
import { type FormatName, formatOf, identifierIn, JSON_LINES, textIn } from './formats.ts';
import { type Dropped, JOIN_OPTIONS, Join, type JoinOptions } from './join.ts';
import { type Row, type RowFormat, RowIterator } from './rows.ts';

/** A topic and a document, by identifier. */
export interface Pair {
  readonly topic: string;
  readonly document: string;
  /** Where the file has a column of this name. */
  readonly grade?: number;
}

/** A topic with a better and a worse document, by identifier. */
export interface Triple {
  readonly topic: string;
  readonly positive: string;
  readonly negative: string;
}

/** A query with the texts of a better and a worse document. */
export interface TextTriple {
  readonly query: string;
  readonly positive: string;
  readonly negative: string;
}

/** A triple with what another ranker gave to its documents. */
export interface ScoredTriple extends Triple {
  readonly positiveScore: number;
  readonly negativeScore: number;
}

/** A topic with its relevant documents, and by the ranker that found them, those that are not. */
export interface HardNegatives {
  readonly topic: string;
  readonly positives: readonly string[];
  readonly negatives: Readonly<Record<string, readonly string[]>>;
}

export interface RecordOptions extends FileOptions {
  /** Default: what the name of the file ends with. */
  readonly format?: Exclude<FormatName, 'trec'>;
  /** Names of the columns in their order, or `header` where the first row has them; others than those read are ignored. */
  readonly columns?: readonly string[] | 'header';
}

export type JoinedRecordOptions = RecordOptions & JoinOptions;

/** Records of a file. With `missing: 'drop'`, those that name what is not there are left out. */
export class RecordIterator<T> extends RowIterator<T> {
  readonly #join: Join;

  constructor(
    path: string,
    format: RowFormat,
    convert: (row: Row, takes: (topic: string, documents: readonly string[]) => boolean) => T | undefined,
    { topics, documents, missing, ...file }: FileOptions & JoinOptions,
  ) {
    const join = new Join({ topics, documents, missing });
    const takes = (topic: string, named: readonly string[]) => join.takesNow(topic, named);
    super(path, format, (row) => convert(row, takes), file);
    this.#join = join;
  }

  /** What was left out since the iterator was made. */
  get dropped(): Dropped {
    return this.#join.dropped;
  }
}

const FILE_OPTIONS = ['acceptChanged', 'longestLine'];
const TABLE_OPTIONS = ['format', 'columns', ...FILE_OPTIONS];

/** Pairs of identifiers, by default `topic document` between tabs. */
export function readPairs(path: string, options: JoinedRecordOptions = {}): RecordIterator<Pair> {
  checkOptions('readPairs', options, [...TABLE_OPTIONS, ...JOIN_OPTIONS]);
  return records(path, ['topic', 'document'], options, (row, takes) => {
    const pair = { topic: identifierIn(row, 'topic'), document: identifierIn(row, 'document') };
    const value = Object.hasOwn(row, 'grade') ? { ...pair, grade: gradeOf(String(row.grade)) } : pair;
    return takes(pair.topic, [pair.document]) ? value : undefined;
  });
}

/** Triples of identifiers, by default `topic positive negative` between tabs, as MS MARCO's `qidpidtriples`. */
export function readTriples(path: string, options: JoinedRecordOptions = {}): RecordIterator<Triple> {
  checkOptions('readTriples', options, [...TABLE_OPTIONS, ...JOIN_OPTIONS]);
  return records(path, ['topic', 'positive', 'negative'], options, (row, takes) => {
    const triple = tripleIn(row);
    return takes(triple.topic, [triple.positive, triple.negative]) ? triple : undefined;
  });
}

/** Triples of texts, by default `query positive negative` between tabs, as MS MARCO's `triples.train.small`. */
export function readTextTriples(path: string, options: RecordOptions = {}): RecordIterator<TextTriple> {
  checkOptions('readTextTriples', options, TABLE_OPTIONS);
  return records(path, ['query', 'positive', 'negative'], options, (row) => ({
    query: textIn(row, 'query'),
    positive: textIn(row, 'positive'),
    negative: textIn(row, 'negative'),
  }));
}

/**
 * Triples with the scores of a teacher, by default `positiveScore negativeScore topic positive negative` between tabs, as
 * those for margin-MSE on MS MARCO (Hofstätter et al., 2020).
 */
export function readScoredTriples(
  path: string,
  options: JoinedRecordOptions = {},
): RecordIterator<ScoredTriple> {
  checkOptions('readScoredTriples', options, [...TABLE_OPTIONS, ...JOIN_OPTIONS]);
  const columns = ['positiveScore', 'negativeScore', 'topic', 'positive', 'negative'];
  return records(path, columns, options, (row, takes) => {
    const triple = {
      positiveScore: scoreOf(String(row.positiveScore)),
      negativeScore: scoreOf(String(row.negativeScore)),
      ...tripleIn(row),
    };
    return takes(triple.topic, [triple.positive, triple.negative]) ? triple : undefined;
  });
}

/**
 * Hard negatives: an object of `qid`, `pos` and `neg` on each line, as those of sentence-transformers for MS MARCO. A
 * document is an identifier, or an object with a `pid`; `neg` has a list for each ranker that found some.
 */
export function readHardNegatives(
  path: string,
  options: FileOptions & JoinOptions = {},
): RecordIterator<HardNegatives> {
  checkOptions('readHardNegatives', options, [...FILE_OPTIONS, ...JOIN_OPTIONS]);
  return new RecordIterator(
    path,
    JSON_LINES,
    (row, takes) => {
      if (!isPlainObject(row.neg))
        throw new ArgumentError(`expected lists by name in "neg", received ${show(row.neg)}`);
      const topic = identifierIn(row, 'qid');
      const positives = documentsIn(row, 'pos');
      const lists = row.neg;
      const negatives = Object.fromEntries(
        Object.keys(lists).map((name) => [name, documentsIn(lists, name)]),
      );
      const all = [...positives, ...Object.values(negatives).flat()];
      return takes(topic, all) ? { topic, positives, negatives } : undefined;
    },
    options,
  );
}

function records<T>(
  path: string,
  usual: readonly string[],
  { format, columns, ...options }: JoinedRecordOptions,
  convert: (row: Row, takes: (topic: string, documents: readonly string[]) => boolean) => T | undefined,
): RecordIterator<T> {
  const name = formatOf(path, format);
  if (name === 'trec') throw expected('one of jsonl, tsv, csv', 'format', name);
  const rows = name === 'jsonl' ? JSON_LINES : tableFormat(name, columns, usual, options.longestLine);
  return new RecordIterator(path, rows, convert, options);
}

function tripleIn(row: Row): Triple {
  return {
    topic: identifierIn(row, 'topic'),
    positive: identifierIn(row, 'positive'),
    negative: identifierIn(row, 'negative'),
  };
}

function documentsIn(row: Row, name: string): string[] {
  const list = row[name];
  if (!Array.isArray(list))
    throw new ArgumentError(`expected a list in ${show(name)}, received ${show(list)}`);
  return list.map((each) =>
    isPlainObject(each) ? identifierIn(each, 'pid') : identifierIn({ [name]: each }, name),
  );
}
