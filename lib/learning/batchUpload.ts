/**
 * Batches on their way to a CUDA device: from pinned memory, on a stream of their own, while the step before is computed.
 */
import type { DType } from '../torch/dtype.ts';
import { currentStream, type Event, Stream, withStream } from '../torch/streams.ts';
import type { Tensor } from '../torch/tensor.ts';

/** Tensors that may still be on their way. */
export interface Uploaded {
  readonly tensors: readonly Tensor[];
  /** What is asked of the current stream from here on waits until they are there. */
  arrive(): void;
}

export class BatchUpload {
  readonly #device: string;
  readonly #stream: Stream;

  /** @param device such as `cuda:0` */
  constructor(device: string) {
    this.#device = device;
    this.#stream = new Stream({ device });
  }

  /** The tensors there, in these dtypes. Those that were made for the batch, elsewhere or in others, are freed. */
  upload(tensors: readonly Tensor[], dtypes: readonly DType[], born: ReadonlySet<unknown>): Uploaded {
    const copies: Tensor[] = [];
    const there = tensors.map((tensor, i) => {
      const dtype = dtypes[i] as DType;
      if (tensor.device === this.#device && tensor.dtype === dtype) return tensor;
      const isHere = tensor.device === 'cpu';
      const result = isHere ? this.#copy(tensor, dtype) : tensor.to({ device: this.#device, dtype });
      if (isHere) copies.push(result);
      if (born.has(tensor)) tensor.dispose();
      return result;
    });
    const done = this.#stream.recordEvent();
    return { tensors: there, arrive: () => arrive(copies, done) };
  }

  /** Narrowed before it is copied: fewer bytes to move, and nothing that the copy would have to wait for. */
  #copy(tensor: Tensor, dtype: DType): Tensor {
    const narrowed = tensor.to(dtype);
    const pinned = narrowed.pinMemory();
    const result = withStream(this.#stream, () => pinned.to({ device: this.#device, nonBlocking: true }));
    // libtorch keeps pinned memory until the copy is done.
    pinned.dispose();
    if (narrowed !== tensor) narrowed.dispose();
    return result;
  }
}

function arrive(tensors: readonly Tensor[], done: Event): void {
  const first = tensors[0];
  if (first === undefined) return;
  const stream = currentStream(first.device);
  done.wait(stream);
  for (const tensor of tensors) tensor.recordStream(stream);
}
