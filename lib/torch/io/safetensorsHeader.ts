import { arrayForms, type DType } from '../dtype.ts';
import { JsonSyntaxError, parseStrictJson, type StrictJson } from './strictJson.ts';

/** Why a file is no safetensors file: one for each rung of the ladder of checks. */
export type SafetensorsReason =
  | 'too short'
  | 'header too large'
  | 'header past the end'
  | 'not UTF-8'
  | 'no brace'
  | 'not JSON'
  | 'duplicate key'
  | 'metadata'
  | 'entry'
  | 'dtype'
  | 'shape'
  | 'offsets'
  | 'size'
  | 'hole or overlap'
  | 'end'
  | 'bool';

/** A file that is not exactly in the safetensors format. */
export class SafetensorsError extends Error {
  readonly code = 'ERR_FILE';
  readonly reason: SafetensorsReason;
  constructor(reason: SafetensorsReason, message: string) {
    super(message);
    this.name = 'SafetensorsError';
    this.reason = reason;
  }
}

/** Where one tensor stands: `begin` and `end` count bytes from the end of the header. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  /** As the tensor has it: of `float4_e2m1fn_x2`, in which an element is two values, the file counts the values. */
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** What the writer noted under `__metadata__`. */
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of the header. */
  readonly tensors: readonly TensorInfo[];
}

/** Larger headers are refused before anything of their size is allocated. */
export const LARGEST_HEADER = 100_000_000;

/** libtorch's operators work on no more. */
const MOST_DIMENSIONS = 64;

/** The dtypes of the format by their names there, in the order of its own list. */
export const DTYPES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ['BOOL', 'bool'],
  ['F4', 'float4_e2m1fn_x2'],
  ['U8', 'uint8'],
  ['I8', 'int8'],
  ['F8_E5M2', 'float8_e5m2'],
  ['F8_E4M3', 'float8_e4m3fn'],
  ['F8_E8M0', 'float8_e8m0fnu'],
  ['F8_E4M3FNUZ', 'float8_e4m3fnuz'],
  ['F8_E5M2FNUZ', 'float8_e5m2fnuz'],
  ['I16', 'int16'],
  ['U16', 'uint16'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['I32', 'int32'],
  ['U32', 'uint32'],
  ['F32', 'float32'],
  ['C64', 'complex64'],
  ['F64', 'float64'],
  ['I64', 'int64'],
  ['U64', 'uint64'],
]);

/** Those of the format that PyTorch has no dtype for. */
const WITHOUT_DTYPE: readonly unknown[] = ['F6_E2M3', 'F6_E3M2'];

/** Values that the format counts in the last size of a shape for each element of a tensor, where these are more than one. */
const VALUES: ReadonlyMap<DType, number> = new Map<DType, number>([['float4_e2m1fn_x2', 2]]);

/** The shape by which the format knows a tensor; undefined where it has none. */
export function shapeInFile(shape: readonly number[], dtype: DType): readonly number[] | undefined {
  const values = VALUES.get(dtype);
  if (values === undefined) return shape;
  const last = shape.at(-1);
  return last === undefined ? undefined : [...shape.slice(0, -1), values * last];
}

function shapeOfTensor(shape: readonly number[], dtype: DType): readonly number[] | undefined {
  const values = VALUES.get(dtype);
  if (values === undefined) return shape;
  const last = (shape.at(-1) ?? 1) / values;
  return Number.isInteger(last) ? [...shape.slice(0, -1), last] : undefined;
}

/** Checks the first eight bytes: the length of the header, little-endian. */
export function headerLength(prefix: Uint8Array, fileSize: number): number {
  if (fileSize < 8 || prefix.length < 8) {
    throw new SafetensorsError(
      'too short',
      `the file has ${fileSize} bytes, fewer than the 8 of its header's length`,
    );
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(LARGEST_HEADER)) {
    throw new SafetensorsError(
      'header too large',
      `the header would have ${length} bytes, more than ${LARGEST_HEADER}`,
    );
  }
  if (Number(length) > fileSize - 8) {
    throw new SafetensorsError(
      'header past the end',
      `the header would have ${length} bytes, the file has ${fileSize}`,
    );
  }
  return Number(length);
}

/**
 * Reads and checks the header; afterwards every tensor is known to lie inside the data, and the data to be covered.
 *
 * @param bytes the header without its length
 * @param dataSize how many bytes follow the header
 */
