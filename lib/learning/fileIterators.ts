/**
 * Iterators over the lines of a file, which go on at a byte.
 */
import { isUtf8 } from 'node:buffer';
import { ArgumentError, expected } from '../errors.ts';
import { DONE, type Item, type MaybePromise, natural, SerializableIterator } from './iterators.ts';
import {
  type ByteSource,
  checkVersion,
  type FileVersion,
  fileVersion,
  isGzip,
  openBytes,
} from './textFile.ts';

export interface FileState {
  /** Bytes of the text before the next line. */
  readonly offset: number;
  readonly file: FileVersion;
}

export interface FileOptions {
  /** Whether a state is taken whose file was changed since, in size or time, such as a fresh copy; default false. */
  readonly acceptChanged?: boolean;
}

const NEWLINE = 10;
const RETURN = 13;

/**
 * What is on each line of a text file in UTF-8; lines end with \n or \r\n, the last one with the file too. State: the
 * byte where the next line begins, of a compressed file (gzip) that of its text, and which version of the file it was.
 * To resume, a file is read from there; a compressed one is read over from its beginning, and says so.
 */
export abstract class FileIterator<T> extends SerializableIterator<T, FileState> {
  readonly path: string;
  readonly #acceptChanged: boolean;
  #version: FileVersion;
  #source: ByteSource | undefined;
  #block: Buffer = Buffer.alloc(0);
  /** Where the next line begins: in the block, and in the text. */
  #start = 0;
  #offset = 0;

  /** @throws ArgumentError when there is no such file */
  constructor(path: string, { acceptChanged = false }: FileOptions = {}) {
    super();
    if (typeof path !== 'string' || path === '') throw expected('a path', 'path', path);
    this.path = path;
    this.#acceptChanged = acceptChanged;
    this.#version = fileVersion(path);
  }

  /** What a line means; undefined for one that means nothing. */
  protected abstract parse(line: string): T | undefined;

  async next(): Promise<Item<T>> {
    for (;;) {
      const line = await this.#nextLine();
      if (line === undefined) {
        this.#moveTo(0);
        return DONE;
      }
      const value = this.#parsed(line);
      this.#offset += line.length;
      if (value !== undefined) return { done: false, value };
    }
  }

  stateDict(): FileState {
    return { offset: this.#offset, file: this.#version };
  }

  loadStateDict(state: FileState): void {
    const offset = natural(state?.offset, 'offset');
    const { size, modified } = { ...state.file };
    natural(size, 'file.size');
    if (typeof modified !== 'string' || !/^-?\d+$/.test(modified))
      throw expected('a time in nanoseconds', 'file.modified', modified);
    const now = fileVersion(this.path);
    if (!this.#acceptChanged) checkVersion(this.path, state.file, now);
    if (offset > now.size && !isGzip(this.path)) throw expected(`at most ${now.size}`, 'offset', offset);
    this.#version = now;
    this.#moveTo(offset);
  }

  override close(): MaybePromise<void> {
    this.#moveTo(this.#offset);
  }

  #moveTo(offset: number): void {
    this.#source?.close();
    this.#source = undefined;
    this.#block = Buffer.alloc(0);
    this.#start = 0;
    this.#offset = offset;
  }

  /** The bytes of a line with those that end it; undefined at the end. */
  async #nextLine(): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    for (;;) {
      const end = this.#block.indexOf(NEWLINE, this.#start);
      const piece = this.#block.subarray(this.#start, end < 0 ? undefined : end + 1);
      pieces.push(piece);
      this.#start += piece.length;
      if (end >= 0) return pieces.length === 1 ? piece : Buffer.concat(pieces);
      this.#source ??= openBytes(this.path, this.#version, this.#offset);
      const block = await this.#source.read();
      if (block === undefined) {
        const rest = Buffer.concat(pieces);
        return rest.length > 0 ? rest : undefined;
      }
      this.#block = block;
      this.#start = 0;
    }
  }

  #parsed(line: Buffer): T | undefined {
    let end = line.length;
    if (line[end - 1] === NEWLINE) end--;
    if (line[end - 1] === RETURN) end--;
    const hasMark = this.#offset === 0 && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf;
    const text = line.subarray(hasMark ? 3 : 0, end);
    if (!isUtf8(text)) throw this.#wrong('expected text in UTF-8');
    try {
      return this.parse(text.toString('utf8'));
    } catch (error) {
      throw this.#wrong((error as Error).message, error);
    }
  }

  #wrong(message: string, cause?: unknown): ArgumentError {
    const error = new ArgumentError(`${this.path} at byte ${this.#offset}: ${message}`, 'ERR_FILE');
    if (cause !== undefined) error.cause = cause;
    return error;
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
