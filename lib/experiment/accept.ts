/** Checks a value by declared type and gives it the form that the field holds. */

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { ArgumentError, show } from '../errors.ts';
import { isPlainObject } from '../plainObject.ts';
import { describe, type Shape } from './types.ts';

/** `learner.maxEpochs: expected an integer, received "10"`. */
export function wrong(at: string, what: string, received: unknown): ArgumentError {
  return new ArgumentError(`${at}: expected ${what}, received ${show(received)}`);
}

/**
 * The value as its field holds it; containers are copied and frozen.
 *
 * @param at where the value stands, such as `learner.optimizers[1]`, for the message
 * @throws ArgumentError for a value of another type
 */
export function accept(shape: Shape, value: unknown, at: string): unknown {
  switch (shape.kind) {
    case 'int':
      return acceptInt(value, at);
    case 'int64':
      return acceptInt64(value, at);
    case 'float':
      return check(typeof value === 'number', shape, value, at);
    case 'bool':
      return check(typeof value === 'boolean', shape, value, at);
    case 'string':
      return acceptString(value, at);
    case 'path':
      return acceptPath(value, at);
    case 'enum':
      return check(shape.names.has(value), shape, value, at);
    case 'optional':
      return value === undefined || value === null ? undefined : accept(shape.item, value, at);
    case 'list':
      if (!Array.isArray(value)) throw wrong(at, 'an array', value);
      return Object.freeze(Array.from(value, (item: unknown, i) => accept(shape.item, item, `${at}[${i}]`)));
    case 'set':
      if (!Array.isArray(value) && !types.isSet(value)) throw wrong(at, 'a Set or an array', value);
      return new FrozenSet(Array.from(value, (item: unknown, i) => accept(shape.item, item, `${at}[${i}]`)));
    case 'dict':
      return acceptDict(shape.item, value, at);
    case 'config':
      return check(value instanceof shape.target(), shape, value, at);
  }
}

function check(fits: boolean, shape: Shape, value: unknown, at: string): unknown {
  if (!fits) throw wrong(at, describe(shape), value);
  return value;
}

function acceptInt(value: unknown, at: string): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) throw wrong(at, 'an integer', value);
  if (!Number.isSafeInteger(number)) {
    throw wrong(at, 'an integer within ±(2^53 - 1), or a parameter declared int64', value);
  }
  return number === 0 ? 0 : number;
}

function acceptInt64(value: unknown, at: string): bigint {
  if (typeof value === 'number' && !Number.isInteger(value)) throw wrong(at, 'an integer', value);
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw wrong(at, 'a bigint, as numbers beyond ±(2^53 - 1) are not exact', value);
  }
  if (typeof value !== 'bigint' && typeof value !== 'number') throw wrong(at, 'an integer', value);
  const big = BigInt(value);
  if (BigInt.asIntN(64, big) !== big) throw wrong(at, 'an integer of 64 bits', value);
  return big;
}

function acceptString(value: unknown, at: string): string {
  if (typeof value !== 'string') throw wrong(at, 'a string', value);
  // Half a surrogate pair has no UTF-8, so two different strings would share an identity.
  if (/\p{Surrogate}/u.test(value)) throw wrong(at, 'a string without half characters', value);
  return value;
}

function acceptPath(value: unknown, at: string): string {
  const isUrl = Object.prototype.toString.call(value) === '[object URL]';
  if (isUrl && (value as URL).protocol === 'file:') return fileURLToPath((value as URL).href);
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw wrong(at, 'a path', value);
  return resolve(value);
}

function acceptDict(item: Shape, value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (!isPlainObject(value)) throw wrong(at, 'a plain object', value);
  const entries = Object.entries(value).map(([key, each]) => {
    const name = acceptString(key, at);
    return [name, accept(item, each, `${at}[${JSON.stringify(name)}]`)];
  });
  return Object.freeze(Object.fromEntries(entries));
}

/** A set that stays as it was made, as frozen arrays do. */
class FrozenSet<T> extends Set<T> {
  constructor(items: Iterable<T>) {
    super();
    for (const item of items) super.add(item);
  }

  override add(): never {
    throw new TypeError('The set belongs to a configuration and cannot be changed');
  }

  override delete(): never {
    return this.add();
  }

  override clear(): never {
    return this.add();
  }
}
