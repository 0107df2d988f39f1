/**
 * How arguments and results of operators cross: tagged numbers in the shared buffer. The protocol is written out in
 * native/wire.h; this is its other end. Every JavaScript value is judged here, so native code never meets one.
 */

import { types } from 'node:util';
import { ArgumentError, ArgumentRangeError, expected, fromNative, show } from '../errors.ts';
import { type Handle, native } from '../native.ts';
import {
  COUNT,
  FIRST,
  integers,
  MODE,
  NAMED,
  numbers,
  OPERATOR,
  openArena,
  POSITIONAL,
  refreshArena,
  reserveArena,
} from './arena.ts';
import { Complex } from './complex.ts';
import { type Context, current, GRAD_MODES, MODE_CODES } from './context.ts';
import { type Device, type DType, LAYOUTS, type Layout } from './dtype.ts';
import { GeneratorHandle } from './generatorHandle.ts';
import { OwnedTensor } from './lifetime.ts';
import { isArray } from './nested.ts';
import { Rate } from './rates.ts';
import { intern, textOf } from './strings.ts';

const Tag = {
  null: 0,
  default: 1,
  tensor: 2,
  int: 3,
  float: 4,
  bool: 5,
  string: 6,
  bigint: 7,
  complex: 8,
  generator: 9,
  list: 10,
  ints: 11,
  floats: 12,
  self: 13,
} as const;

let position = 0;
/** How many messages were begun: tells when reading a value began another one. */
let messages = 0;
/** Slots of this message that have rates of a tape, and which ones: one after the other. */
let rated: number[] = [];

/** Starts a message in the buffer, with the modes and the stream of the current context. */
export function begin(context: Context = current()): void {
  openArena();
  numbers[MODE] = context.gradMode + GRAD_MODES * context.autocast + MODE_CODES * context.stream;
  position = FIRST;
  messages++;
  if (rated.length > 0) rated = [];
}

function room(slots: number): void {
  if (position + slots > numbers.length) reserveArena(2 * (position + slots));
}

function tagged(tag: number, payload: number): void {
  numbers[position] = tag;
  numbers[position + 1] = payload;
  position += 2;
}

/** Writes a value; `name` is for the message when it cannot cross. */
export function put(value: unknown, name: string): void {
  room(4);
  switch (typeof value) {
    case 'number':
      return tagged(Number.isInteger(value) ? Tag.int : Tag.float, value);
    case 'object': {
      if (value === null) return tagged(Tag.null, 0);
      const handle = OwnedTensor.handleIn(value);
      return handle === 0 ? putObject(value, name) : tagged(Tag.tensor, handle);
    }
    case 'boolean':
      return tagged(Tag.bool, value ? 1 : 0);
    case 'string':
      return tagged(Tag.string, intern(value));
    case 'undefined':
      return tagged(Tag.default, 0);
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value)
        throw new ArgumentRangeError(
          `Expected a bigint within 64 bits for ${name} but received ${show(value)}`,
        );
      numbers[position] = Tag.bigint;
      integers[position + 1] = value;
      position += 2;
      return;
    default:
      throw expected('a value that an operator takes', name, value);
  }
}

function putObject(value: object, name: string): void {
  if (GeneratorHandle.is(value)) return tagged(Tag.generator, GeneratorHandle.idOf(value));
  if (Rate.is(value)) {
    rated.push(position + 1, value.place);
    return put(value.value, name);
  }
  const message = messages;
  if (isArray(value)) putList(value, name);
  else if (!types.isProxy(value) && value instanceof Complex) putComplex(value, name);
  else throw expected('a value that an operator takes', name, value);
  if (messages !== message)
    throw new ArgumentError(`Expected a value that calls no operator while it is read for ${name}`);
}

function putComplex(value: Complex, name: string): void {
  const { re, im } = value;
  if (typeof re !== 'number' || typeof im !== 'number') throw expected('two numbers', name, value);
  tagged(Tag.complex, re);
  numbers[position++] = im;
}

function putList(list: readonly unknown[], name: string): void {
  const length = list.length;
  room(4 + 3 * length);
  const start = position;
  tagged(Tag.ints, length);
  for (let i = 0; i < length; i++) {
    // Once, whatever it is: a getter may give another value the next time.
    let element = list[i];
    if (typeof element === 'object' && element !== null && Rate.is(element)) {
      rated.push(position, element.place);
      element = element.value;
    }
    if (typeof element !== 'number') return putMixed(list, length, name, start, i, element);
    if (!Number.isInteger(element)) numbers[start] = Tag.floats;
    numbers[position++] = element;
  }
}

/** A list in which something else follows the numbers that were read already. */
function putMixed(
  list: readonly unknown[],
  length: number,
  name: string,
  start: number,
  read: number,
  found: unknown,
): void {
  const before = numbers.slice(start + 2, start + 2 + read);
  position = start;
  tagged(Tag.list, length);
  for (const element of before) put(element, name);
  for (let i = read; i < length; i++) {
    const element = i === read ? found : list[i];
    if (isArray(element)) throw expected('a flat array', name, list);
    put(element, name);
  }
}

/** Writes a keyword argument. */
export function putNamed(name: string, value: unknown): void {
  room(1);
  numbers[position++] = intern(name);
  put(value, name);
}

let call = (): true | undefined => {
  // `native()` and its `call` are looked up once.
  call = native().call;
  return call();
};

