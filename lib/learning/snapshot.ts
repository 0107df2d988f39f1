/**
 * The state of a run at a moment, as files to be: copies, which training goes on without changing.
 */
import { safetensorsOf } from '../torch/io/safetensors.ts';
import { noGrad } from '../torch/modes.ts';
import type { Module } from '../torch/nn/module.ts';
import { keep, tidy } from '../torch/scope.ts';
import type { Tensor } from '../torch/tensor.ts';
import { packState } from './stateCodec.ts';

/** Weights of a model inside a checkpoint. */
export const MODEL_FILE = 'model.safetensors';
/** The rest of the state, as JSON. */
export const STATE_FILE = 'state.json';
/** Its tensors, where there are any. */
export const TENSORS_FILE = 'state.safetensors';

export interface SnapshotFile {
  readonly name: string;
  /** Its length. */
  readonly bytes: number;
  /** Its content, as often as it is asked for: a save that failed is tried again. */
  readonly pieces: Iterable<Uint8Array>;
}

export class Snapshot {
  readonly files: readonly SnapshotFile[];
  readonly #tensors: readonly Tensor[];

  private constructor(files: readonly SnapshotFile[], tensors: readonly Tensor[]) {
    this.files = files;
    this.#tensors = tensors;
  }

  /**
   * Copies a model and a state, on the CPU.
   *
   * @throws ArgumentError with the place of what can not be written, such as a function or a Map
   */
  static take(model: Module, state: unknown): Snapshot {
    const { json, tensors } = packState(state);
    const copies: Tensor[] = [];
    const copied = (given: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> =>
      new Map(
        [...given].map(([name, tensor]) => {
          const copy = copyOf(tensor);
          copies.push(copy);
          return [name, copy] as const;
        }),
      );
    try {
      const weights = tidy(() => copied(model.stateDict()));
      const rest = copied(tensors);
      const text = Buffer.from(`${JSON.stringify(json)}\n`);
      const files = [
        tensorFile(MODEL_FILE, weights),
        ...(rest.size > 0 ? [tensorFile(TENSORS_FILE, rest)] : []),
        { name: STATE_FILE, bytes: text.length, pieces: [text] },
      ];
      return new Snapshot(files, copies);
    } catch (error) {
      for (const copy of copies) copy.dispose();
      throw error;
    }
  }

  /** Of all files. */
  get bytes(): number {
    return this.files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Frees the copies; the files can no longer be written. */
  dispose(): void {
    for (const tensor of this.#tensors) tensor.dispose();
  }
}

function tensorFile(name: string, tensors: ReadonlyMap<string, Tensor>): SnapshotFile {
  const pieces = { [Symbol.iterator]: () => safetensorsOf(tensors).pieces[Symbol.iterator]() };
  return { name, bytes: safetensorsOf(tensors).bytes, pieces };
}

function copyOf(tensor: Tensor): Tensor {
  return tidy(() =>
    noGrad(() => {
      const there = tensor.detach().contiguous();
      return keep(there.device === 'cpu' ? there.clone() : there.to('cpu'));
    }),
  );
}
