import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ArgumentError, expected } from '../../errors.ts';
import { checkOptions } from '../../options.ts';
import type { Device, DType } from '../dtype.ts';
import { type Index, readIndex } from '../indexing.ts';
import { tidy } from '../scope.ts';
import type { Tensor } from '../tensor.ts';
import { fromPages } from '../values.ts';
import { cannotRead, checkPath } from './path.ts';
import { SafetensorsError, type SafetensorsHeader, type TensorInfo } from './safetensorsHeader.ts';
import { type ByteSource, type Parsed, readHeader, readTensor } from './safetensorsReader.ts';

export interface OpenSafetensorsOptions {
  /** Where to put tensors. Default 'cpu'. */
  readonly device?: Device;
  /**
   * Makes tensors over the pages of the file, which the system reads as they are used and can drop again (false).
   *
   * Writing into such a tensor changes a copy of its page and not the file. Replacing the file by `rename` is safe, as
   * `saveSafetensors` does. **Shortening it in place, while a tensor over it lives, ends the process by SIGBUS, as does a
   * failing disk; writing into it in place may change values**: no program can catch that, so it is for files that
   * nobody else changes. Bools, tensors below 64 KiB and those that are not aligned are read all the same, and so is
   * everything where the system has no such pages (Linux has).
   */
  readonly mmap?: boolean;
}

/** A part of a tensor to come. */
export interface TensorSlice {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /**
   * Reads the part at some indices, as `Tensor.index` takes them; of the first dimension, no more than the rows between.
   *
   * @example await file.getSlice('embeddings').index([{ start: 0, stop: 100 }, ':'])
   */
  index(indices: readonly Index[]): Promise<Tensor>;
}

/** An open safetensors file, whose tensors are made when they are asked for: Python's `safe_open`. */
export class OpenSafetensors implements AsyncDisposable {
  /** Names, dtypes, shapes and places of what is in it. */
  readonly header: SafetensorsHeader;
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #source: ByteSource;
  readonly #start: number;
  readonly #device: Device;
  readonly #infos: ReadonlyMap<string, TensorInfo>;

  private constructor(
    path: string,
    handle: FileHandle,
    source: ByteSource,
    { header, start }: Parsed,
    device: Device,
  ) {
    this.header = header;
    this.#path = path;
    this.#handle = handle;
    this.#source = source;
    this.#start = start;
    this.#device = device;
    this.#infos = new Map(header.tensors.map((info) => [info.name, info]));
  }

