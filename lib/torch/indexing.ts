/** PyTorch's indexing as far as TypeScript can write it: views where PyTorch makes views, copies where it copies. */

import { ArgumentError, expected } from '../errors.ts';
import { invoke, Operator } from './invoke.ts';
import { OwnedTensor } from './lifetime.ts';
import { flatten, isArray } from './nested.ts';
import type { Tensor } from './tensor.ts';
import { fromFlat } from './values.ts';

/** `start:stop:step`; a negative start or stop counts from the end. */
export interface Slice {
  readonly start?: number | null;
  readonly stop?: number | null;
  readonly step?: number;
}

export type Index = number | null | boolean | '...' | ':' | Slice | Tensor | readonly (number | boolean)[];

const select = new Operator('aten::select', 'int');
const slice = new Operator('aten::slice', 'Tensor');
const unsqueeze = new Operator('aten::unsqueeze');
const index = new Operator('aten::index', 'Tensor');
const indexPut = new Operator('aten::index_put_');
const copy = new Operator('aten::copy_');
const fill = new Operator('aten::fill_', 'Scalar');

export function checkIndices(indices: readonly number[]): readonly number[] {
  for (const value of indices) if (!Number.isInteger(value)) throw expected('an integer', 'index', value);
  return indices;
}

/** All dimensions that a tensor can have, as many new ones, and '...'. */
const MOST_INDICES = 129;

/** What basic indices select, as a view, and the tensor indices that remain for it. */
interface Resolved {
  readonly view: Tensor;
  readonly advanced: (Tensor | null)[];
}

function resolve(tensor: Tensor, indices: readonly Index[]): Resolved {
  OwnedTensor.handleOf(tensor);
  if (!isArray(indices) || indices.length > MOST_INDICES)
    throw expected(`an array of at most ${MOST_INDICES} indices`, 'indices', indices);
  const ndim = tensor.ndim;
  const used = indices.reduce((sum: number, one) => sum + consumes(one as Index), 0);
  if (used > ndim)
    throw new ArgumentError(`Expected at most ${ndim} indices for indices but received ${used}`, 'ERR_INDEX');
  if (indices.filter((one) => one === '...').length > 1)
    throw expected("at most one '...'", 'indices', indices);
  let view = tensor;
  let dim = 0;
  const advanced: (Tensor | null)[] = [];
  for (const one of indices as readonly Index[]) {
    if (one === '...') {
      for (let i = 0; i < ndim - used; i++, dim++) advanced.push(null);
    } else if (typeof one === 'number') {
      if (!Number.isInteger(one)) throw expected('an integer', 'index', one);
      view = invoke(select, [view, dim, one]) as Tensor;
    } else if (one === null || typeof one === 'boolean') {
      view = invoke(unsqueeze, [view, dim]) as Tensor;
      advanced.push(typeof one === 'boolean' ? toTensor([one]) : null);
      dim++;
    } else if (OwnedTensor.is(one) || isArray(one)) {
      const mask = OwnedTensor.is(one) ? (one as Tensor) : toTensor(one as readonly (number | boolean)[]);
      advanced.push(mask);
      dim += isMask(mask) ? mask.ndim : 1;
    } else {
      view = sliced(view, dim, one as Slice | ':');
      advanced.push(null);
      dim++;
    }
  }
  return { view, advanced };
}

/** Dimensions that an index stands for. */
function consumes(one: Index): number {
  if (one === null || one === '...' || typeof one === 'boolean') return 0;
  if (OwnedTensor.is(one) && isMask(one as Tensor)) return (one as Tensor).ndim;
  return 1;
}

function isMask(tensor: Tensor): boolean {
  return tensor.dtype === 'bool' || tensor.dtype === 'uint8';
}

function toTensor(values: readonly (number | boolean)[]): Tensor {
  const { values: flat, shape } = flatten(values, 'index');
  const dtype = flat.length > 0 && flat.every((value) => typeof value === 'boolean') ? 'bool' : 'int64';
  return fromFlat(flat, shape, dtype);
}

function sliced(view: Tensor, dim: number, one: Slice | ':'): Tensor {
  if (one === ':') return view;
  if (typeof one !== 'object')
    throw expected("an integer, null, '...', ':', a slice, an array or a Tensor", 'index', one);
  for (const key of Object.keys(one)) {
    if (!['start', 'stop', 'step'].includes(key))
      throw expected('start, stop and step', 'the keys of a slice', key);
  }
  const { start = null, stop = null, step = 1 } = one;
  return invoke(slice, [view, dim, start, stop, step]) as Tensor;
}

/** Reads `tensor[indices]`. */
export function readIndex(tensor: Tensor, indices: readonly Index[]): Tensor {
  const { view, advanced } = resolve(tensor, indices);
  if (advanced.some((one) => one !== null)) return invoke(index, [view, advanced]) as Tensor;
  return view === tensor ? (invoke(slice, [view, 0, null, null, 1]) as Tensor) : view;
}

/** Writes `tensor[indices] = value`. */
export function writeIndex(
  tensor: Tensor,
  indices: readonly Index[],
  value: Tensor | number | boolean,
  accumulate: boolean,
): void {
  const { view, advanced } = resolve(tensor, indices);
  const isTensor = OwnedTensor.is(value);
  if (!isTensor && typeof value !== 'number' && typeof value !== 'boolean')
    throw expected('a Tensor or a number', 'value', value);
  if (advanced.some((one) => one !== null)) {
    const { dtype, device } = tensor;
    const values = isTensor ? (value as Tensor) : fromFlat([value], [], dtype).to(device);
    invoke(indexPut, [view, advanced, values, accumulate]);
    return;
  }
  if (accumulate) {
    (view as unknown as { add_(other: unknown): void }).add_(value);
    return;
  }
  invoke(isTensor ? copy : fill, [view, isTensor ? value : Number(value)]);
}
