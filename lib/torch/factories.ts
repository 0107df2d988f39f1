/** Tensors from JavaScript's values. */

import { ArgumentError, expected } from '../errors.ts';
import { Complex } from './complex.ts';
import { arrayForms, type Device, type DType, isDType } from './dtype.ts';
import { F } from './functions.ts';
import { OwnedTensor } from './lifetime.ts';
import { flatten, type NestedInput, type Scalar } from './nested.ts';
import type { Tensor } from './tensor.ts';
import { fromBytes, fromFlat } from './values.ts';

export interface FactoryOptions {
  /** Default: by the data; see `tensor`. */
  readonly dtype?: DType;
  /** Default: `'cpu'`. */
  readonly device?: Device;
  /** Default: false. */
  readonly requiresGrad?: boolean;
}

/** The dtype that a typed array's elements are, by its own name. */
const dtypeOfArray: Readonly<Record<string, DType>> = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  BigInt64Array: 'int64',
  BigUint64Array: 'uint64',
  Int32Array: 'int32',
  Int16Array: 'int16',
  Int8Array: 'int8',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Uint16Array: 'uint16',
  Uint32Array: 'uint32',
};

/**
 * A tensor of a value, of nested arrays of values, or of a typed array; always a copy.
 *
 * Numbers become float32 whatever their values (1 and 1.0 are the same in JavaScript), bigints int64, booleans bool,
 * Complex complex64; a typed array keeps its type. `dtype` overrides that.
 *
 * @throws ArgumentError when sizes differ within a level, or an element is none of these
 * @example torch.tensor([[1, 2], [3, 4]], { dtype: 'int64' })
 */
export function tensor(data: NestedInput | NodeJS.TypedArray | Tensor, options: FactoryOptions = {}): Tensor {
  checkOptions(options);
  if (OwnedTensor.is(data)) return finish((data as Tensor).detach().clone(), options);
  if (isTypedArray(data)) return fromTypedArray(data, [data.length], options);
  const { values, shape } = flatten(data, 'data');
  return finish(fromFlat(values, shape, options.dtype ?? inferDtype(values)), options);
}

/**
 * A tensor of `shape` with a typed array's elements in row-major order; a copy. With a dtype of another form (such as
 * float16 from a Float32Array) elements are converted; Uint16Array with float16 or bfloat16 is taken as raw bits.
 */
export function fromTypedArray(
  array: NodeJS.TypedArray,
  shape: readonly number[] = [array.length],
  options: FactoryOptions = {},
): Tensor {
  checkOptions(options);
  if (!isTypedArray(array)) throw expected('a typed array', 'array', array);
  const natural = dtypeOfArray[Object.prototype.toString.call(array).slice(8, -1)];
  if (natural === undefined) throw expected('a typed array of a known type', 'array', array);
  const { dtype = natural } = options;
  const form = arrayForms[dtype];
  const isRaw = (dtype === 'float16' || dtype === 'bfloat16') && natural === 'uint16';
  const isPairs =
    form.entries === 2 &&
    (natural === 'float32' ? dtype === 'complex64' : natural === 'float64' && dtype === 'complex128');
  const elements = array.length / (isPairs ? 2 : 1);
  if (!Array.isArray(shape)) throw expected('an array of sizes', 'shape', shape);
  const wanted = shape.reduce((product: number, size: number) => product * size, 1);
  if (wanted !== elements)
    throw new ArgumentError(`Expected ${wanted} elements for shape [${shape}] but received ${elements}`);
  return finish(fromBytes(array, shape, isRaw || isPairs ? dtype : natural), options);
}

/** A tensor of `shape` filled with one value: float32 for a number, int64 for a bigint, bool for a boolean. */
export function full(shape: readonly number[], value: Scalar, options: FactoryOptions = {}): Tensor {
  checkOptions(options);
  return F.full(shape, value, { ...options, dtype: options.dtype ?? inferDtype([value]) });
}

/** A tensor of no dimensions: float32 for a number, int64 for a bigint, bool for a boolean. */
export function scalarTensor(value: Scalar, options: FactoryOptions = {}): Tensor {
  return tensor(value, options);
}

function isTypedArray(value: unknown): value is NodeJS.TypedArray {
  return ArrayBuffer.isView(value) && !(Object.prototype.toString.call(value) === '[object DataView]');
}

function inferDtype(values: readonly unknown[]): DType {
  if (values.length === 0) return 'float32';
  if (values.some((value) => value instanceof Complex)) return 'complex64';
  if (values.every((value) => typeof value === 'boolean')) return 'bool';
  if (values.every((value) => typeof value === 'bigint')) return 'int64';
  return 'float32';
}

function checkOptions(options: FactoryOptions): void {
  if (typeof options !== 'object' || options === null) throw expected('an object', 'options', options);
  for (const key of Object.keys(options)) {
    if (!['dtype', 'device', 'requiresGrad'].includes(key))
      throw expected('dtype, device or requiresGrad', 'an option', key);
  }
  if (options.dtype !== undefined && !isDType(options.dtype))
    throw expected('a dtype', 'dtype', options.dtype);
}

/** Moves, converts and marks a fresh tensor; what it replaces is freed. */
function finish(fresh: Tensor, { dtype, device, requiresGrad }: FactoryOptions): Tensor {
  const placed = fresh.to({ dtype: dtype ?? fresh.dtype, device: device ?? fresh.device });
  if (placed !== fresh) fresh.dispose();
  if (requiresGrad !== undefined) placed.requiresGrad = requiresGrad;
  return placed;
}
