import type { FileHandle } from 'node:fs/promises';
import { types } from 'node:util';
import { ArgumentError, expected } from '../../errors.ts';
import type { DType } from '../dtype.ts';
import { noGrad } from '../modes.ts';
import { tidy } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import { checkPath } from './path.ts';
import { replaceFile } from './replaceFile.ts';
import { byteSize, DTYPES, LARGEST_HEADER, shapeInFile } from './safetensorsHeader.ts';
import { isBroken } from './strictJson.ts';

/** Tensors by name. */
export type NamedTensors = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

/** Writing goes on in pieces, so that other work of the process goes on between them. */
const PIECE = 2 ** 20;

/**
 * Writes tensors in the safetensors format (huggingface/safetensors), in the layout of its own writer. The file
 * appears under its name only when it is complete and on the disk. The tensors must not change until then.
 *
 * @param metadata strings to note in the header, such as `{ format: 'pt' }`
 * @throws ArgumentError for a dtype that the format does not have.
 */
export async function saveSafetensors(
  path: string | URL,
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const file = checkPath(path);
  const { pieces } = safetensorsOf(tensors, metadata);
  await replaceFile(file, async (handle) => {
    for (const piece of pieces) await writeAll(handle, piece);
  });
}

/** A file in the making. */
export interface SafetensorsFile {
  /** Its length. */
  readonly bytes: number;
  /**
   * Its content. Each piece is made when it is asked for, until which the tensors must not change, and is there until the
   * next one is.
   */
  readonly pieces: Iterable<Uint8Array>;
  /** Copies its content, as the tensors are now. @param target as long as the file */
  copyTo(target: Uint8Array): void;
}

/** @internal What `saveSafetensors` writes, for whoever writes it otherwise. */
export function safetensorsOf(
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsFile {
  const rows = layOut(tensors);
  const header = writeHeader(rows, metadata);
  const sizes = rows.map(({ shape, dtype }) => byteSize(shape, dtype) as number);
  return {
    bytes: sizes.reduce((sum, size) => sum + size, header.length),
    pieces: piecesOf(header, rows, sizes),
    copyTo(target) {
      target.set(header);
      let at = header.length;
      for (const [i, { tensor }] of rows.entries()) {
        const end = at + (sizes[i] as number);
        tensor.copyBytes(target.subarray(at, end));
        at = end;
      }
    },
  };
}

function* piecesOf(
  header: Uint8Array,
  rows: readonly Row[],
  sizes: readonly number[],
): Generator<Uint8Array> {
  yield header;
  const reused = new Uint8Array(Math.min(PIECE, Math.max(0, ...sizes)));
  for (const [i, { name, tensor }] of rows.entries()) {
    let written = 0;
    for (const piece of bytesOf(tensor, sizes[i] as number, reused)) {
      written += piece.length;
      yield piece;
    }
    if (written !== sizes[i]) throw new ArgumentError(`tensor ${name} changed while it was saved`);
  }
}

/** The elements of a tensor; of a large one that lies in one piece, without another copy of all of it. */
function* bytesOf(tensor: Tensor, size: number, reused: Uint8Array): Generator<Uint8Array> {
  const length = tensor.numel();
  if (size <= PIECE || tensor.device !== 'cpu' || !tensor.isContiguous()) {
    const whole = size <= reused.length ? reused.subarray(0, size) : new Uint8Array(size);
    tensor.copyBytes(whole);
    yield whole;
    return;
  }
  const width = size / length;
  const step = Math.max(1, Math.floor(reused.length / width));
  for (let at = 0; at < length; at += step) {
    const count = Math.min(step, length - at);
    const piece = reused.subarray(0, count * width);
    tidy(() => noGrad(() => tensor.view([length]).narrow(0, at, count).copyBytes(piece)));
    yield piece;
  }
}

/** A tensor on its way into a file. */
interface Row {
  readonly name: string;
  readonly tensor: Tensor;
  /** Its dtype in the format. */
  readonly kind: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

const KINDS = [...DTYPES.keys()];
const KIND_OF: ReadonlyMap<DType, string> = new Map([...DTYPES].map(([kind, dtype]) => [dtype, kind]));

/** Larger elements first, so that every tensor is aligned; then by name, as the reference implementation orders them. */
function layOut(tensors: NamedTensors): Row[] {
  if (typeof tensors !== 'object' || tensors === null)
    throw expected('a Map or an object of Tensors', 'tensors', tensors);
  const entries = types.isMap(tensors) ? [...tensors] : Object.entries(tensors);
  const rows = entries.map(([name, tensor]: [unknown, unknown]): Row => {
    if (typeof name !== 'string' || isBroken(name))
      throw expected('a string of whole characters', 'name of a tensor', name);
    if (name === '__metadata__')
      throw new ArgumentError('Expected another name than __metadata__, which the format keeps for itself');
    if (!(tensor instanceof Tensor)) throw expected('a Tensor', `tensor ${name}`, tensor);
    const { dtype, shape } = tensor;
    const kind = KIND_OF.get(dtype);
    if (kind === undefined)
      throw expected(`a dtype of ${[...KIND_OF.keys()].join(', ')}`, `tensor ${name}`, dtype);
    if (shapeInFile(shape, dtype) === undefined)
      throw expected(`at least one dimension, as it is of ${dtype},`, `tensor ${name}`, shape);
    return { name, tensor, kind, dtype, shape };
  });
  const rank = (row: Row) => KINDS.indexOf(row.kind);
  return rows.sort((a, b) => rank(b) - rank(a) || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

function writeHeader(rows: readonly Row[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries: string[] = [];
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string' || isBroken(key + value))
      throw expected('a string of whole characters', `metadata ${key}`, value);
  }
  if (Object.keys(metadata).length > 0) entries.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let begin = 0;
  for (const { name, kind, dtype, shape } of rows) {
    const end = begin + byteSize(shape, dtype)!;
    const entry = { dtype: kind, shape: shapeInFile(shape, dtype), data_offsets: [begin, end] };
    entries.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    begin = end;
  }
  const text = Buffer.from(`{${entries.join(',')}}`);
  const padded = Math.ceil(text.length / 8) * 8;
  if (padded > LARGEST_HEADER)
    throw new ArgumentError(`Expected a header of at most ${LARGEST_HEADER} bytes but it has ${padded}`);
  const header = Buffer.alloc(8 + padded, ' ');
  header.writeBigUInt64LE(BigInt(padded));
  text.copy(header, 8);
  return header;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten;
  }
}
