import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expected } from '../errors.ts';
import { checkOptions } from '../options.ts';
import type { DType } from '../torch/dtype.ts';
import { checkPath } from '../torch/io/path.ts';
import { replaceFile } from '../torch/io/replaceFile.ts';
import { saveSafetensors } from '../torch/io/safetensors.ts';
import { byteSize } from '../torch/io/safetensorsHeader.ts';
import { tidy } from '../torch/scope.ts';
import type { Tensor } from '../torch/tensor.ts';
import { configText, type RawConfig } from './configuration.ts';
import type { PreTrainedModel } from './model.ts';
import { INDEX_FILE, WEIGHTS_FILE } from './weights.ts';

export interface SaveOptions {
  /** Bytes of tensors in a file at most, unless one tensor has more: larger models are cut into shards. Default 50 GB. */
  readonly maxShardBytes?: number;
}

const METADATA = { format: 'pt' };
const SHARD = /^model-\d{5}-of-\d{5}\.safetensors$/;

/** @internal See `PreTrainedModel.savePretrained`. */
export async function saved(
  model: PreTrainedModel,
  folder: string | URL,
  options: SaveOptions,
): Promise<void> {
  const { maxShardBytes = 50e9 } = checkOptions('savePretrained', options, ['maxShardBytes']);
  if (!(maxShardBytes > 0)) throw expected('a number of bytes above 0', 'maxShardBytes', maxShardBytes);
  const path = checkPath(folder);
  await mkdir(path, { recursive: true });
  await tidy(async () => {
    const tensors = ownTensors(model);
    const shards = cut(tensors, maxShardBytes);
    const names = fileNames(shards.length);
    for (const [i, shard] of shards.entries()) await saveSafetensors(join(path, names[i]!), shard, METADATA);
    if (shards.length > 1)
      await writeText(join(path, INDEX_FILE), `${JSON.stringify(index(shards, names), null, 2)}\n`);
    await writeText(join(path, 'config.json'), configText(config(model, tensors)));
    await removeOthers(path, new Set([...names, ...(shards.length > 1 ? [INDEX_FILE] : [])]));
  });
}

/** The tensors of the state dict, of tied ones the source alone, as Python saves them. */
function ownTensors(model: PreTrainedModel): Map<string, Tensor> {
  const own = new Map(model.namedParameters({ removeDuplicate: false }));
  const isTied = (name: string) => {
    const source = model.tiedWeights.get(name);
    return source !== undefined && own.get(name) === own.get(source);
  };
  return new Map([...model.stateDict()].filter(([name]) => !isTied(name)));
}

/** In the order of the state dict, as full as they may be. */
function cut(tensors: ReadonlyMap<string, Tensor>, most: number): Map<string, Tensor>[] {
  const shards: Map<string, Tensor>[] = [new Map()];
  let bytes = 0;
  for (const [name, tensor] of tensors) {
    const size = bytesOf(tensor);
    if (bytes > 0 && bytes + size > most) {
      shards.push(new Map());
      bytes = 0;
    }
    shards.at(-1)!.set(name, tensor);
    bytes += size;
  }
  return shards;
}

function bytesOf(tensor: Tensor): number {
  return byteSize(tensor.shape, tensor.dtype) as number;
}

function fileNames(count: number): string[] {
  if (count === 1) return [WEIGHTS_FILE];
  const digits = (n: number) => String(n).padStart(5, '0');
  return Array.from({ length: count }, (_, i) => `model-${digits(i + 1)}-of-${digits(count)}.safetensors`);
}

function index(shards: readonly ReadonlyMap<string, Tensor>[], names: readonly string[]): unknown {
  const all = shards.flatMap((shard) => [...shard.values()]);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
  const places = shards.flatMap((shard, i) => [...shard.keys()].map((name) => [name, names[i]] as const));
  return {
    metadata: {
      total_parameters: sum(all.map((tensor) => tensor.numel())),
      total_size: sum(all.map(bytesOf)),
    },
    weight_map: Object.fromEntries(places),
  };
}

function config(model: PreTrainedModel, tensors: ReadonlyMap<string, Tensor>): RawConfig {
  const [first] = tensors.values();
  const dtype: DType = first?.dtype ?? 'float32';
  const { raw, modelType } = model.config;
  const { name } = model.constructor;
  const architecture = modelType === 'xlm-roberta' ? `XLM${name}` : name;
  return { ...raw, architectures: [architecture], dtype, torch_dtype: undefined };
}

async function writeText(file: string, text: string): Promise<void> {
  await replaceFile(file, (handle) => handle.writeFile(text));
}

/** Files of weights that an earlier save left, which would be read in place of these or beside them. */
async function removeOthers(path: string, kept: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(path)) {
    const isWeights = name === WEIGHTS_FILE || name === INDEX_FILE || SHARD.test(name);
    if (isWeights && !kept.has(name)) await rm(join(path, name));
  }
}
