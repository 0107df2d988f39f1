/** A tensor of libtorch. Operators come as methods by merging with the generated interface; the rest is here. */

import { inspect } from 'node:util';
import { expected } from '../errors.ts';
import { type Handle, native } from '../native.ts';
import type { Context } from './context.ts';
import { arrayForms, type Device, type DType, isDType, type Layout } from './dtype.ts';
import { methodNames } from './generated/names.ts';
import type { TensorMethods } from './generated/types.ts';
import { gradientHooks } from './gradientHooks.ts';
import { checkIndices, type Index, readIndex, writeIndex } from './indexing.ts';
import { invoke, Operator } from './invoke.ts';
import { FROM_NATIVE, OwnedTensor } from './lifetime.ts';
import { camelCase, pythonOverloads } from './naming.ts';
import { type NestedValues, nest, toValues } from './nested.ts';
import { formatTensor } from './print.ts';
import { StreamHandle } from './streamHandle.ts';
import { begin, describe, put, setTensorFactory } from './wire.ts';

/** Where and as what `to` puts a tensor. */
export interface ToOptions {
  readonly dtype?: DType;
  readonly device?: Device;
  readonly nonBlocking?: boolean;
  /** Copies even when nothing changes. Default: false. */
  readonly copy?: boolean;
}

export interface BackwardCallOptions {
  readonly retainGraph?: boolean;
  readonly createGraph?: boolean;
  readonly inputs?: Tensor | readonly Tensor[];
}

/** Takes a hook off again. */
export interface HookHandle {
  remove(): void;
}

// Declared by merging: the operators that begin with `self` are installed on the prototype below.
export interface Tensor extends TensorMethods {}

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: see above; they are there at run time
export class Tensor extends OwnedTensor {
  // Spelled out: V8 builds an instance faster than with the implied constructor.
  constructor(handle: Handle, proof: typeof FROM_NATIVE, context?: Context) {
    super(handle, proof, context);
  }

  /** Sizes of the dimensions; a fresh array. */
  get shape(): number[] {
    return describe.shape(OwnedTensor.handleOf(this));
  }

  get ndim(): number {
    return describe.ndim(OwnedTensor.handleOf(this));
  }

  get dtype(): DType {
    return describe.dtype(OwnedTensor.handleOf(this));
  }

  /** `'cpu'`, `'cuda:0'`, ... */
  get device(): Device {
    return describe.device(OwnedTensor.handleOf(this));
  }

  /** `'strided'`, `'sparse_coo'`, ... */
  get layout(): Layout {
    return describe.layout(OwnedTensor.handleOf(this));
  }

  /** Whether `backward` reaches it. Settable on leaves of floating point or complex dtype. */
  get requiresGrad(): boolean {
    return describe.requiresGrad(OwnedTensor.handleOf(this));
  }

  set requiresGrad(value: boolean) {
    if (typeof value !== 'boolean') throw expected('a boolean', 'requiresGrad', value);
    native().setRequiresGrad(OwnedTensor.handleOf(this), value);
  }

  /** Whether it is at the edge of the graph: made by the user, not by a recorded operator. */
  get isLeaf(): boolean {
    return describe.isLeaf(OwnedTensor.handleOf(this));
  }

  /** Name of the node that made it, such as `MulBackward0`; null for a leaf. */
  get gradFn(): string | null {
    return native().gradFnName(OwnedTensor.handleOf(this));
  }

  /** What backward has summed up for this leaf, of its own shape; null before. Each read is a new wrapper. */
  get grad(): Tensor | null {
    const handle = native().grad(OwnedTensor.handleOf(this));
    return handle === 0 ? null : new Tensor(handle, FROM_NATIVE);
  }

  set grad(value: Tensor | null) {
    if (value !== null && !OwnedTensor.is(value)) throw expected('a Tensor or null', 'grad', value);
    native().setGrad(OwnedTensor.handleOf(this), value === null ? 0 : OwnedTensor.handleOf(value));
  }