  /** @internal See `openSafetensors`. */
  static async open(path: string | URL, options: OpenSafetensorsOptions = {}): Promise<OpenSafetensors> {
    const { device = 'cpu', mmap = false } = checkOptions('openSafetensors', options, ['device', 'mmap']);
    if (typeof device !== 'string') throw expected('a device', 'device', device);
    if (typeof mmap !== 'boolean') throw expected('a boolean', 'mmap', mmap);
    const file = checkPath(path);
    // Without O_NONBLOCK, a named pipe in place of a file would wait for its other end.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
      throw cannotRead(file, error);
    });
    try {
      const source = await sourceOf(handle, file, mmap);
      return new OpenSafetensors(file, handle, source, await named(file, readHeader(source)), device);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Names of its tensors, in the order of the header. */
  keys(): string[] {
    return [...this.#infos.keys()];
  }

  /** What its writer noted. */
  metadata(): ReadonlyMap<string, string> {
    return this.header.metadata;
  }

  /** Reads a tensor, or maps it: a new one each time, which is the caller's. @throws ArgumentError for a name that is none */
  async getTensor(name: string): Promise<Tensor> {
    return this.#read(this.#info(name));
  }

  /** A tensor of which only a part will be read. */
  getSlice(name: string): TensorSlice {
    const info = this.#info(name);
    const { shape, dtype } = info;
    return { shape, dtype, index: (indices) => this.#slice(info, indices) };
  }

  /** All tensors, in the order of the header. */
  async getTensors(): Promise<Map<string, Tensor>> {
    return collected(this.header.tensors, (info) => this.#read(info));
  }

  /** Lets go of the file, once what is being read is there. Tensors stay, those over its pages too. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #info(name: string): TensorInfo {
    const info = this.#infos.get(name);
    if (info === undefined) throw expected(`the name of a tensor in ${this.#path}`, 'name', name);
    return info;
  }

  async #read(info: TensorInfo): Promise<Tensor> {
    if (this.#handle.fd < 0) throw new ArgumentError(`Expected an open file but ${this.#path} was closed`);
    return placed(await named(this.#path, readTensor(this.#source, info, this.#start)), this.#device);
  }

  async #slice(info: TensorInfo, indices: readonly Index[]): Promise<Tensor> {
    const { rows, rest } = rowsOf(info, indices);
    return tidy(async () => {
      const read = await this.#read(rows);
      const part = readIndex(read, rest);
      // A part must not hold the rest of the rows in memory.
      return part.numel() < read.numel() ? part.clone() : part;
    });
  }
}

/**
 * Opens a safetensors file and checks its header; tensors are read when they are asked for.
 *
 * @throws SafetensorsError for a file that is not exactly in the format; its `reason` says which check failed.
 * @example
 * await using file = await torch.openSafetensors('model.safetensors');
 * const weight = await file.getTensor('encoder.weight');
 */
export async function openSafetensors(
  path: string | URL,
  options: OpenSafetensorsOptions = {},
): Promise<OpenSafetensors> {
  return OpenSafetensors.open(path, options);
}

/** Reads names, dtypes, shapes and metadata of a safetensors file, and none of its data. */
export async function readSafetensorsHeader(path: string | URL): Promise<SafetensorsHeader> {
  const file = await OpenSafetensors.open(path);
  await file.close();
  return file.header;
}

/** @internal Reads tensors one after the other; none is left where one fails. */
export async function collected(
  infos: readonly TensorInfo[],
  read: (info: TensorInfo) => Promise<Tensor>,
): Promise<Map<string, Tensor>> {
  const tensors = new Map<string, Tensor>();
  try {
    for (const info of infos) tensors.set(info.name, await read(info));
    return tensors;
  } catch (error) {
    for (const tensor of tensors.values()) tensor.dispose();
    throw error;
  }
}

/** @internal On a device. */
export function placed(tensor: Tensor, device: Device): Tensor {
  try {
    const there = tensor.to({ device });
    if (there !== tensor) tensor.dispose();
    return there;
  } catch (error) {
    tensor.dispose();
    throw error;
  }
}

async function sourceOf(handle: FileHandle, file: string, mmap: boolean): Promise<ByteSource> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw expected('a file', 'path', file);
  return {
    size: stat.size,
    read: async (into, position) => (await handle.read(into, 0, into.length, position)).bytesRead,
    ...(mmap && { map: (position, shape, dtype) => fromPages(handle.fd, position, shape, dtype) }),
  };
}

/** What is wrong with a file, with its name. */
async function named<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new SafetensorsError(error.reason, `${file} is no safetensors file: ${error.message}`);
  }
}

/** The rows of the first dimension between which the first index lies, as a tensor by itself, and the indices for it. */
function rowsOf(
  info: TensorInfo,
  indices: readonly Index[],
): { readonly rows: TensorInfo; readonly rest: readonly Index[] } {
  const [first, ...others] = indices;
  const [count, ...inner] = info.shape;
  const range = count === undefined ? undefined : rangeOf(first, count);
  if (range === undefined) return { rows: info, rest: indices };
  const [start, stop, within] = range;
  const row = count === 0 ? 0 : (info.end - info.begin) / (count as number);
  const shape = [stop - start, ...inner];
  const place = { begin: info.begin + start * row, end: info.begin + stop * row };
  return { rows: { ...info, ...place, shape }, rest: [within, ...others] };
}

/** The rows that an index needs, and what it is among them; undefined where that takes more than one look. */
function rangeOf(index: Index | undefined, count: number): [number, number, Index] | undefined {
  if (typeof index === 'number') {
    const at = index < 0 ? index + count : index;
    return Number.isInteger(at) && at >= 0 && at < count ? [at, at + 1, 0] : undefined;
  }
  if (typeof index !== 'object' || index === null || !('start' in index || 'stop' in index)) return undefined;
  const { start, stop, step } = index;
  const bound = (value: number | null | undefined, otherwise: number) =>
    Math.min(Math.max((value ?? otherwise) + ((value ?? 0) < 0 ? count : 0), 0), count);
  const [from, to] = [bound(start, 0), bound(stop, count)];
  if (!Number.isInteger(from) || !Number.isInteger(to)) return undefined;
  return [from, Math.max(from, to), step === undefined ? ':' : { step }];
}
