/**
 * Lines of a text file in UTF-8, each with its place, from wherever in it.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { types } from 'node:util';
import { ArgumentError, expected } from '../errors.ts';
import type { MaybePromise } from './iterators.ts';
import { type ByteSource, type FileVersion, fileVersion, openBytes } from './textFile.ts';

const NEWLINE = 10;
const RETURN = 13;
const EMPTY = Buffer.alloc(0);

/** A longer line is taken for damage, such as a file that is no text. */
export const LONGEST_LINE = 2 ** 23;

/**
 * Lines end with \n or \r\n, the last one with the file too; a byte order mark before the first one is none of its text.
 * Lines of a file that is not compressed are read without waiting.
 */
export class LineReader {
  readonly path: string;
  readonly #longest: number;
  #version: FileVersion;
  #source: ByteSource | undefined;
  #block: Buffer = EMPTY;
  /** Where the next line begins in the block. */
  #start = 0;
  /** Whether the block is what Latin-1 reads as well, and faster: ASCII without NUL. */
  #isPlain = false;
  #offset = 0;
  #line: number | undefined = 0;

  /**
   * @param longest bytes of a line, default 8 MiB
   * @throws ArgumentError when there is no such file
   */
  constructor(path: string, longest: number = LONGEST_LINE) {
    if (typeof path !== 'string' || path === '') throw expected('a path', 'path', path);
    if (!Number.isSafeInteger(longest) || longest < 1)
      throw expected('a positive integer', 'longestLine', longest);
    this.path = path;
    this.#longest = longest;
    this.#version = fileVersion(path);
  }

  /** Which version of the file is read; another one is an error. */
  get version(): FileVersion {
    return this.#version;
  }

  /** Bytes of the text before the next line. */
  get offset(): number {
    return this.#offset;
  }

  /** Lines before the next one, which is the number of the one that was taken last; undefined when nobody knows. */
  get line(): number | undefined {
    return this.#line;
  }

  /** Goes to where a line begins. */
  moveTo(offset: number, line: number | undefined, version: FileVersion = this.#version): void {
    this.#source?.close();
    this.#source = undefined;
    this.#block = EMPTY;
    this.#start = 0;
    this.#version = version;
    this.#offset = offset;
    this.#line = line;
  }

  /** The next line without what ends it; undefined at the end. */
  next(): MaybePromise<string | undefined> {
    const end = this.#block.indexOf(NEWLINE, this.#start);
    if (end >= 0) return this.#take(end + 1);
    if (this.#block.length - this.#start > this.#longest) return this.#take(this.#block.length);
    this.#source ??= openBytes(this.path, this.#version, this.#offset);
    const more = this.#source.read();
    if (!types.isPromise(more)) return this.#append(more);
    return more.then(
      (block) => this.#append(block),
      (error) => {
        throw error instanceof ArgumentError ? error : this.error((error as Error).message, error);
      },
    );
  }

  /** The line that was taken last, or the byte where the next one begins, for messages. */
  get place(): string {
    if (this.#line === 0) return this.path;
    const place = this.#line === undefined ? `before byte ${this.#offset}` : `line ${this.#line}`;
    return `${this.path}, ${place}`;
  }

  /** An error at the line that was taken last. */
  error(message: string, cause?: unknown): ArgumentError {
    const error = new ArgumentError(`${this.place}: ${message}`, 'ERR_FILE');
    if (cause !== undefined) error.cause = cause;
    return error;
  }

  #append(more: Buffer | undefined): MaybePromise<string | undefined> {
    const rest = this.#block.subarray(this.#start);
    if (more === undefined) return rest.length > 0 ? this.#take(this.#block.length) : undefined;
    this.#block = rest.length > 0 ? Buffer.concat([rest, more]) : more;
    this.#start = 0;
    this.#isPlain = isAscii(this.#block) && !this.#block.includes(0);
    return this.next();
  }

  #take(next: number): string {
    let start = this.#start;
    let end = next;
    if (this.#block[end - 1] === NEWLINE) end--;
    if (end > start && this.#block[end - 1] === RETURN) end--;
    if (this.#offset === 0 && this.#block.indexOf('\uFEFF') === 0) start += 3;
    this.#offset += next - this.#start;
    this.#start = next;
    if (this.#line !== undefined) this.#line++;
    if (end - start > this.#longest)
      throw this.error(`expected a line of at most ${this.#longest} bytes, received a longer one`);
    if (this.#isPlain) return this.#block.toString('latin1', start, end);
    const bytes = this.#block.subarray(start, end);
    if (!isUtf8(bytes)) throw this.error('expected text in UTF-8');
    if (bytes.includes(0)) throw this.error('expected text, received a NUL byte');
    return bytes.toString('utf8');
  }
}