type TensorFactory = (handle: Handle, context: Context) => OwnedTensor;
let makeTensor: TensorFactory = () => {
  throw new ArgumentError('Expected lib/torch/tensor.ts to be loaded', 'ERR_NO_NATIVE');
};

/** tensor.ts says how a result becomes a Tensor: it stands above this file and cannot be imported here. */
export function setTensorFactory(factory: TensorFactory): void {
  makeTensor = factory;
}

/** Wraps a handle that a native entry returned. */
export function wrap(handle: Handle): OwnedTensor {
  return makeTensor(handle, current());
}

/** Calls an operator whose arguments have been put. `given` are its arguments, where an in-place result is found again. */
export function callOperator(
  operator: number,
  positional: number,
  named: number,
  given: readonly unknown[],
  context: Context,
  self?: OwnedTensor,
): unknown {
  numbers[OPERATOR] = operator;
  numbers[POSITIONAL] = positional;
  numbers[NAMED] = named;
  try {
    for (let i = 0; i < rated.length; i += 2) native().tapeRated(rated[i] as number, rated[i + 1] as number);
    if (call()) refreshArena();
  } catch (error) {
    throw fromNative(error, shapesOf(self === undefined ? given : [self, ...given]));
  }
  return takeResults(given, context, self);
}

/** The results that stand in the buffer: nothing, one, or several as an array. */
export function takeResults(given: readonly unknown[], context: Context, self?: OwnedTensor): unknown {
  const count = numbers[COUNT] as number;
  position = FIRST;
  if (count === 1) return take(given, context, self);
  if (count === 0) return undefined;
  const results: unknown[] = new Array(count);
  for (let i = 0; i < count; i++) results[i] = take(given, context, self);
  return results;
}

function take(given: readonly unknown[], context: Context, self: OwnedTensor | undefined): unknown {
  const tag = numbers[position] as number;
  const payload = numbers[position + 1] as number;
  position += 2;
  switch (tag) {
    case Tag.tensor:
      return makeTensor(payload, context);
    case Tag.self:
      if (self !== undefined && OwnedTensor.handleOf(self) === payload) return self;
      return findGiven(payload, given);
    case Tag.null:
      return null;
    case Tag.int:
    case Tag.float:
      return payload;
    case Tag.bool:
      return payload !== 0;
    case Tag.string:
      return textOf(payload);
    case Tag.bigint:
      return integers[position - 1];
    case Tag.complex:
      return new Complex(payload, numbers[position++] as number);
    default:
      return takeList(payload, given, context, self);
  }
}

function takeList(
  length: number,
  given: readonly unknown[],
  context: Context,
  self: OwnedTensor | undefined,
): unknown[] {
  const list: unknown[] = new Array(length);
  for (let i = 0; i < length; i++) list[i] = take(given, context, self);
  return list;
}

/** The argument, by position or in the options, that an in-place operator returns. */
function findGiven(handle: Handle, given: readonly unknown[]): unknown {
  for (const value of given) {
    if (OwnedTensor.is(value)) {
      if (OwnedTensor.handleOf(value) === handle) return value;
    } else if (typeof value === 'object' && value !== null) {
      const found = findGiven(handle, Object.values(value));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function shapesOf(given: readonly unknown[]): number[][] {
  const shapes: number[][] = [];
  for (const value of given) {
    if (OwnedTensor.is(value) && !value.isDisposed) shapes.push(describe.shape(OwnedTensor.handleOf(value)));
    else if (Array.isArray(value)) shapes.push(...shapesOf(value));
  }
  return shapes;
}

/** What a tensor is, as native code tells it; each part is read from the buffer at once, before any other call. */
export const describe = {
  dtype: (handle: Handle): DType => textOf(info(handle)[FIRST] as number) as DType,
  device: (handle: Handle): Device => textOf(info(handle)[FIRST + 1] as number),
  requiresGrad: (handle: Handle): boolean => ((info(handle)[FIRST + 2] as number) & 1) !== 0,
  isLeaf: (handle: Handle): boolean => ((info(handle)[FIRST + 2] as number) & 2) !== 0,
  layout: (handle: Handle): Layout => LAYOUTS[(info(handle)[FIRST + 2] as number) >> 2] as Layout,
  ndim: (handle: Handle): number => info(handle)[FIRST + 3] as number,
  shape: (handle: Handle): number[] => {
    const slots = info(handle);
    const ndim = slots[FIRST + 3] as number;
    const shape: number[] = [];
    for (let i = 0; i < ndim; i++) shape.push(slots[FIRST + 4 + i] as number);
    return shape;
  },
};

/**
 * Dtype, device, layout, whether it requires a gradient, and shape, told from those of other tensors by one text.
 *
 * @param sized whether sizes are told, or only how many there are. Default true
 */
export function kindOf(tensor: OwnedTensor, sized = true): string {
  const slots = info(OwnedTensor.handleOf(tensor));
  // The third slot has the flags; which tensor is a leaf makes no difference.
  let text = `${slots[FIRST]},${slots[FIRST + 1]},${(slots[FIRST + 2] as number) & ~2}`;
  const ndim = slots[FIRST + 3] as number;
  if (!sized) return `${text},${ndim}`;
  for (let i = 0; i < ndim; i++) text += `,${slots[FIRST + 4 + i]}`;
  return text;
}

function info(handle: Handle): Float64Array {
  openArena();
  native().info(handle);
  return numbers;
}
