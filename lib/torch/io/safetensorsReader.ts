/** From bytes of a file to tensors. */
import { arrayForms, type DType } from '../dtype.ts';
import { F } from '../functions.ts';
import type { Tensor } from '../tensor.ts';
import {
  headerLength,
  parseHeader,
  SafetensorsError,
  type SafetensorsHeader,
  type TensorInfo,
} from './safetensorsHeader.ts';

/** What a file is read from. */
export interface ByteSource {
  /** Bytes. */
  readonly size: number;
  /** Reads from a place on. @returns how many bytes there were, at most as many as fit */
  read(into: Uint8Array, position: number): Promise<number>;
  /** A tensor over the pages of the file, where there can be one; absent, or undefined, where it has to be read. */
  map?(position: number, shape: readonly number[], dtype: DType): Tensor | undefined;
}

/** A file that was looked at. */
export interface Parsed {
  readonly header: SafetensorsHeader;
  /** Where the data begins. */
  readonly start: number;
}

/** Reading goes on in pieces, so that other work of the process goes on between them and a tensor is held once. */
const PIECE = 2 ** 22;

/** Smaller tensors are read: a page and an entry in the tables of the system for each would be more. */
const LEAST_MAPPED = 2 ** 16;

/** Checks and reads the header. */
export async function readHeader(source: ByteSource): Promise<Parsed> {
  const prefix = await readAt(source, 0, Math.min(8, source.size));
  const length = headerLength(prefix, source.size);
  const start = 8 + length;
  return { header: parseHeader(await readAt(source, 8, length), source.size - start), start };
}

/** A tensor of the header, on the CPU. */
export async function readTensor(source: ByteSource, info: TensorInfo, start: number): Promise<Tensor> {
  const { shape, dtype, begin, end } = info;
  const position = start + begin;
  if (source.map && isMappable(info, position)) {
    const mapped = source.map(position, shape, dtype);
    if (mapped) return mapped;
  }
  const tensor = F.empty([...shape], { dtype, device: 'cpu' });
  try {
    const piece = new Uint8Array(Math.min(PIECE, end - begin));
    for (let at = 0; at < end - begin; at += piece.length) {
      const bytes = piece.subarray(0, end - begin - at);
      await readInto(source, position + at, bytes);
      if (dtype === 'bool') checkBools(info.name, bytes);
      tensor.setBytes(at, bytes);
    }
    return tensor;
  } catch (error) {
    tensor.dispose();
    throw error;
  }
}

/** Bools are not: each byte of them has been looked at, and must not change. */
function isMappable({ dtype, begin, end }: TensorInfo, position: number): boolean {
  return dtype !== 'bool' && end - begin >= LEAST_MAPPED && position % arrayForms[dtype].bytes === 0;
}

/** Any other byte in a bool would be undefined behaviour in every operator. */
function checkBools(name: string, bytes: Uint8Array): void {
  for (const byte of bytes) {
    if (byte > 1) {
      const shown = JSON.stringify(name.slice(0, 60));
      throw new SafetensorsError('bool', `tensor ${shown} has a bool that is neither 0 nor 1`);
    }
  }
}

async function readAt(source: ByteSource, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await readInto(source, position, bytes);
  return bytes;
}

async function readInto(source: ByteSource, position: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const count = await source.read(bytes.subarray(done, done + PIECE), position + done);
    if (count === 0) throw new SafetensorsError('end', 'the file became shorter while it was read');
    done += count;
  }
}
