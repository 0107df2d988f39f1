/**
 * Rows of a file, whatever its format, and what is made of each.
 */
import { FileIterator, type FileOptions } from '../../learning/fileIterators.ts';
import type { Item } from '../../learning/iterators.ts';
import { LineReader, LONGEST_LINE } from '../../learning/lineReader.ts';

/** What stands in a row, by name. */
export type Row = Readonly<Record<string, unknown>>;

/** Makes rows of lines. */
export interface RowFormat {
  /** The row that ends with the line; undefined where none does. @throws when the line cannot be */
  push(line: string): Row | undefined;
  /** The file ends. @throws when a row does not */
  finish?(): void;
  /** The next line is at this byte of the text, and a new row. */
  moved?(offset: number): void;
  /** Whether what stands at the beginning of the file must be pushed before anything else. */
  readonly needsHeader?: boolean;
}

/** Lines that make up one row. */
export class Pending {
  #text = '';
  #lines = 0;
  readonly #longest: number;

  constructor(longest: number = LONGEST_LINE) {
    this.#longest = longest;
  }

  /** How many lines there are. */
  get lines(): number {
    return this.#lines;
  }

  add(line: string): void {
    this.#text = this.#lines === 0 ? line : `${this.#text}\n${line}`;
    this.#lines++;
    if (this.#text.length > this.#longest)
      throw new Error(
        `what begins ${this.#lines - 1} lines above is longer than ${this.#longest} characters`,
      );
  }

  /** All of them, between line feeds. */
  take(): string {
    const text = this.#text;
    this.clear();
    return text;
  }

  clear(): void {
    this.#text = '';
    this.#lines = 0;
  }
}

/** What is made of each row of a file. State: as of a FileIterator, before the first line of the next row. */
export class RowIterator<T> extends FileIterator<T> {
  readonly #format: RowFormat;
  readonly #convert: (row: Row) => T | undefined;
  readonly #longestLine: number | undefined;

  constructor(
    path: string,
    format: RowFormat,
    convert: (row: Row) => T | undefined,
    options: FileOptions = {},
  ) {
    super(path, options);
    this.#format = format;
    this.#convert = convert;
    this.#longestLine = options.longestLine;
  }

  // Not async: a promise that returns another one takes three turns more, at each row.
  override next(): Promise<Item<T>> {
    return this.#format.needsHeader === true ? this.#readHeader().then(() => super.next()) : super.next();
  }

  protected parse(line: string): T | undefined {
    const row = this.#format.push(line);
    return row === undefined ? undefined : this.#convert(row);
  }

  protected override finish(): void {
    this.#format.finish?.();
  }

  protected override moved(offset: number): void {
    this.#format.moved?.(offset);
  }

  async #readHeader(): Promise<void> {
    const reader = new LineReader(this.path, this.#longestLine);
    try {
      while (this.#format.needsHeader === true) {
        const line = await reader.next();
        if (line === undefined) throw reader.error('expected the names of the columns');
        this.#format.push(line);
      }
    } finally {
      reader.moveTo(0, 0);
    }
  }
}