export function parseHeader(bytes: Uint8Array, dataSize: number): SafetensorsHeader {
  const root = parse(bytes);
  const tensors: TensorInfo[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of root) {
    if (name === '__metadata__') metadata = checkMetadata(value);
    else tensors.push(checkEntry(name, value));
  }
  checkCover(tensors, dataSize);
  return { metadata, tensors };
}

/** How many bytes a tensor has; undefined where that, or a stride beside a size of 0, is no safe integer. */
export function byteSize(shape: readonly number[], dtype: DType): number | undefined {
  let bytes = arrayForms[dtype].bytes;
  for (const size of shape) {
    bytes *= Math.max(size, 1);
    if (!Number.isSafeInteger(bytes)) return undefined;
  }
  return shape.includes(0) ? 0 : bytes;
}

function parse(bytes: Uint8Array): Map<string, StrictJson> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new SafetensorsError('not UTF-8', 'the header is not UTF-8');
  }
  if (text[0] !== '{') throw new SafetensorsError('no brace', 'the header does not begin with {');
  try {
    return parseStrictJson(text) as Map<string, StrictJson>;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const problem = error.reason === 'not JSON' ? 'is not JSON:' : 'has';
    throw new SafetensorsError(error.reason, `the header ${problem} ${error.message}`);
  }
}

function checkMetadata(value: StrictJson): ReadonlyMap<string, string> {
  const fits = value instanceof Map && [...value.values()].every((one) => typeof one === 'string');
  if (!fits) throw new SafetensorsError('metadata', '__metadata__ is not an object of strings');
  return value as Map<string, string>;
}

/** Fields beyond the three are ignored, as the reference implementation does. */
function checkEntry(name: string, value: StrictJson): TensorInfo {
  const shown = JSON.stringify(name.slice(0, 60));
  const refuse = (reason: SafetensorsReason, what: string) =>
    new SafetensorsError(reason, `tensor ${shown} ${what}`);
  if (!(value instanceof Map)) throw refuse('entry', 'is not an object');
  for (const field of ['dtype', 'shape', 'data_offsets']) {
    if (!value.has(field)) throw refuse('entry', `has no ${field}`);
  }
  const kind = value.get('dtype');
  if (WITHOUT_DTYPE.includes(kind)) throw refuse('dtype', `is of ${kind}, for which PyTorch has no dtype`);
  const dtype = DTYPES.get(kind as string);
  if (dtype === undefined)
    throw refuse('dtype', `has a dtype that is none of ${[...DTYPES.keys()].join(', ')}`);
  const counted = counts(value.get('shape'));
  if (counted === undefined) throw refuse('shape', 'has a shape that is not an array of integers from 0');
  const shape = shapeOfTensor(counted, dtype);
  if (shape === undefined)
    throw refuse('shape', `has the shape [${counted}], which is no whole bytes of ${kind}`);
  if (shape.length > MOST_DIMENSIONS)
    throw refuse('shape', `has ${shape.length} dimensions, more than ${MOST_DIMENSIONS}`);
  const [begin, end, ...more] = counts(value.get('data_offsets')) ?? [];
  if (begin === undefined || end === undefined || more.length > 0 || begin > end) {
    throw refuse('offsets', 'has data_offsets that are not two ascending integers from 0');
  }
  const bytes = byteSize(shape, dtype);
  if (bytes === undefined)
    throw refuse('shape', `has the shape [${shape}], whose product is no safe integer`);
  if (bytes !== end - begin)
    throw refuse('size', `needs ${bytes} bytes for its shape, its offsets give ${end - begin}`);
  return { name, dtype, shape, begin, end };
}

function counts(value: StrictJson | undefined): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.every((one) => typeof one === 'number' && one >= 0) ? (value as number[]) : undefined;
}

/** No byte may belong to two tensors or to none, or a file could be valid in another format as well. */
function checkCover(tensors: readonly TensorInfo[], dataSize: number): void {
  let covered = 0;
  for (const { name, begin, end } of [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      const shown = JSON.stringify(name.slice(0, 60));
      throw new SafetensorsError(
        'hole or overlap',
        `tensor ${shown} begins at byte ${begin}, the one before ends at ${covered}`,
      );
    }
    covered = end;
  }
  if (covered !== dataSize) {
    throw new SafetensorsError('end', `the tensors end at byte ${covered}, the data has ${dataSize}`);
  }
}
