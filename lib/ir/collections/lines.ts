/**
 * Whole files of lines: read, with the place in every error, and written so that they are whole or not there.
 */
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { ArgumentError } from '../../errors.ts';
import type { FileIterator } from '../../learning/fileIterators.ts';
import { writePiecesAtomically } from '../../learning/files.ts';
import { LineReader } from '../../learning/lineReader.ts';

/** How many lines are read before other work of the process has a turn. */
const TURN = 2 ** 15;
/** Characters that are written at once. */
const PIECE = 2 ** 18;

/**
 * Calls `use` with each line that is not blank.
 *
 * @returns the number of these lines
 * @throws ArgumentError that names the file and the line, for what `use` throws too
 */
export async function forEachLine(
  path: string,
  use: (line: string, number: number, place: () => string) => void,
  longestLine?: number,
): Promise<number> {
  const reader = new LineReader(path, longestLine);
  const place = () => reader.place;
  let used = 0;
  try {
    for (let number = 1; ; number++) {
      const taken = reader.next();
      const line = typeof taken === 'object' ? await taken : taken;
      if (line === undefined) return used;
      if (number % TURN === 0) await setImmediate();
      if (line.trim() === '') continue;
      used++;
      try {
        use(line, number, place);
      } catch (error) {
        throw reader.error((error as Error).message, error);
      }
    }
  } finally {
    reader.moveTo(0, 0);
  }
}

/** Writes lines, compressed where the name ends with `.gz`. The name stands for the old file until all is written. */
export async function writeLines(path: string, lines: Iterable<string>): Promise<void> {
  await writePiecesAtomically(path, path.endsWith('.gz') ? compressed(pieces(lines)) : pieces(lines));
}

async function* compressed(pieces: Iterable<Buffer>): AsyncGenerator<Buffer> {
  const compressor = createGzip();
  const text = Readable.from(pieces).on('error', (error) => compressor.destroy(error));
  yield* text.pipe(compressor) as AsyncIterable<Buffer>;
}

function* pieces(lines: Iterable<string>): Generator<Buffer> {
  let piece = '';
  for (const line of lines) {
    piece += `${line}\n`;
    if (piece.length < PIECE) continue;
    yield Buffer.from(piece);
    piece = '';
  }
  if (piece !== '') yield Buffer.from(piece);
}

/** Reads all. @throws ArgumentError for a file in which there is nothing */
export async function expectRead(items: FileIterator<unknown>, what: string): Promise<void> {
  let count = 0;
  for await (const _ of items) count++;
  expectSome(items.path, count, what);
}

/** @throws ArgumentError for a file in which nothing stands */
export function expectSome(path: string, count: number, what: string): void {
  if (count === 0)
    throw new ArgumentError(`${path}: expected at least one ${what}, received none`, 'ERR_FILE');
}
