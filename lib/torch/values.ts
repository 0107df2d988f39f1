/** From JavaScript values in a row to a tensor of a dtype. */

import { type ArgumentError, ArgumentRangeError, expected, show } from '../errors.ts';
import { native } from '../native.ts';
import { FIRST, numbers } from './arena.ts';
import { Complex } from './complex.ts';
import { arrayForms, type DType } from './dtype.ts';
import { invoke, Operator } from './invoke.ts';
import { intern } from './strings.ts';
import type { Tensor } from './tensor.ts';
import { begin, wrap } from './wire.ts';

const cast = new Operator('aten::to', 'dtype');

/** Copies a typed array whose elements are those of `dtype` as they are in memory. */
export function fromBytes(array: NodeJS.TypedArray, shape: readonly number[], dtype: DType): Tensor {
  const id = putShape(shape, dtype);
  return wrap(native().fromData(array, id, shape.length)) as Tensor;
}

/**
 * A tensor over the pages of an open file, from a byte on; undefined where the system maps none. See `mapped.cc` for
 * what a file that is shortened does.
 */
export function fromPages(
  fd: number,
  position: number,
  shape: readonly number[],
  dtype: DType,
): Tensor | undefined {
  const id = putShape(shape, dtype);
  const handle = native().mapFile(fd, position, id, shape.length);
  return handle === 0 ? undefined : (wrap(handle) as Tensor);
}

/** Puts sizes into the buffer. @returns the dtype's number */
function putShape(shape: readonly number[], dtype: DType): number {
  for (const size of shape)
    if (!Number.isSafeInteger(size) || size < 0)
      throw expected('sizes that are integers of at least 0', 'shape', shape);
  if (shape.length > 64) throw expected('at most 64 dimensions', 'shape', shape);
  const id = intern(dtype);
  begin();
  numbers.set(shape, FIRST);
  return id;
}

/** A tensor of JavaScript values; each is checked against the dtype. */
export function fromFlat(values: readonly unknown[], shape: readonly number[], dtype: DType): Tensor {
  if (dtype.startsWith('complex')) return fromComplex(values, shape, dtype);
  const isInteger = /^u?int/.test(dtype);
  if (dtype === 'int64' || dtype === 'uint64') {
    const array = arrayForms[dtype].make(values.length) as BigInt64Array;
    for (let i = 0; i < values.length; i++) array[i] = toBigInt(values[i], dtype);
    return fromBytes(array, shape, dtype);
  }
  if (isInteger || dtype === 'bool') {
    const array = arrayForms[dtype].make(values.length) as Int32Array;
    for (let i = 0; i < values.length; i++) {
      const number = toNumber(values[i]);
      array[i] = dtype === 'bool' ? Number(number !== 0) : Math.trunc(number);
      if (isInteger && array[i] !== Math.trunc(number)) throw outOfRange(values[i], dtype);
    }
    return fromBytes(array, shape, dtype);
  }
  const wide = dtype === 'float32' ? 'float32' : 'float64';
  const array = arrayForms[wide].make(values.length) as Float64Array;
  for (let i = 0; i < values.length; i++) array[i] = toNumber(values[i]);
  const tensor = fromBytes(array, shape, wide);
  if (wide === dtype) return tensor;
  try {
    return invoke(cast, [tensor, dtype]) as Tensor;
  } finally {
    tensor.dispose();
  }
}

function fromComplex(values: readonly unknown[], shape: readonly number[], dtype: DType): Tensor {
  const pairs = new Float64Array(2 * values.length);
  values.forEach((value, i) => {
    pairs[2 * i] = value instanceof Complex ? value.re : toNumber(value);
    pairs[2 * i + 1] = value instanceof Complex ? value.im : 0;
  });
  const tensor = fromBytes(pairs, shape, 'complex128');
  if (dtype === 'complex128') return tensor;
  try {
    return invoke(cast, [tensor, dtype]) as Tensor;
  } finally {
    tensor.dispose();
  }
}

function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return Number(value);
  throw expected('a number, a bigint or a boolean', 'an element of data', value);
}

function toBigInt(value: unknown, dtype: DType): bigint {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(Math.trunc(value))) throw outOfRange(value, dtype);
    return BigInt(Math.trunc(value));
  }
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value !== 'bigint')
    throw expected('a number, a bigint or a boolean', 'an element of data', value);
  const kept = dtype === 'int64' ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
  if (kept !== value) throw outOfRange(value, dtype);
  return value;
}

function outOfRange(value: unknown, dtype: DType): ArgumentError | ArgumentRangeError {
  return new ArgumentRangeError(
    `Expected a value that ${dtype} holds exactly for an element of data but received ${show(value)}`,
  );
}
