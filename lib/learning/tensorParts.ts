/** What a step can be computed from without JavaScript: tensors, and a function of them. */

import { filled, flatten, templateOf } from '../torch/compile/signature.ts';
import type { DType } from '../torch/dtype.ts';
import { visitTensors } from '../torch/scope.ts';
import { Tensor } from '../torch/tensor.ts';

/** A part of a batch, ready to be computed. */
export interface TensorPart {
  /** Around its metrics, from the outermost; tells the parts of several trainers apart. */
  readonly scopes: readonly string[];
  /** Tensors in arrays and plain objects: what `compute` is called with. */
  readonly tensors: unknown;
  /** Records in it. */
  readonly count: number;
  /** Of its loss among the parts of its batch. */
  readonly weight: number;
  /** Adds losses and metrics; not asynchronous. */
  compute(tensors: unknown): void | Promise<void>;
  /** Whether it can do with less memory at all. */
  readonly recovers: boolean;
  /** Whether parts have become smaller since it was made. */
  isTooLarge(): boolean;
  /** Whether memory that ran out may be enough now. */
  recover(error: unknown): Promise<boolean>;
}

/** The same values with their tensors on a device, those of floats in a dtype; those that were otherwise are freed. */
export function asComputed(value: unknown, device: string, dtype: DType | undefined): unknown {
  // Where tensors are made, and as they are made, unless told otherwise.
  if (device === 'cpu' && dtype === undefined) return value;
  const { tensors } = flatten(value, 'collate');
  const changed = tensors.map((tensor) => {
    const wanted = dtype !== undefined && tensor.dtype.startsWith('float') ? dtype : (tensor.dtype as DType);
    if (tensor.device === device && tensor.dtype === wanted) return tensor;
    const result = tensor.to({ device, dtype: wanted });
    tensor.dispose();
    return result;
  });
  return filled(templateOf(value), changed);
}

export function disposeParts(parts: readonly TensorPart[]): void {
  for (const { tensors } of parts) {
    visitTensors(tensors, (tensor) => {
      if (tensor instanceof Tensor) tensor.dispose();
    });
  }
}
