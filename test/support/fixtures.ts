/** Recorded tensors: reading them, and comparing with them. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { arrayForms, type DType } from '../../lib/torch/dtype.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { fromBytes } from '../../lib/torch/values.ts';

export interface TensorEntry {
  readonly dtype: DType;
  readonly shape: number[];
  readonly data: string;
}

/** A file of test/fixtures, `.json` or `.json.gz`. */
export function loadFixture<T = Record<string, unknown>>(name: string): T {
  const bytes = readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
  return JSON.parse((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')) as T;
}

function bytesOf(entry: TensorEntry): NodeJS.TypedArray {
  const bytes = Buffer.from(entry.data, 'base64');
  const count = entry.shape.reduce((product, size) => product * size, 1);
  const array = arrayForms[entry.dtype].make(count);
  new Uint8Array(array.buffer).set(bytes);
  return array;
}

export function toTensor(entry: TensorEntry): Tensor {
  return fromBytes(bytesOf(entry), entry.shape, entry.dtype);
}

/** Same dtype, same shape, same bits; every NaN equals every other, as their payload is nobody's promise. */
export function expectBitEqual(actual: Tensor, entry: TensorEntry, label = 'tensor'): void {
  compare(actual, entry, label, (a, b) => Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b)));
}

/** |actual - expected| <= atol + rtol * |expected|, and NaN where NaN is expected. */
export function expectClose(
  actual: Tensor,
  entry: TensorEntry,
  { rtol = 1e-5, atol = 1e-8, label = 'tensor' } = {},
): void {
  compare(actual, entry, label, (a, b) => {
    if (Object.is(a, b) || (Number.isNaN(Number(a)) && Number.isNaN(Number(b)))) return true;
    return Math.abs(Number(a) - Number(b)) <= atol + rtol * Math.abs(Number(b));
  });
}

function compare(
  actual: Tensor,
  entry: TensorEntry,
  label: string,
  same: (a: unknown, b: unknown) => boolean,
): void {
  const found = `${actual.dtype} [${actual.shape}]`;
  const wanted = `${entry.dtype} [${entry.shape}]`;
  if (found !== wanted) throw new Error(`${label}: expected ${wanted}, got ${found}`);
  const ours = actual.toTypedArray();
  const theirs = bytesOf(entry);
  let worst = 0;
  let first = -1;
  let different = 0;
  for (let i = 0; i < theirs.length; i++) {
    if (same(ours[i], theirs[i])) continue;
    if (first < 0) first = i;
    different++;
    worst = Math.max(worst, Math.abs(Number(ours[i]) - Number(theirs[i])));
  }
  if (different > 0)
    throw new Error(
      `${label}: ${different} of ${theirs.length} elements differ, first at ${first}: expected ${theirs[first]}, got ${ours[first]}; largest difference ${worst}`,
    );
}
