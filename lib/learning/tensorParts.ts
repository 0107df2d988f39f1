/** What a step can be computed from without JavaScript: tensors, and a function of them. */

import { filled, flatten, templateOf } from '../torch/compile/signature.ts';
import type { DType } from '../torch/dtype.ts';
import { visitTensors } from '../torch/scope.ts';
import { Tensor } from '../torch/tensor.ts';
import type { BatchUpload } from './batchUpload.ts';

/** A part of a batch, ready to be computed. */
export interface TensorPart {
  /** Around its metrics, from the outermost; tells the parts of several trainers apart. */
  readonly scopes: readonly string[];
  /** Tensors in arrays and plain objects: what `compute` is called with. */
  readonly tensors: unknown;
  /** Those of them that were made for it, and are freed behind it. */
  readonly owned: ReadonlySet<unknown>;
  /** Before they are computed with: what is asked of the device from here on waits until they are there. */
  readonly arrive?: (() => void) | undefined;
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

/** What a batch is computed from, once it is where it is computed. */
export interface Placed {
  readonly tensors: unknown;
  readonly owned: ReadonlySet<unknown>;
  /** See `TensorPart`. */
  readonly arrive: (() => void) | undefined;
}

export interface PlaceOptions {
  readonly device: string;
  /** The tensors that were made for this batch. */
  readonly born: ReadonlySet<unknown>;
  /** Of floats; undefined where they stay as they are. */
  readonly dtype: DType | undefined;
  /** What copies to a CUDA device meanwhile; without it a copy is waited for. */
  readonly upload: BatchUpload | undefined;
}

/** The same values with their tensors on a device, those of floats in a dtype; those that were otherwise are freed. */
export function placed(value: unknown, { device, born, dtype, upload }: PlaceOptions): Placed {
  // Where tensors are made, and as they are made, unless told otherwise.
  if (device === 'cpu' && dtype === undefined) return { tensors: value, owned: born, arrive: undefined };
  const { tensors } = flatten(value, 'collate');
  const dtypes = tensors.map((tensor) =>
    dtype !== undefined && tensor.dtype.startsWith('float') ? dtype : (tensor.dtype as DType),
  );
  if (upload !== undefined) {
    const { tensors: there, arrive } = upload.upload(tensors, dtypes, born);
    const owned = new Set(there.filter((tensor) => born.has(tensor) || !tensors.includes(tensor)));
    return { tensors: filled(templateOf(value), there), owned, arrive };
  }
  const changed = tensors.map((tensor, i) => {
    const wanted = dtypes[i] as DType;
    if (tensor.device === device && tensor.dtype === wanted) return tensor;
    const result = tensor.to({ device, dtype: wanted });
    if (born.has(tensor)) tensor.dispose();
    return result;
  });
  const owned = new Set(changed.filter((tensor) => born.has(tensor) || !tensors.includes(tensor)));
  return { tensors: filled(templateOf(value), changed), owned, arrive: undefined };
}

export function disposeParts(parts: readonly TensorPart[]): void {
  for (const { tensors, owned } of parts) {
    visitTensors(tensors, (tensor) => {
      if (tensor instanceof Tensor && owned.has(tensor)) tensor.dispose();
    });
  }
}
