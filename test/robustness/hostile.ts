/** Values that no caller should pass: what every entry must refuse, or take, without ending the process. */

import { F } from '../../lib/torch/functions.ts';
import { Tensor } from '../../lib/torch/tensor.ts';

/** What a hostile value throws of its own; passing it on unchanged is right. */
export class HostileError extends Error {}

export interface Hostile {
  readonly name: string;
  /** Made anew for each call, since a call may change or consume it. */
  readonly make: () => unknown;
}

const refuse = (): never => {
  throw new HostileError('thrown by the value');
};

/** A handler whose every trap throws. */
const throwing: ProxyHandler<object> = new Proxy({}, { get: () => refuse });

function detached<T extends NodeJS.TypedArray | DataView>(view: T): T {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
  return view;
}

function cyclicArray(): unknown[] {
  const array: unknown[] = [1];
  array.push(array);
  return array;
}

function selfOnly(): unknown[] {
  const array: unknown[] = [];
  array.push(array);
  return array;
}

function cyclicObject(): object {
  const object: Record<string, unknown> = { dtype: 'float32' };
  object.self = object;
  return object;
}

/** 2^60 elements behind sixty small arrays. As a text or a number it would end the process: to try is a fault. */
function exploding(): unknown[] {
  let array: unknown[] = [1, 1];
  for (let depth = 1; depth < 60; depth++) array = [array, array];
  const value = () => {
    throw new Error('an array of 2^60 elements was made a text');
  };
  return Object.defineProperty(array, 'toString', { value });
}

/** Who reads all of it ends the process: to come this far is a fault. */
function holes(): unknown[] {
  const get = () => {
    throw new Error('100,000 holes of an array were read');
  };
  return Object.defineProperty(new Array(2 ** 32 - 1), 100_000, { get });
}

function withGetter(): unknown[] {
  const array: unknown[] = [1, 2, 3];
  Object.defineProperty(array, 1, { get: refuse, enumerable: true });
  return array;
}

/** Its getter calls an operator while the array is being read. */
function reentrant(): unknown[] {
  const array: unknown[] = [1, 'x', 3];
  Object.defineProperty(array, 1, {
    get: () => F.cat([F.zeros([1]), F.zeros([2])], 0).dispose(),
    enumerable: true,
  });
  return array;
}

function resizable(): Uint8Array {
  const Resizable = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer;
  return new Uint8Array(new Resizable(8, { maxByteLength: 64 }));
}

/** A view whose buffer has shrunk to less than the view. */
function outOfBounds(): Float32Array {
  const view = resizable();
  const floats = new Float32Array(view.buffer, 4, 1);
  (view.buffer as ArrayBuffer & { resize(size: number): void }).resize(2);
  return floats;
}

function disposed(): Tensor {
  const tensor = F.zeros([2]);
  tensor.dispose();
  return tensor;
}

const shared = () => new SharedArrayBuffer(16);
const constant = (name: string, value: unknown): Hostile => ({ name, make: () => value });
const made = (name: string, make: () => unknown): Hostile => ({ name, make });

