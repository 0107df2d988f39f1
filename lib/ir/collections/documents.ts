/**
 * Documents of a file.
 */

import type { FileOptions } from '../../learning/fileIterators.ts';
import { checkOptions } from '../../options.ts';
import type { Document } from '../types.ts';
import { type FormatName, formatOf, identifierIn, JSON_LINES, textIn } from './formats.ts';
import { type Row, type RowFormat, RowIterator } from './rows.ts';
import { DOCUMENT_TAGS, type DocumentTags, documentRow, ElementFormat } from './sgml.ts';
import { TableFormat } from './tables.ts';

export interface DocumentOptions extends FileOptions {
  /** Default: what the name of the file ends with, such as `.jsonl`, or `.tsv.gz`. */
  readonly format?: FormatName;
  /**
   * Columns of a table, where its first row does not name them. Default of `tsv`: `id` and `text`, as passages of MS
   * MARCO have; its documents have `id`, `url`, `title`, `text`. Default of `csv`: those in its first row; so of `tsv`
   * with `header`.
   */
  readonly columns?: readonly string[] | 'header';
  /** What identifier, text and title are called. Default `_id` (`jsonl`) or `id`, `text`, `title`. */
  readonly fields?: Readonly<Partial<Record<'id' | 'text' | 'title', string>>>;
  /** Elements of `trec` that are text and title. */
  readonly tags?: Partial<DocumentTags>;
}

const NAMES = ['format', 'columns', 'fields', 'tags', 'acceptChanged', 'longestLine'];

/**
 * The documents of a file, plain or compressed, one after the other: `trec` (`<DOC>`, `<DOCNO>`), `jsonl` (as BEIR's),
 * `tsv` (as MS MARCO's), `csv` (RFC 4180). What else is in a row stands beside the text. State: the byte where the next
 * document begins; in a compressed file, which is read over to go on, that of its text.
 *
 * @throws ArgumentError, from `next`, that names file and line of what cannot be read; and for a file of another name
 */
export function readDocuments(path: string, options: DocumentOptions = {}): RowIterator<Document> {
  const { format, columns, fields, tags, ...file } = checkOptions('readDocuments', options, NAMES);
  const name = formatOf(path, format);
  const rows = rowFormat(name, columns, { ...DOCUMENT_TAGS, ...tags }, file.longestLine);
  return new RowIterator(path, rows, documentIn({ id: name === 'jsonl' ? '_id' : 'id', ...fields }), file);
}

function rowFormat(
  name: FormatName,
  columns: DocumentOptions['columns'],
  tags: DocumentTags,
  longest: number | undefined,
): RowFormat {
  switch (name) {
    case 'trec':
      return new ElementFormat('DOC', (content) => documentRow(content, tags), longest);
    case 'jsonl':
      return JSON_LINES;
    default:
      return tableFormat(name, columns, ['id', 'text'], longest);
  }
}

/** @param usual columns of `tsv` */
export function tableFormat(
  name: 'tsv' | 'csv',
  columns: readonly string[] | 'header' | undefined,
  usual: readonly string[],
  longest: number | undefined,
): TableFormat {
  const given = columns ?? (name === 'tsv' ? usual : 'header');
  return new TableFormat(name, given === 'header' ? undefined : given, longest);
}

function documentIn(fields: DocumentOptions['fields'] = {}): (row: Row) => Document {
  const { id = 'id', text = 'text', title = 'title' } = fields;
  return (row) => {
    const { [id]: _id, [text]: _text, [title]: named, ...rest } = row;
    const document = { ...rest, id: identifierIn(row, id), text: textIn(row, text) };
    return named === undefined || named === null ? document : { ...document, title: textIn(row, title) };
  };
}

/** Title and text as one, with a blank between, as encoders read a document of BEIR. */
export function titleAndText({ title, text }: Document): string {
  return title === undefined || title === '' ? text : `${title} ${text}`;
}
