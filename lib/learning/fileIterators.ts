/**
 * Iterators over the lines of a file, which go on at a byte.
 */
import { ArgumentError, expected } from '../errors.ts';
import { DONE, type Item, type MaybePromise, natural, SerializableIterator } from './iterators.ts';
import { LineReader } from './lineReader.ts';
import { checkVersion, type FileVersion, fileVersion, isCompressed } from './textFile.ts';

export interface FileState {
  /** Bytes of the text before the next item. */
  readonly offset: number;
  /** Lines before it, for messages; missing in a state that was taken before they were counted. */
  readonly line?: number;
  readonly file: FileVersion;
}

export interface FileOptions {
  /** Whether a state is taken whose file was changed since, in size or time, such as a fresh copy; default false. */
  readonly acceptChanged?: boolean;
  /** Bytes of a line; a longer one is an error. Default 8 MiB. */
  readonly longestLine?: number;
}

/**
 * What is on the lines of a text file in UTF-8; lines end with \n or \r\n, the last one with the file too. State: the
 * byte where the next line begins, of a compressed file (gzip, zstd) that of its text, and which version of the file it
 * was. To resume, a file is read from there; a compressed one is read over from its beginning, and says so. An error
 * names the line; the iterator stays before what it could not read.
 */
export abstract class FileIterator<T> extends SerializableIterator<T, FileState> {
  readonly path: string;
  readonly #acceptChanged: boolean;
  readonly #reader: LineReader;

  /** @throws ArgumentError when there is no such file */
  constructor(path: string, { acceptChanged = false, longestLine }: FileOptions = {}) {
    super();
    this.path = path;
    this.#acceptChanged = acceptChanged;
    this.#reader = new LineReader(path, longestLine);
  }

  /** What a line means, with those before it that were without a meaning; undefined for one that means nothing yet. */
  protected abstract parse(line: string): T | undefined;

  /** Told that the file ends. @throws when something is unfinished */
  protected finish(): void {}

  /** Told that the line at a byte of the text comes next, which has nothing to do with those before it. */
  protected moved(_offset: number): void {}

  /** Where the line stands that was taken last, for messages. */
  get place(): string {
    return this.#reader.place;
  }

  async next(): Promise<Item<T>> {
    const { offset, line } = this.#reader;
    try {
      for (;;) {
        const taken = this.#reader.next();
        const text = typeof taken === 'object' ? await taken : taken;
        const value = this.#parsed(text);
        if (value !== undefined) return { done: false, value };
        if (text === undefined) break;
      }
    } catch (error) {
      this.#moveTo(offset, line);
      throw error;
    }
    this.#moveTo(0, 0);
    return DONE;
  }

  stateDict(): FileState {
    const { offset, line, version } = this.#reader;
    return line === undefined ? { offset, file: version } : { offset, line, file: version };
  }

  loadStateDict(state: FileState): void {
    const offset = natural(state?.offset, 'offset');
    const line = state.line === undefined ? undefined : natural(state.line, 'line');
    const { size, modified } = { ...state.file };
    natural(size, 'file.size');
    if (typeof modified !== 'string' || !/^-?\d+$/.test(modified))
      throw expected('a time in nanoseconds', 'file.modified', modified);
    const now = fileVersion(this.path);
    if (!this.#acceptChanged) checkVersion(this.path, state.file, now);
    if (offset > now.size && !isCompressed(this.path))
      throw expected(`at most ${now.size}`, 'offset', offset);
    this.#moveTo(offset, line, now);
  }

  override close(): MaybePromise<void> {
    this.#moveTo(this.#reader.offset, this.#reader.line);
  }

  #moveTo(offset: number, line: number | undefined, version?: FileVersion): void {
    this.#reader.moveTo(offset, line, version);
    this.moved(offset);
  }

  #parsed(line: string | undefined): T | undefined {
    try {
      if (line !== undefined) return this.parse(line);
      this.finish();
      return undefined;
    } catch (error) {
      throw this.#reader.error((error as Error).message, error);
    }
  }
}

/** The lines themselves, without what ends them. */
export class LineIterator extends FileIterator<string> {
  protected parse(line: string): string {
    return line;
  }
}

/** JSON on each line; empty lines are left out. */
export class JsonlIterator<T = unknown> extends FileIterator<T> {
  protected parse(line: string): T | undefined {
    return line.trim() === '' ? undefined : (JSON.parse(line) as T);
  }
}

/** Fields between tabs, by the names of the columns. Nothing is quoted; empty lines are left out. */
export class TsvIterator<C extends string = string> extends FileIterator<Readonly<Record<C, string>>> {
  readonly columns: readonly C[];

  constructor(path: string, columns: readonly C[], options: FileOptions = {}) {
    super(path, options);
    if (!Array.isArray(columns) || columns.length === 0 || new Set(columns).size < columns.length)
      throw expected('different names', 'columns', columns);
    this.columns = [...columns];
  }

  protected parse(line: string): Readonly<Record<C, string>> | undefined {
    if (line === '') return undefined;
    const fields = line.split('\t');
    if (fields.length !== this.columns.length)
      throw new ArgumentError(
        `expected ${this.columns.length} fields between tabs, received ${fields.length}`,
      );
    return Object.fromEntries(this.columns.map((name, i) => [name, fields[i]])) as Record<C, string>;
  }
}
