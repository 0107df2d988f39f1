/** The weights of a Hugging Face folder: one safetensors file, or shards and the index that says what is in which. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError, expected } from '../errors.ts';
import { abridged } from '../learning/parameterOptimizer.ts';
import { checkPath } from '../torch/io/path.ts';
import {
  type OpenSafetensors,
  type OpenSafetensorsOptions,
  openSafetensors,
  type TensorSlice,
} from '../torch/io/safetensors.ts';
import type { TensorInfo } from '../torch/io/safetensorsHeader.ts';
import { parseStrictJson } from '../torch/io/strictJson.ts';
import type { Tensor } from '../torch/tensor.ts';

export const WEIGHTS_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/** A tensor of a folder. */
export interface FolderTensor extends TensorInfo {
  /** Its file. */
  readonly file: string;
}

/** The open weights of a folder, whose tensors are read when they are asked for. */
export class OpenWeights implements AsyncDisposable {
  /** Every tensor by its key, file by file. */
  readonly tensors: ReadonlyMap<string, FolderTensor>;
  readonly #files: ReadonlyMap<string, OpenSafetensors>;

  /** @internal See `openWeights`. */
  constructor(tensors: ReadonlyMap<string, FolderTensor>, files: ReadonlyMap<string, OpenSafetensors>) {
    this.tensors = tensors;
    this.#files = files;
  }

  keys(): string[] {
    return [...this.tensors.keys()];
  }

  /** Reads a tensor, or maps it: a new one each time, which is the caller's. */
  async getTensor(key: string): Promise<Tensor> {
    return this.#fileOf(key).getTensor(key);
  }

  /**
   * A layer has tensors: more layers than there are would be made first, for as long as that takes.
   *
   * @throws ArgumentError where there cannot be so many
   */
  checkLayers(layers: number): void {
    const { size } = this.tensors;
    if (layers > size)
      throw expected(`at most ${size}, the tensors of the folder,`, 'the number of layers', layers);
  }

  /** A tensor of which only a part will be read. */
  getSlice(key: string): TensorSlice {
    return this.#fileOf(key).getSlice(key);
  }

  /** Lets go of the files. Tensors stay. */
  async close(): Promise<void> {
    await closeAll(this.#files);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #fileOf(key: string): OpenSafetensors {
    const info = this.tensors.get(key);
    if (info === undefined) throw expected('the key of a tensor in the folder', 'key', key);
    return this.#files.get(info.file)!;
  }
}

/**
 * Opens what a folder has and reads no data: `model.safetensors`, or else the shards of `model.safetensors.index.json`.
 *
 * @throws ArgumentError when the index and the shards do not say the same
 * @example
 * await using weights = await openWeights('models/bert-mini');
 * const table = await weights.getTensor('bert.embeddings.word_embeddings.weight');
 */
export async function openWeights(
  folder: string | URL,
  options: OpenSafetensorsOptions = {},
): Promise<OpenWeights> {
  const path = checkPath(folder);
  const files = new Map<string, OpenSafetensors>();
  const opened = async (file: string): Promise<readonly FolderTensor[]> => {
    const found = await openSafetensors(file, options);
    files.set(file, found);
    return found.header.tensors.map((info) => ({ ...info, file }));
  };
  try {
    return new OpenWeights(await whatIsIn(path, opened), files);
  } catch (error) {
    await closeAll(files);
    throw error;
  }
}

type Opened = (file: string) => Promise<readonly FolderTensor[]>;

async function closeAll(files: ReadonlyMap<string, OpenSafetensors>): Promise<void> {
  await Promise.all([...files.values()].map((file) => file.close()));
}

async function whatIsIn(path: string, opened: Opened): Promise<ReadonlyMap<string, FolderTensor>> {
  const single = join(path, WEIGHTS_FILE);
  if (await isThere(single)) return new Map((await opened(single)).map((info) => [info.name, info]));
  const index = join(path, INDEX_FILE);
  if (await isThere(index)) return sharded(path, index, opened);
  const old = ['pytorch_model.bin', 'pytorch_model.bin.index.json'];
  const found = (await Promise.all(old.map((name) => isThere(join(path, name))))).some(Boolean);
  const hint = found ? '; it has a pytorch_model.bin, which Python has to save anew as safetensors' : '';
  throw new ArgumentError(
    `Expected ${WEIGHTS_FILE} or ${INDEX_FILE} in ${path} but it has neither${hint}`,
    'ERR_FILE',
  );
}

async function sharded(
  path: string,
  index: string,
  opened: Opened,
): Promise<ReadonlyMap<string, FolderTensor>> {
  const places = weightMap(await readFile(index, 'utf8'), index);
  const names = [...new Set(places.values())].sort();
  const missingFiles: string[] = [];
  const tensors = new Map<string, FolderTensor>();
  const extra: string[] = [];
  for (const shard of names) {
    const file = join(path, shard);
    if (!(await isThere(file))) {
      missingFiles.push(shard);
      continue;
    }
    for (const info of await opened(file)) {
      if (places.get(info.name) === shard) tensors.set(info.name, info);
      else extra.push(`${info.name} in ${shard}`);
    }
  }
  const lost = [...places].filter(([key, shard]) => !tensors.has(key) && !missingFiles.includes(shard));
  const problems = [
    problem(missingFiles, 'of its files are not there'),
    problem(
      lost.map(([key, shard]) => `${key} in ${shard}`),
      'tensors are not where it says',
    ),
    problem(extra, 'tensors are where it does not say'),
  ].filter((each) => each !== '');
  if (problems.length > 0)
    throw new ArgumentError(`${index} and its shards differ: ${problems.join('; ')}`, 'ERR_FILE');
  return tensors;
}

function problem(names: readonly string[], what: string): string {
  return names.length === 0 ? '' : `${names.length} ${what}: ${abridged(names)}`;
}

/** Keys and their shards: strict JSON, without a key twice, and names of files in the folder itself. */
function weightMap(text: string, index: string): ReadonlyMap<string, string> {
  let root: unknown;
  try {
    root = parseStrictJson(text);
  } catch (error) {
    throw new ArgumentError(`${index} is not JSON: ${(error as Error).message}`, 'ERR_FILE');
  }
  const places = root instanceof Map ? root.get('weight_map') : undefined;
  if (!(places instanceof Map)) throw expected('an object', `weight_map of ${index}`, places);
  for (const [key, shard] of places as Map<string, unknown>) {
    if (typeof shard !== 'string' || !/^[^/\\\0]+\.safetensors$/.test(shard))
      throw expected(
        'the name of a safetensors file in the folder',
        `${key} in weight_map of ${index}`,
        shard,
      );
  }
  return places as Map<string, string>;
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