  /** The same storage outside of autograd. Setting it replaces the content in place, other shapes and dtypes too. */
  get data(): Tensor {
    return new Tensor(aliasHandle(this), FROM_NATIVE);
  }

  set data(value: Tensor) {
    native().setData(OwnedTensor.handleOf(this), OwnedTensor.handleOf(value));
  }

  /** The only element: a number, a bigint where a number is not exact, a boolean, or a Complex. */
  item<T = number>(): T {
    const value = invoke(itemOperator, [this]);
    // A uint64 beyond int64 comes as its bits.
    const isNegative =
      typeof value === 'bigint' ? value < 0n : Number.isInteger(value) && (value as number) < 0;
    if (!isNegative || this.dtype !== 'uint64') return value as T;
    return BigInt.asUintN(64, BigInt(value as number | bigint)) as T;
  }

  /** The elements as nested arrays; a single value for zero dimensions. int64 beyond 2^53 comes as bigint. */
  tolist<T = NestedValues>(): T {
    OwnedTensor.handleOf(this);
    const { dtype, shape } = this;
    const plain =
      dtype === 'float16' || dtype === 'bfloat16' || dtype.startsWith('float8') ? this.to('float32') : this;
    try {
      return nest(toValues(plain.toTypedArray(), dtype), shape) as T;
    } finally {
      if (plain !== this) plain.dispose();
    }
  }

  /**
   * A fresh copy of the elements in row-major order. float16 and bfloat16 come as raw bits in a Uint16Array, bool as
   * 0 and 1 in a Uint8Array, complex numbers as pairs. Waits for the device.
   */
  toTypedArray<T extends NodeJS.TypedArray = NodeJS.TypedArray>(): T {
    const handle = OwnedTensor.handleOf(this);
    const { dtype, shape } = this;
    const array = arrayForms[dtype].make(shape.reduce((product, size) => product * size, 1));
    begin();
    native().copyTo(handle, array);
    return array as T;
  }

  /** @internal Copies the elements, as `toTypedArray` gives them, into just as many bytes. */
  copyBytes(bytes: Uint8Array): void {
    const handle = OwnedTensor.handleOf(this);
    begin();
    native().copyTo(handle, bytes);
  }

  /** @internal Sets the bytes of a contiguous CPU tensor from a place on, outside of autograd. */
  setBytes(at: number, bytes: Uint8Array): void {
    native().copyFrom(OwnedTensor.handleOf(this), at, bytes);
  }

  /** This tensor as another dtype, on another device, or like another tensor; itself when nothing changes. */
  to(target: DType | Device | Tensor | ToOptions, options: ToOptions = {}): Tensor {
    let change: ToOptions;
    if (OwnedTensor.is(target))
      change = { dtype: (target as Tensor).dtype, device: (target as Tensor).device, ...options };
    else if (isDType(target)) change = { dtype: target, ...options };
    else if (typeof target === 'string') change = { device: target, ...options };
    else if (typeof target === 'object' && target !== null) change = target as ToOptions;
    else throw expected('a dtype, a device, a Tensor or options', 'target', target);
    const { dtype, device } = this;
    const same = !change.copy && (change.dtype ?? dtype) === dtype && (change.device ?? device) === device;
    return same ? this : (invoke(toOperator, [this, change]) as Tensor);
  }

  /** Sums gradients into the leaves that this tensor depends on. `gradient` defaults to 1 for a scalar. */
  backward(gradient?: Tensor | null, options: BackwardCallOptions = {}): void {
    if (gradient !== undefined && gradient !== null && !OwnedTensor.is(gradient))
      throw expected('a Tensor or null before the options', 'gradient', gradient);
    const { createGraph = false, retainGraph = createGraph, inputs } = options;
    begin();
    put([this], 'this');
    put(gradient ? [gradient] : [], 'gradient');
    put(inputs === undefined ? [] : Array.isArray(inputs) ? inputs : [inputs], 'inputs');
    native().backward(retainGraph, createGraph);
  }