export const hostileValues: readonly Hostile[] = [
  constant('undefined', undefined),
  constant('null', null),
  constant('true', true),
  constant('NaN', NaN),
  constant('Infinity', Infinity),
  constant('-Infinity', -Infinity),
  constant('-0', -0),
  constant('0', 0),
  constant('-1', -1),
  constant('0.5', 0.5),
  constant('2^31', 2 ** 31),
  constant('-2^31 - 1', -(2 ** 31) - 1),
  constant('2^32', 2 ** 32),
  constant('2^53', 2 ** 53),
  constant('-2^63', -(2 ** 63)),
  constant('1e308', 1e308),
  constant('5e-324', 5e-324),
  constant('0n', 0n),
  constant('2n^63 - 1', 2n ** 63n - 1n),
  constant('-2n^63', -(2n ** 63n)),
  constant('2n^64', 2n ** 64n),
  constant('-10n^300', -(10n ** 300n)),
  constant("''", ''),
  constant('a long string', 'x'.repeat(100_000)),
  constant('a lone surrogate', '\ud800'),
  constant('a string with NUL', 'cpu\0:0'),
  constant('cuda:-1', 'cuda:-1'),
  constant('cpu:99999999999999999999', 'cpu:99999999999999999999'),
  constant('__proto__', '__proto__'),
  constant('a format string', '%s%n%s%n'),
  constant('a symbol', Symbol('hostile')),
  constant('Symbol.iterator', Symbol.iterator),
  constant('an arrow function', () => 1),
  constant('a throwing function', refuse),
  constant('an async function', async () => 1),
  constant('a class', class {}),
  constant('the class Tensor', Tensor),
  made('an instance of another class', () => new (class Foreign {})()),
  made('Object.create(Tensor.prototype)', () => Object.create(Tensor.prototype)),
  constant('Tensor.prototype', Tensor.prototype),
  made('a Proxy that throws', () => new Proxy({}, throwing)),
  made('an array Proxy that throws', () => new Proxy([1], throwing)),
  made('a function Proxy that throws', () => new Proxy(() => 1, throwing)),
  made('a Proxy over a Tensor', () => new Proxy(F.zeros([2]), {})),
  made('a revoked Proxy', () => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    return proxy;
  }),
  made('a disposed Tensor', disposed),
  made('a live Tensor', () => F.arange(3)),
  made('a tensor without elements', () => F.zeros([0, 2])),
  made('a tensor without memory', () => F.empty([2, 2], { device: 'meta' })),
  made('a sparse tensor', () => F.eye(2).toSparse()),
  made('a detached Float32Array', () => detached(new Float32Array(2))),
  made('a detached DataView', () => detached(new DataView(new ArrayBuffer(8)))),
  made('a shared Uint8Array', () => new Uint8Array(shared())),
  made('a SharedArrayBuffer', shared),
  made('a resizable Uint8Array', resizable),
  made('an out-of-bounds Float32Array', outOfBounds),
  made('an unaligned DataView', () => new DataView(new ArrayBuffer(16), 3, 5)),
  made('a BigUint64Array', () => new BigUint64Array([2n ** 64n - 1n])),
  made('a Buffer', () => Buffer.from('hostile')),
  made('an ArrayBuffer', () => new ArrayBuffer(8)),
  made('an empty array', () => []),
  made('a cyclic array', cyclicArray),
  made('an array of itself', selfOnly),
  made('a sparse array', () => Object.assign(new Array(4), { 1: 1, 3: 2 })),
  made('an array of 2^32 - 1 holes', holes),
  made('an array of 2^60 elements', exploding),
  made('an array with a throwing getter', withGetter),
  made('an array whose getter calls an operator', reentrant),
  made('an array of mixed kinds', () => [1, 'x', null, undefined, 2n, {}, []]),
  made('an array of NaN', () => [NaN, Infinity, -1.5]),
  made('an array of symbols', () => [Symbol('a')]),
  made('an array of huge sizes', () => [2 ** 40, 2 ** 40, 2 ** 40]),
  made('an array of negative sizes', () => [-1, -5]),
  made('an array of 1,000 numbers', () => new Array(1000).fill(1)),
  made('an array-like', () => ({ length: 2 ** 53 - 1, 0: 1 })),
  made('an object with a throwing getter', () => ({
    get dtype() {
      return refuse();
    },
  })),
  made('an object that cannot be converted', () => ({
    valueOf: refuse,
    toString: refuse,
    [Symbol.toPrimitive]: refuse,
  })),
  made('an object that returns objects', () => ({ valueOf: () => ({}), toString: () => ({}) })),
  made('a cyclic object', cyclicObject),
  made('an object of unknown keys', () => ({ notAParameter: 1 })),
  made('an object without prototype', () => Object.create(null)),
  made('a frozen object', () => Object.freeze({ dtype: 'float32' })),
  made('a boxed number', () => Object(1)),
  made('a boxed bigint', () => Object(1n)),
  made('a Date', () => new Date(NaN)),
  made('a RegExp', () => /x/),
  made('a Map', () => new Map([[1, 2]])),
  made('a WeakMap', () => new WeakMap()),
  made('a Promise', () => Promise.resolve(1)),
  made('a thenable', () => Object.fromEntries([['then', refuse]])),
  made('an iterator that never ends', function* () {
    for (;;) yield 1;
  }),
  made('an Error', () => new Error('hostile')),
  constant('globalThis', globalThis),
];
