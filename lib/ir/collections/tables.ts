/**
 * Tables in text: between tabs, or between commas.
 */
import { ArgumentError, expected } from '../../errors.ts';
import { Pending, type Row, type RowFormat } from './rows.ts';

/** How a table is written. */
interface Syntax {
  /** Whether a row ends with this line of it. */
  endsWith(line: string, isOpen: boolean): boolean;
  fields(row: string): string[];
}

/** Nothing is quoted: a row is a line, a field what stands between two tabs. */
const TABS: Syntax = { endsWith: () => true, fields: (row) => row.split('\t') };

/** RFC 4180. Line breaks inside quotes are read as \n. */
const COMMAS: Syntax = {
  // A row has an even number of quotes, as they come in pairs whatever they mean.
  endsWith: (line, isOpen) => (line.split('"').length % 2 === 1) !== isOpen,
  fields: csvFieldsOf,
};

/** Rows of fields by the names of their columns: those given, or those in the first row of the file. */
export class TableFormat implements RowFormat {
  readonly #syntax: Syntax;
  readonly #given: readonly string[] | undefined;
  readonly #pending: Pending;
  #columns: readonly string[] | undefined;
  #needsHeader = false;

  constructor(kind: 'tsv' | 'csv', columns: readonly string[] | undefined, longest?: number) {
    if (columns !== undefined)
      checkColumns(columns, (received) => expected('different names', 'columns', received));
    this.#syntax = kind === 'tsv' ? TABS : COMMAS;
    this.#given = columns;
    this.#columns = columns;
    this.#pending = new Pending(longest);
  }

  get needsHeader(): boolean {
    return this.#needsHeader;
  }

  push(line: string): Row | undefined {
    if (line === '' && this.#pending.lines === 0) return undefined;
    const ends = this.#syntax.endsWith(line, this.#pending.lines > 0);
    this.#pending.add(line);
    if (!ends) return undefined;
    const fields = this.#syntax.fields(this.#pending.take());
    if (this.#columns === undefined) {
      checkColumns(fields, () => new ArgumentError('expected different names of columns in the first row'));
      this.#columns = fields;
      this.#needsHeader = false;
      return undefined;
    }
    const columns = this.#columns;
    if (fields.length !== columns.length) {
      throw new ArgumentError(
        `expected ${columns.length} fields (${columns.join(' ')}), received ${fields.length}`,
      );
    }
    // Cheaper than Object.fromEntries, as files have millions of rows; without a prototype no name of a column is special.
    const row: Record<string, string | undefined> = Object.create(null);
    for (let i = 0; i < columns.length; i++) row[columns[i] as string] = fields[i];
    return row;
  }

  finish(): void {
    if (this.#pending.lines > 0)
      throw new ArgumentError(
        `the file ends inside quotes, in the row of its last ${this.#pending.lines} lines`,
      );
  }

  moved(offset: number): void {
    this.#pending.clear();
    if (offset === 0) this.#columns = this.#given;
    this.#needsHeader = offset > 0 && this.#columns === undefined;
  }
}

function checkColumns(columns: readonly string[], error: (columns: unknown) => Error): void {
  if (!Array.isArray(columns) || columns.length === 0) throw error(columns);
  if (new Set(columns).size < columns.length || columns.includes('')) throw error(columns);
}

/** @throws ArgumentError where RFC 4180 has no such row */
export function csvFieldsOf(row: string): string[] {
  const fields: string[] = [];
  for (let at = 0; ; at++) {
    const [field, end] = row[at] === '"' ? quotedField(row, at + 1) : plainField(row, at);
    fields.push(field);
    at = end;
    if (at === row.length) return fields;
  }
}

function plainField(row: string, start: number): [field: string, end: number] {
  const comma = row.indexOf(',', start);
  const end = comma < 0 ? row.length : comma;
  const field = row.slice(start, end);
  if (field.includes('"')) throw new ArgumentError('a field with a quote in it must be quoted');
  return [field, end];
}

function quotedField(row: string, start: number): [field: string, end: number] {
  let field = '';
  for (let at = start; ; ) {
    const quote = row.indexOf('"', at);
    if (quote < 0) throw new ArgumentError('a quote does not close');
    field += row.slice(at, quote);
    const after = row[quote + 1];
    if (after === undefined || after === ',') return [field, quote + 1];
    if (after !== '"') throw new ArgumentError('expected a comma after a closing quote');
    field += '"';
    at = quote + 2;
  }
}