  /**
   * Calls `hook` with each gradient that arrives here; what it returns replaces the gradient.
   * For CPU tensors only: a gradient computed elsewhere fails with `ERR_HOOK_THREAD`.
   */
  registerHook(hook: (gradient: Tensor) => unknown): HookHandle {
    if (typeof hook !== 'function') throw expected('a function', 'hook', hook);
    gradientHooks.count++;
    const id = native().registerHook(OwnedTensor.handleOf(this), (handle) => {
      const result = hook(new Tensor(handle, FROM_NATIVE));
      if (result === undefined || result === null) return 0;
      return OwnedTensor.handleOf(result as object);
    });
    const handle = OwnedTensor.handleOf(this);
    return { remove: () => (this.isDisposed ? undefined : native().removeHook(handle, id)) };
  }

  /** Its memory is not used again before the stream, of its device, is done with what it was asked so far. */
  recordStream(stream: StreamHandle): void {
    native().streamRecord(StreamHandle.numberOf(stream), OwnedTensor.handleOf(this));
  }

  /** The part at a position: `t.at(0)`, `t.at(-1, 2)`; fewer indices than dimensions leave the rest whole. */
  at(...indices: number[]): Tensor {
    return readIndex(this, checkIndices(indices));
  }

  /**
   * PyTorch's indexing: integers, `null` (a new dimension), `'...'`, `{ start, stop, step }` or `':'` for slices, booleans, arrays
   * of integers, and tensors of integers or booleans.
   *
   * @example t.index([':', { start: 1, stop: 3 }, mask])
   */
  index(indices: readonly Index[]): Tensor {
    return readIndex(this, indices);
  }

  /** Assigns to what `index` reads, in place; `value` broadcasts. */
  indexPut_(indices: readonly Index[], value: Tensor | number | boolean, accumulate = false): this {
    writeIndex(this, indices, value, accumulate);
    return this;
  }

  /** This tensor's elements where `condition` holds, those of `other` elsewhere; all three broadcast. */
  where(condition: Tensor, other: Tensor | number): Tensor {
    return invoke(whereOperator, [condition, this, other]) as Tensor;
  }

  /** Every element of the first dimension. */
  *[Symbol.iterator](): Generator<Tensor> {
    OwnedTensor.handleOf(this);
    const length = this.shape[0];
    if (length === undefined)
      throw expected('a tensor of at least one dimension', 'the tensor to iterate over', this);
    for (let i = 0; i < length; i++) yield this.at(i);
  }

  /** Printed as PyTorch prints it. */
  override toString(): string {
    if (!OwnedTensor.is(this)) throw expected('a Tensor', 'toString', this);
    if (this.isDisposed) return 'tensor(<disposed>)';
    return formatTensor(this);
  }

  [inspect.custom](): string {
    if (!OwnedTensor.is(this)) throw expected('a Tensor', 'inspect', this);
    return this.toString();
  }
}

/** A new handle for the same storage, as a leaf outside of autograd. */
export function aliasHandle(tensor: Tensor): Handle {
  return native().data(OwnedTensor.handleOf(tensor));
}

const itemOperator = new Operator('aten::item');
const whereOperator = new Operator('aten::where');
const toOperator = new Operator('aten::to', 'dtype_layout');

setTensorFactory((handle, context) => new Tensor(handle, FROM_NATIVE, context));

for (const name of methodNames) {
  const method = camelCase(name);
  if (method in Tensor.prototype) continue;
  const operator = new Operator(`aten::${name}`, pythonOverloads[name]);
  Object.defineProperty(Tensor.prototype, method, {
    configurable: true,
    writable: true,
    value(this: Tensor, ...args: unknown[]) {
      return invoke(operator, args, this);
    },
  });
}
