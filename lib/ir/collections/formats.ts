/**
 * How collections are written, and what names their files have.
 */
import { ArgumentError, expected, show } from '../../errors.ts';
import { isPlainObject } from '../../plainObject.ts';
import type { Row, RowFormat } from './rows.ts';

export type FormatName = 'jsonl' | 'tsv' | 'csv' | 'trec';

const ENDINGS: Readonly<Record<string, FormatName>> = {
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.tsv': 'tsv',
  '.csv': 'csv',
  '.trec': 'trec',
  '.sgml': 'trec',
};
const COMPRESSED = ['.gz', '.zst'];
const NAMES: readonly FormatName[] = ['jsonl', 'tsv', 'csv', 'trec'];

/** The format that was asked for, or that of the name of the file, also below `.gz` and `.zst`. */
export function formatOf(path: string, asked: FormatName | undefined): FormatName {
  if (asked !== undefined) {
    if (!NAMES.includes(asked)) throw expected(`one of ${NAMES.join(', ')}`, 'format', asked);
    return asked;
  }
  const plain = COMPRESSED.reduce((name, ending) => removeEnd(name, ending), path.toLowerCase());
  const format = Object.entries(ENDINGS).find(([ending]) => plain.endsWith(ending))?.[1];
  if (format === undefined)
    throw expected(
      `a name that ends with ${Object.keys(ENDINGS).join(', ')}, or the option format,`,
      'path',
      path,
    );
  return format;
}

function removeEnd(text: string, end: string): string {
  return text.endsWith(end) ? text.slice(0, -end.length) : text;
}

/** An object on each line. */
export const JSON_LINES: RowFormat = {
  push(line) {
    if (line.trim() === '') return undefined;
    const value: unknown = JSON.parse(line);
    if (!isPlainObject(value)) throw new ArgumentError(`expected an object, received ${show(value)}`);
    return value;
  },
};

/** An identifier in a row: a text, or an integer of JSON. */
export function identifierIn(row: Row, name: string): string {
  const value = Object.hasOwn(row, name) ? row[name] : undefined;
  if (typeof value === 'string' && value !== '') return value;
  if (Number.isSafeInteger(value)) return String(value);
  throw missing(row, name, 'an identifier', value);
}

export function textIn(row: Row, name: string): string {
  const value = Object.hasOwn(row, name) ? row[name] : undefined;
  if (typeof value === 'string') return value;
  throw missing(row, name, 'a text', value);
}

function missing(row: Row, name: string, what: string, value: unknown): ArgumentError {
  if (value !== undefined)
    return new ArgumentError(`expected ${what} in ${show(name)}, received ${show(value)}`);
  const names = Object.keys(row).slice(0, 8).map(show).join(', ');
  return new ArgumentError(`expected ${what} in ${show(name)}, received only ${names || 'an empty row'}`);
}
