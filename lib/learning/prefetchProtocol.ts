/**
 * What goes between an iterator and the thread that works for it.
 */
import { ArgumentError, ArgumentRangeError, OutOfMemoryError, TorchError } from '../errors.ts';
import type { Item } from './iterators.ts';

/** How a thread makes its iterator: it calls an exported function. */
export interface IteratorOrigin {
  /** URL of the module. */
  readonly module: string;
  /** Name of the function, which returns a SerializableIterator or a promise of one. */
  readonly name: string;
  /** What it is called with: plain data. */
  readonly options?: unknown;
  /** URLs of modules that it imports as the options say: tsx is needed if one is TypeScript. */
  readonly imports?: readonly string[];
}

/** What a thread is started with. */
export interface PrefetchStart {
  readonly origin: IteratorOrigin;
  /** Where to begin; null is the beginning. */
  readonly state: unknown;
  /** Items that may be on the way. After that, each message to the thread is a number of further ones. */
  readonly capacity: number;
}

/** An item, or the end of a pass, with the state after it; or what went wrong, after which nothing comes. */
export type Prefetched<T = unknown, S = unknown> =
  | { readonly item: Item<T>; readonly state: S }
  | { readonly error: ErrorRecord };

export interface ErrorRecord {
  /** Present unless something else than an error was thrown, which then is `thrown`. */
  readonly name?: string;
  readonly message: string;
  readonly stack?: string | undefined;
  /** Such as `code`. */
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly cause?: ErrorRecord;
  readonly thrown?: string;
}

export function recordError(error: unknown, depth = 0): ErrorRecord {
  if (!isError(error)) return { message: String(error), thrown: String(error) };
  const { name, message, stack, cause } = error;
  const properties = Object.fromEntries(
    Object.entries(error).filter(
      ([, value]) => value === null || !/object|function|symbol/.test(typeof value),
    ),
  );
  const record = { name, message, stack, properties };
  return cause === undefined || depth > 8 ? record : { ...record, cause: recordError(cause, depth + 1) };
}

/** Also one that a loader of modules made, which is no native one. */
function isError(error: unknown): error is Error {
  return typeof (error as Partial<Error> | null | undefined)?.message === 'string';
}

const CLASSES: Readonly<Record<string, (message: string, properties: Record<string, never>) => Error>> = {
  ArgumentError: (message, { code }) => new ArgumentError(message, code),
  ArgumentRangeError: (message) => new ArgumentRangeError(message),
  TorchError: (message, { code, op }) => new TorchError(message, { code, op }),
  OutOfMemoryError: (message, { code, op }) => new OutOfMemoryError(message, { code, op }),
  TypeError: (message) => new TypeError(message),
  RangeError: (message) => new RangeError(message),
  SyntaxError: (message) => new SyntaxError(message),
};

/** The error as it was thrown, with the stack of its thread. */
export function reviveError(record: ErrorRecord): unknown {
  if (record.thrown !== undefined) return record.thrown;
  const { name = 'Error', message, stack, properties = {}, cause } = record;
  const make = CLASSES[name] ?? ((text: string) => new Error(text));
  const error = make(message, properties as Record<string, never>);
  Object.assign(error, properties);
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true });
  if (cause !== undefined) error.cause = reviveError(cause);
  Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true });
  return error;
}

/** What arrives in another thread as it was. */
const PLAIN = new Set<unknown>(
  [
    ...[Object, Array, Map, Set, Date, RegExp, ArrayBuffer, SharedArrayBuffer, DataView],
    ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
    ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
  ].map(({ prototype }) => prototype),
).add(null);

/** @throws ArgumentError for what would arrive as something else, such as an instance of a class or a function */
export function checkPlain(value: unknown, at: string, seen = new Set<object>()): void {
  if (typeof value === 'function' || typeof value === 'symbol') throw notPlain(at, value);
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!PLAIN.has(prototype)) throw notPlain(at, value);
  if (ArrayBuffer.isView(value)) return;
  if (prototype === Map.prototype || prototype === Set.prototype) {
    let i = 0;
    for (const each of value as Iterable<unknown>) checkPlain(each, `${at}[${i++}]`, seen);
    return;
  }
  for (const [key, each] of Object.entries(value)) {
    checkPlain(each, Array.isArray(value) ? `${at}[${key}]` : `${at}.${key}`, seen);
  }
}

function notPlain(at: string, value: unknown): ArgumentError {
  const what =
    typeof value === 'object' ? `an object of class ${value?.constructor?.name}` : `a ${typeof value}`;
  return new ArgumentError(
    `prefetch: expected plain data, which can go to another thread, but ${at} is ${what}`,
  );
}
