/** Every error that this package throws on purpose: a closed set of codes, and the received value in the sentence. */

import { types } from 'node:util';

export type ErrorCode =
  | 'ERR_ARGUMENT'
  | 'ERR_RANGE'
  | 'ERR_TENSOR_DISPOSED'
  | 'ERR_NO_OPERATOR'
  | 'ERR_TORCH'
  | 'ERR_INDEX'
  | 'ERR_LINALG'
  | 'ERR_NOT_IMPLEMENTED'
  | 'ERR_OUT_OF_MEMORY'
  | 'ERR_AUTOGRAD'
  | 'ERR_ANOMALY'
  | 'ERR_HOOK_THREAD'
  | 'ERR_STATE_DICT'
  | 'ERR_FILE'
  | 'ERR_NO_NATIVE'
  | 'ERR_LIBTORCH_NOT_FOUND'
  | 'ERR_LIBTORCH_VERSION';

/** A wrong value: `Expected X for name but received V`. */
export class ArgumentError extends TypeError {
  readonly code: ErrorCode;
  constructor(message: string, code: ErrorCode = 'ERR_ARGUMENT') {
    super(message);
    this.name = 'ArgumentError';
    this.code = code;
  }
}

/** A value of the right kind outside its range, such as an integer beyond 2^53 that is no bigint. */
export class ArgumentRangeError extends RangeError {
  readonly code: ErrorCode = 'ERR_RANGE';
  constructor(message: string) {
    super(message);
    this.name = 'ArgumentRangeError';
  }
}

export interface TorchErrorDetails {
  readonly code: ErrorCode;
  readonly op: string;
  readonly shapes?: readonly (readonly number[])[];
  readonly backtrace?: string | (() => string);
}

/** What libtorch itself refused. */
export class TorchError extends Error {
  readonly code: ErrorCode;
  /** The operator or native entry that failed, such as `aten::mm`. */
  readonly op: string;
  /** Shapes of the tensors among the arguments, in order. */
  readonly shapes: readonly (readonly number[])[];
  readonly #backtrace: string | (() => string);

  constructor(message: string, details: TorchErrorDetails) {
    super(message);
    this.name = 'TorchError';
    this.code = details.code;
    this.op = details.op;
    this.shapes = details.shapes ?? [];
    this.#backtrace = details.backtrace ?? '';
  }

  /** The C++ frames, where libtorch recorded them; kept out of `message` and of printing, and named when first read. */
  get backtrace(): string {
    return typeof this.#backtrace === 'string' ? this.#backtrace : this.#backtrace();
  }
}

/** Memory ran out. */
export class OutOfMemoryError extends TorchError {
  /** How many bytes the failing allocation asked for; 0 where libtorch does not say. */
  readonly bytes: number;

  constructor(message: string, details: TorchErrorDetails) {
    super(message, { ...details, code: 'ERR_OUT_OF_MEMORY' });
    this.name = 'OutOfMemoryError';
    this.bytes = requestedBytes(message);
  }
}

const UNITS: Readonly<Record<string, number>> = { bytes: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

function requestedBytes(message: string): number {
  const match = /[Tt]ried to allocate ([\d.]+) ?(bytes|KiB|MiB|GiB)/.exec(message);
  if (!match) return 0;
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? 'bytes'] ?? 1));
}

/** How a message shows a value: short, never throwing, and never running code of the value. */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 60 ? `${JSON.stringify(value.slice(0, 60))}...` : JSON.stringify(value);
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      if (value === null) return 'null';
      if (types.isProxy(value)) return 'a Proxy';
      if (Array.isArray(value)) return showArray(value);
      return `an object (${className(value)})`;
    default:
      return String(value);
  }
}

function showArray(value: readonly unknown[]): string {
  const parts = Array.from({ length: Math.min(value.length, 4) }, (_, i) => showElement(value, i));
  return `[${parts.join(', ')}${value.length > 4 ? ', ...' : ''}]`;
}

function showElement(value: readonly unknown[], index: number): string {
  const property = Object.getOwnPropertyDescriptor(value, index);
  if (property === undefined) return 'nothing';
  if (property.get || property.set) return 'a getter';
  return types.isProxy(property.value) || !Array.isArray(property.value) ? show(property.value) : 'an array';
}

function className(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return 'no prototype';
  const made = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value as unknown;
  return typeof made === 'function' && typeof made.name === 'string' ? made.name : 'Object';
}

/** The one wording of a refused argument: `Expected ${what} for ${name} but received ${value}`. */
export function expected(what: string, name: string, received: unknown): ArgumentError {
  return new ArgumentError(`Expected ${what} for ${name} but received ${show(received)}`);
}

/** A native error as its class. What is not ours, such as an error that a hook threw, passes unchanged. */
export function fromNative(error: unknown, shapes: readonly (readonly number[])[] = []): unknown {
  if (!types.isNativeError(error)) return error;
  const { message, code, op, backtrace } = error as Error & {
    code?: ErrorCode;
    op?: string;
    backtrace?: string | (() => string);
  };
  if (code === undefined || op === undefined || backtrace === undefined) return error;
  switch (code) {
    case 'ERR_ARGUMENT':
    case 'ERR_TENSOR_DISPOSED':
      return new ArgumentError(message, code);
    case 'ERR_RANGE':
      return new ArgumentRangeError(message);
    case 'ERR_OUT_OF_MEMORY':
      return new OutOfMemoryError(message, { code, op, shapes, backtrace });
    default:
      return new TorchError(message, { code, op, shapes, backtrace });
  }
}
