/**
 * A text as numbers, and several as arrays of one length.
 */
import { ArgumentError } from '../errors.ts';
import type { Tensor } from '../torch/tensor.ts';

/** A text, or a pair of texts. Halves of surrogate pairs count as U+FFFD. */
export type TextInput = string | readonly [string, string];

/** One text or pair. All lists have one length. */
export interface Encoding {
  readonly ids: readonly number[];
  /** Which of the two texts a token is of, as the model wants it. */
  readonly typeIds: readonly number[];
  /** 0 for padding. */
  readonly attentionMask: readonly number[];
  /** 1 for what neither text has: tokens that stand around texts, and padding. */
  readonly specialTokensMask: readonly number[];
}

/** `rows` texts as arrays of `[rows, columns]` in row-major order: what can go to another thread. */
export interface TokenArrays {
  readonly rows: number;
  readonly columns: number;
  readonly inputIds: Int32Array;
  readonly attentionMask: Int32Array;
  readonly tokenTypeIds: Int32Array;
  readonly specialTokensMask: Int32Array;
}

/** The same as tensors for a model: int64, `[rows, columns]`, on the CPU. */
export interface TokenBatch {
  readonly inputIds: Tensor;
  readonly attentionMask: Tensor;
  readonly tokenTypeIds: Tensor;
  readonly specialTokensMask: Tensor;
}

/** @throws ArgumentError for texts of different lengths */
export function toArrays(encodings: readonly Encoding[]): TokenArrays {
  const rows = encodings.length;
  const columns = encodings[0]?.ids.length ?? 0;
  if (encodings.some(({ ids }) => ids.length !== columns)) {
    throw new ArgumentError('Expected padding for texts of different lengths but received padding: false');
  }
  const flat = (part: (encoding: Encoding) => readonly number[]) => {
    const array = new Int32Array(rows * columns);
    for (const [row, encoding] of encodings.entries()) array.set(part(encoding), row * columns);
    return array;
  };
  return {
    rows,
    columns,
    inputIds: flat(({ ids }) => ids),
    attentionMask: flat(({ attentionMask }) => attentionMask),
    tokenTypeIds: flat(({ typeIds }) => typeIds),
    specialTokensMask: flat(({ specialTokensMask }) => specialTokensMask),
  };
}
