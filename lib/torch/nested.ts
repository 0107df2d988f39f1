/** Nested arrays: their shape, their elements in a row, and back. */

import { types } from 'node:util';
import { ArgumentError, ArgumentRangeError, expected } from '../errors.ts';
import { Complex } from './complex.ts';

export type Scalar = number | bigint | boolean | Complex;
export type NestedValues = Scalar | NestedValues[];
export type NestedInput = Scalar | ArrayLike<NestedInput>;

/** An array of JavaScript that grows beyond this ends the process; a typed array may be larger. */
const MOST_ELEMENTS = 2 ** 26;

/** Walks nested arrays once: sizes by the first element of each level, every other one checked against them. */
export function flatten(data: unknown, name: string): { values: unknown[]; shape: number[] } {
  const shape: number[] = [];
  for (let level: unknown = data; isList(level); level = level[0]) {
    if (shape.length === 64) throw expected('at most 64 dimensions', name, data);
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const count = shape.reduce((product, size) => product * size, 1);
  if (count > MOST_ELEMENTS)
    throw new ArgumentRangeError(
      `Expected at most ${MOST_ELEMENTS} elements for ${name} but received ${count}: use a typed array`,
    );
  const values: unknown[] = [];
  fill(data, shape, 0, values, name);
  return { values, shape };
}

function fill(data: unknown, shape: readonly number[], depth: number, values: unknown[], name: string): void {
  if (depth === shape.length) {
    if (isList(data)) throw ragged(name, shape, depth, data.length);
    if (!isScalar(data)) throw expected('a number, a bigint or a boolean', `an element of ${name}`, data);
    values.push(data);
    return;
  }
  if (!isList(data) || data.length !== shape[depth])
    throw ragged(name, shape, depth, isList(data) ? data.length : undefined);
  for (let i = 0; i < data.length; i++) fill(data[i], shape, depth + 1, values, name);
}

function ragged(
  name: string,
  shape: readonly number[],
  depth: number,
  length: number | undefined,
): ArgumentError {
  const found = length === undefined ? 'a single value' : `an array of ${length}`;
  const wanted = shape[depth] === undefined ? 'a single value' : `an array of ${shape[depth]}`;
  return new ArgumentError(`Expected ${wanted} at depth ${depth} of ${name} but received ${found}`);
}

function isScalar(value: unknown): value is Scalar {
  return (
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    typeof value === 'bigint' ||
    (!types.isProxy(value) && value instanceof Complex)
  );
}

/** As `Array.isArray`, which throws on a revoked proxy. */
export function isArray(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);
}

/** Elements of a typed array as JavaScript values of their dtype. */
export function toValues(array: NodeJS.TypedArray, dtype: string): Scalar[] {
  if (dtype === 'bool') return Array.from(array as Uint8Array, (value) => value !== 0);
  if (dtype === 'int64' || dtype === 'uint64') return Array.from(array as BigInt64Array, exact);
  if (dtype === 'complex64' || dtype === 'complex128') {
    const pairs = array as Float64Array;
    return Array.from(
      { length: pairs.length / 2 },
      (_, i) => new Complex(pairs[2 * i] as number, pairs[2 * i + 1] as number),
    );
  }
  return Array.from(array as Float64Array);
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The elements as arrays in arrays by `shape`. */
export function nest(values: readonly Scalar[], shape: readonly number[]): NestedValues {
  let position = 0;
  const build = (depth: number): NestedValues => {
    if (depth === shape.length) return values[position++] as Scalar;
    return Array.from({ length: shape[depth] as number }, () => build(depth + 1));
  };
  return build(0);
}
