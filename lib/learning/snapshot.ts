/**
 * The state of a run at a moment, as files to be: copies, which training goes on without changing.
 */
import { type SafetensorsFile, safetensorsOf } from '../torch/io/safetensors.ts';
import type { Module } from '../torch/nn/module.ts';
import { tidy } from '../torch/scope.ts';
import { MODEL_FILE, PIECE, STATE_FILE, TENSORS_FILE, type Written } from './manifest.ts';
import { packState } from './stateCodec.ts';

/** Where the copies are: one place after the other, as clearing fresh memory takes longer than all that is done in it. */
export class SnapshotMemory {
  #kept: Uint8Array | undefined;

  /** Memory for so many bytes, for one snapshot at a time; what is in it is anything. */
  take(bytes: number): Uint8Array {
    const kept = this.#kept;
    this.#kept = undefined;
    return kept !== undefined && kept.length >= bytes ? kept : new Uint8Array(bytes);
  }

  give(memory: Uint8Array): void {
    this.#kept = memory;
  }
}

/** Elements are aligned in it. */
const ALIGNED = 64;

export class Snapshot {
  readonly files: readonly Written[];
  readonly #give: () => void;

  private constructor(files: readonly Written[], give: () => void) {
    this.files = files;
    this.#give = give;
  }

  /**
   * Copies a model and a state.
   *
   * @throws ArgumentError with the place of what can not be written, such as a function or a Map
   */
  static take(model: Module, state: unknown, memory = new SnapshotMemory()): Snapshot {
    const { json, tensors } = packState(state);
    return tidy(() => {
      const files: readonly [name: string, file: SafetensorsFile][] = [
        [MODEL_FILE, safetensorsOf(model.stateDict())],
        ...(tensors.size > 0 ? [[TENSORS_FILE, safetensorsOf(tensors)] as [string, SafetensorsFile]] : []),
      ];
      const bytes = files.reduce((sum, [, file]) => sum + aligned(file.bytes), 0);
      const taken = memory.take(bytes);
      let at = 0;
      const copied = files.map(([name, file]): Written => {
        const content = taken.subarray(at, at + file.bytes);
        file.copyTo(content);
        at += aligned(file.bytes);
        return fileOf(name, content);
      });
      const text = Buffer.from(`${JSON.stringify(json)}\n`);
      return new Snapshot([...copied, fileOf(STATE_FILE, text)], () => memory.give(taken));
    });
  }

  /** Of all files. */
  get bytes(): number {
    return this.files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Its memory may be used again; the files can no longer be written. */
  dispose(): void {
    this.#give();
  }
}

function fileOf(name: string, content: Uint8Array): Written {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += PIECE) pieces.push(content.subarray(at, at + PIECE));
  return { name, bytes: content.length, pieces };
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNED) * ALIGNED;
}
