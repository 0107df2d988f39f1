/** dtypes, devices, layouts and memory formats are strings, by PyTorch's names. */

/** The type of a tensor's elements. */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'complex32'
  | 'complex64'
  | 'complex128'
  | 'float8_e4m3fn'
  | 'float8_e5m2'
  | 'float8_e4m3fnuz'
  | 'float8_e5m2fnuz'
  | 'float8_e8m0fnu'
  | 'float4_e2m1fn_x2'
  | 'quint8'
  | 'qint8';

/** Where a tensor lives: `'cpu'`, `'cuda'` (the current device) or `'cuda:0'`. */
export type Device = 'cpu' | 'cuda' | 'meta' | (string & {});

/** How elements lie in memory; by c10's numbers. */
export const LAYOUTS = [
  'strided',
  'sparse_coo',
  'sparse_csr',
  '_mkldnn',
  'sparse_csc',
  'sparse_bsr',
  'sparse_bsc',
  'jagged',
] as const;
export type Layout = (typeof LAYOUTS)[number];

export type MemoryFormat = 'contiguous_format' | 'preserve_format' | 'channels_last' | 'channels_last_3d';

export const float32 = 'float32';
export const float64 = 'float64';
export const float16 = 'float16';
export const bfloat16 = 'bfloat16';
export const int64 = 'int64';
export const int32 = 'int32';
export const int16 = 'int16';
export const int8 = 'int8';
export const uint8 = 'uint8';
export const bool = 'bool';
export const complex64 = 'complex64';
export const complex128 = 'complex128';

/** How a dtype's elements look from JavaScript: the typed array that holds them, and its entries per element. */
interface ArrayForm {
  readonly make: (length: number) => NodeJS.TypedArray;
  readonly bytes: number;
  readonly entries: 1 | 2;
}

const u8: ArrayForm = { make: (n) => new Uint8Array(n), bytes: 1, entries: 1 };
const u16: ArrayForm = { make: (n) => new Uint16Array(n), bytes: 2, entries: 1 };

/** Half and bfloat16 are raw bits: Node 20 has no array for them. Complex numbers are interleaved pairs. */
export const arrayForms: Readonly<Record<DType, ArrayForm>> = {
  float32: { make: (n) => new Float32Array(n), bytes: 4, entries: 1 },
  float64: { make: (n) => new Float64Array(n), bytes: 8, entries: 1 },
  float16: u16,
  bfloat16: u16,
  int64: { make: (n) => new BigInt64Array(n), bytes: 8, entries: 1 },
  int32: { make: (n) => new Int32Array(n), bytes: 4, entries: 1 },
  int16: { make: (n) => new Int16Array(n), bytes: 2, entries: 1 },
  int8: { make: (n) => new Int8Array(n), bytes: 1, entries: 1 },
  uint8: u8,
  uint16: u16,
  uint32: { make: (n) => new Uint32Array(n), bytes: 4, entries: 1 },
  uint64: { make: (n) => new BigUint64Array(n), bytes: 8, entries: 1 },
  bool: u8,
  complex32: { make: (n) => new Uint16Array(2 * n), bytes: 4, entries: 2 },
  complex64: { make: (n) => new Float32Array(2 * n), bytes: 8, entries: 2 },
  complex128: { make: (n) => new Float64Array(2 * n), bytes: 16, entries: 2 },
  float8_e4m3fn: u8,
  float8_e5m2: u8,
  float8_e4m3fnuz: u8,
  float8_e5m2fnuz: u8,
  float8_e8m0fnu: u8,
  float4_e2m1fn_x2: u8,
  quint8: u8,
  qint8: { make: (n) => new Int8Array(n), bytes: 1, entries: 1 },
};

/** The dtypes that gradients exist for. */
export function isFloatingPoint(dtype: DType): boolean {
  return dtype.startsWith('float') || dtype === 'bfloat16';
}

export function isDType(value: unknown): value is DType {
  return typeof value === 'string' && Object.hasOwn(arrayForms, value);
}
