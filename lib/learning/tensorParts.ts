/** What a step can be computed from without JavaScript: tensors, and a function of them. */

import { filled, flatten, templateOf } from '../torch/compile/signature.ts';
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

/** The same values with their tensors on a device; those that were elsewhere are freed. */
export function onDevice(value: unknown, device: string): unknown {
  // Where tensors are made unless told otherwise.
  if (device === 'cpu') return value;
  const { tensors } = flatten(value, 'collate');
  if (tensors.every((tensor) => tensor.device === device)) return value;
  const moved = tensors.map((tensor) => {
    if (tensor.device === device) return tensor;
    const there = tensor.to(device);
    tensor.dispose();
    return there;
  });
  return filled(templateOf(value), moved);
}

export function disposeParts(parts: readonly TensorPart[]): void {
  for (const { tensors } of parts) {
    visitTensors(tensors, (tensor) => {
      if (tensor instanceof Tensor) tensor.dispose();
    });
  }
}
