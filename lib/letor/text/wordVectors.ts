/**
 * Vectors of words as text: the files of GloVe, and of word2vec without `-binary`.
 */
import { setImmediate } from 'node:timers/promises';
import { ArgumentError } from '../../errors.ts';
import { LineIterator } from '../../learning/fileIterators.ts';
import type { Words } from './words.ts';

export interface WordVectors {
  /** Numbers of the words that were found. */
  readonly rows: Int32Array;
  /** Their vectors, one after the other. */
  readonly vectors: Float32Array;
  /** Standard deviation of all that was read; 1 where that is nothing. */
  readonly deviation: number;
}

const LINES_PER_TURN = 1024;

/**
 * Reads the vectors of a vocabulary's words, and keeps no others. A word that is there twice has the first.
 *
 * @throws ArgumentError with the code `ERR_FILE`, by file and line, for what is no vector of that width
 */
export async function readWordVectors(file: string, words: Words, dim: number): Promise<WordVectors> {
  const found = new Map<number, Float32Array>();
  let number = 0;
  for await (const line of new LineIterator(file)) {
    number += 1;
    if (number % LINES_PER_TURN === 0) await setImmediate();
    if (line === '' || (number === 1 && isHeader(line))) continue;
    // Words of some files have spaces in them: the numbers are counted from the end.
    const parts = line.trimEnd().split(' ');
    const values = parts.slice(-dim).map(Number);
    if (parts.length <= dim || values.some((value, i) => !Number.isFinite(value) || parts.at(i - dim) === ''))
      throw new ArgumentError(
        `Expected a word and ${dim} numbers in line ${number} of ${file} but received ${JSON.stringify(line.slice(0, 60))}`,
        'ERR_FILE',
      );
    const word = parts.slice(0, -dim).join(' ');
    if (!words.has(word) || found.has(words.idOf(word))) continue;
    found.set(words.idOf(word), Float32Array.from(values));
  }
  const vectors = new Float32Array(found.size * dim);
  for (const [i, vector] of [...found.values()].entries()) vectors.set(vector, i * dim);
  return { rows: Int32Array.from(found.keys()), vectors, deviation: deviationOf(vectors) };
}

/** Counts of words and of numbers a word. */
function isHeader(line: string): boolean {
  const parts = line.trim().split(' ');
  return parts.length === 2 && parts.every((part) => part !== '' && Number.isSafeInteger(Number(part)));
}

function deviationOf(values: Float32Array): number {
  if (values.length === 0) return 1;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
