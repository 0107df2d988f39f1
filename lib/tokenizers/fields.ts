import { ArgumentError, show } from '../errors.ts';
import { isPlainObject } from '../plainObject.ts';

/** Ids are rows of an embedding, and int32 between threads. */
const LARGEST = 2 ** 31 - 1;

/** What a file should have had there: an error with the code `ERR_FILE`. */
export function fault(what: string, name: string, received: unknown): ArgumentError {
  return new ArgumentError(`Expected ${what} for ${name} but received ${show(received)}`, 'ERR_FILE');
}

/** An object of a JSON file, read field by field. What is missing or null is the fallback, where there is one. */
export class Fields {
  readonly name: string;
  readonly #object: Readonly<Record<string, unknown>>;

  constructor(value: unknown, name: string) {
    if (!isPlainObject(value)) throw fault('an object', name, value);
    this.name = name;
    this.#object = value;
  }

  /** As it is in the file. */
  get object(): Readonly<Record<string, unknown>> {
    return this.#object;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#object, key) && this.#object[key] !== null;
  }

  at(key: string): string {
    return `${this.name}.${key}`;
  }

  string(key: string, fallback?: string): string {
    return this.#field(key, 'a string', (value) => typeof value === 'string', fallback);
  }

  boolean(key: string, fallback?: boolean): boolean {
    return this.#field(key, 'true or false', (value) => typeof value === 'boolean', fallback);
  }

  /** From 0. */
  integer(key: string, fallback?: number): number {
    return this.#field(key, 'an integer of at least 0', isId, fallback);
  }

  oneOf<T extends string>(key: string, choices: readonly T[], fallback?: T): T {
    return this.#field(key, choices.join(', '), (value) => choices.includes(value as T), fallback);
  }

  list(key: string, fallback?: readonly unknown[]): readonly unknown[] {
    return this.#field(key, 'an array', Array.isArray, fallback);
  }

  objects(key: string, fallback?: readonly unknown[]): Fields[] {
    return this.list(key, fallback).map((value, i) => new Fields(value, `${this.at(key)}[${i}]`));
  }

  part(key: string): Fields {
    return new Fields(this.#object[key], this.at(key));
  }

  optionalPart(key: string): Fields | undefined {
    return this.has(key) ? this.part(key) : undefined;
  }

  #field<T>(key: string, what: string, fits: (value: unknown) => boolean, fallback: T | undefined): T {
    if (!this.has(key) && fallback !== undefined) return fallback;
    const value = Object.hasOwn(this.#object, key) ? this.#object[key] : undefined;
    if (!fits(value)) throw fault(what, this.at(key), value);
    return value as T;
  }
}

export function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= LARGEST;
}
