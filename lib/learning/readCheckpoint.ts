/** What is in a checkpoint, as tensors and plain data. */
import { readSafetensors } from '../torch/io/safetensors.ts';
import type { Tensor } from '../torch/tensor.ts';
import { DamagedError } from './damaged.ts';
import { type Disk, disk } from './disk.ts';
import {
  checkManifest,
  MANIFEST_FILE,
  type Manifest,
  MODEL_FILE,
  opened,
  readAll,
  STATE_FILE,
  TENSORS_FILE,
} from './manifest.ts';
import { type Json, unpackState } from './stateCodec.ts';

export interface CheckpointContent {
  readonly manifest: Manifest;
  readonly state: unknown;
}

/**
 * The state in a checkpoint, once all of its files are what was written.
 *
 * @throws DamagedError where they are not, ArgumentError for one of another version of the format
 */
export async function readCheckpoint(path: string, on: Disk = disk): Promise<CheckpointContent> {
  const manifest = await checkManifest(on, path);
  for (const name of [MODEL_FILE, STATE_FILE])
    if (!Object.hasOwn(manifest.files, name))
      throw new DamagedError(`${MANIFEST_FILE} does not name ${name}`);
  const text = await opened(on, path, STATE_FILE, readAll);
  const json = JSON.parse(Buffer.from(text).toString('utf8')) as Json;
  const tensors: ReadonlyMap<string, Tensor> = Object.hasOwn(manifest.files, TENSORS_FILE)
    ? await opened(on, path, TENSORS_FILE, (file) => readSafetensors(file))
    : new Map();
  return { manifest, state: unpackState({ json, tensors }) };
}
