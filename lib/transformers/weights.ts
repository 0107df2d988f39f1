/** The weights of a Hugging Face folder: one safetensors file, or shards and the index that says what is in which. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError, expected } from '../errors.ts';
import { abridged } from '../learning/parameterOptimizer.ts';
import { checkPath } from '../torch/io/path.ts';
import { readSafetensorsHeader, withSafetensors } from '../torch/io/safetensors.ts';
import type { TensorInfo } from '../torch/io/safetensorsHeader.ts';
import { parseStrictJson } from '../torch/io/strictJson.ts';
import type { Tensor } from '../torch/tensor.ts';

export const WEIGHTS_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/** What is where. */
export interface FolderWeights {
  /** Every tensor by its key, with its file. */
  readonly tensors: ReadonlyMap<string, TensorInfo & { readonly file: string }>;
}

/**
 * Reads what a folder has, and no data: `model.safetensors`, or else the shards of `model.safetensors.index.json`.
 *
 * @throws ArgumentError when the index and the shards do not say the same
 */
export async function readWeights(folder: string | URL): Promise<FolderWeights> {
  const path = checkPath(folder);
  const single = join(path, WEIGHTS_FILE);
  if (await isThere(single))
    return { tensors: new Map((await infos(single)).map((info) => [info.name, info])) };
  const index = join(path, INDEX_FILE);
  if (await isThere(index)) return sharded(path, index);
  const old = ['pytorch_model.bin', 'pytorch_model.bin.index.json'];
  const found = (await Promise.all(old.map((name) => isThere(join(path, name))))).some(Boolean);
  const hint = found ? '; it has a pytorch_model.bin, which Python has to save anew as safetensors' : '';
  throw new ArgumentError(
    `Expected ${WEIGHTS_FILE} or ${INDEX_FILE} in ${path} but it has neither${hint}`,
    'ERR_FILE',
  );
}

/** Reads tensors one after the other, file by file; `take` owns what it is given. */
export async function readTensors(
  { tensors }: FolderWeights,
  keys: Iterable<string>,
  take: (key: string, tensor: Tensor) => void,
): Promise<void> {
  const files = new Map<string, TensorInfo[]>();
  for (const key of keys) {
    const info = tensors.get(key)!;
    files.set(info.file, [...(files.get(info.file) ?? []), info]);
  }
  for (const [file, wanted] of files) {
    await withSafetensors(file, async ({ header, read }) => {
      const current = new Map(header.tensors.map((info) => [info.name, info]));
      for (const { name } of wanted) {
        const info = current.get(name);
        if (info === undefined) throw changed(file);
        take(name, await read(info));
      }
    });
  }
}

function changed(file: string): ArgumentError {
  return new ArgumentError(`Expected ${file} to stay as it is while it is read`, 'ERR_FILE');
}

async function infos(file: string) {
  const { tensors } = await readSafetensorsHeader(file);
  return tensors.map((info) => ({ ...info, file }));
}

async function sharded(path: string, index: string): Promise<FolderWeights> {
  const places = weightMap(await readFile(index, 'utf8'), index);
  const names = [...new Set(places.values())].sort();
  const missingFiles: string[] = [];
  const tensors = new Map<string, TensorInfo & { readonly file: string }>();
  const extra: string[] = [];
  for (const shard of names) {
    const file = join(path, shard);
    if (!(await isThere(file))) {
      missingFiles.push(shard);
      continue;
    }
    for (const info of await infos(file)) {
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
  return { tensors };
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
