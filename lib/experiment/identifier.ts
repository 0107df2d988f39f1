/**
 * The identity of a configuration: 64 hexadecimal digits that are the same exactly when the same thing is computed.
 * These are experimaestro's rules, byte by byte, so that a workspace can be shared with Python:
 *
 *     config    00, [08 producing task], class id, for each hashed parameter by name: [name 05 value],
 *               [0c, pretasks and init tasks in order]; its SHA-256 is its digest
 *     as value  00 digest; 00 0b i64 for a circle, with the levels up; 00 digest 0d i64 for an instance configuration
 *               whose content was met in other objects before, with their number
 *     none      06                     bool, int  01 i64                float   02 f64
 *     string    03 UTF-8               enum       0a string "id:NAME"
 *     list      07 f64 length, items   set        0e f64 length, items by digest
 *     dict      09, key and value by key
 *
 * Numbers are big-endian. Which of them is written is decided by the declared type, as 1 and 1.0 are one number here.
 */
import { createHash, type Hash } from 'node:crypto';
import { defaultOf, InstanceConfig } from './config.ts';
import { type Config, DECLARATION, fieldOf, isConfig, nameOf } from './declaration.ts';
import { hidden } from './hidden.ts';
import type { Parameter } from './parameters.ts';
import { requireDeclared, roots } from './seal.ts';
import type { Shape } from './types.ts';

/**
 * The identity of a configuration.
 *
 * @param initTasks what runs before the task `config`, in order: a part of its identity. Default what it was submitted with
 * @throws ArgumentError with the place of an object whose class was not declared
 */
export function identifier(config: Config, initTasks?: readonly Config[]): string {
  requireDeclared(roots(config, initTasks ?? []));
  return new Digester(false).digest(config, initTasks).toString('hex');
}

/** Equal for configurations that are equal in everything, also in what is not in the identity. */
export function fullDigest(config: Config): string {
  return new Digester(true).digest(config).toString('hex');
}

/** The parameters that are in the identity of a configuration, in the order of the rules. */
export function hashedParameters(config: Config): [string, Parameter][] {
  const sorted = [...config[DECLARATION].parameters].sort(([a], [b]) => compare(a, b));
  return sorted.filter(
    ([name, parameter]) =>
      parameter.role !== 'path' && isHashed(parameter, fieldOf(config, name), `${nameOf(config)}.${name}`),
  );
}

function isHashed(parameter: Parameter, value: unknown, at: string): boolean {
  switch (parameter.role) {
    case 'constant':
      return true;
    case 'path':
      return false;
    case 'meta':
      return isConfig(value) && hidden(value).meta === false;
    case 'param':
      if (isPath(parameter.shape) || isMeta(value)) return false;
      // None where none is the default, which may be said as null.
      if (value === undefined && (parameter.default?.value ?? undefined) === undefined) return false;
      return !parameter.ignoreDefault || !equal(parameter.shape, value, defaultOf(parameter, at));
  }
}

/** What is at a path counts, not where: also in lists and dictionaries of paths. */
function isPath(shape: Shape): boolean {
  return shape.kind === 'path' || ('item' in shape && isPath(shape.item));
}

const numbers = { bool: 0x01, int: 0x01, int64: 0x01 } as const;

class Digester {
  /** Configurations from the root to the current one. */
  readonly #path: Config[] = [];
  /** Instance configurations by digest, in the order in which they were met. */
  readonly #instances = new Map<string, Config[]>();
  readonly #everything: boolean;

  constructor(everything: boolean) {
    this.#everything = everything;
  }

  digest(config: Config, initTasks = hidden(config).initTasks ?? []): Buffer {
    const hash = createHash('sha256').update(byte(0x00));
    const { producer, pretasks } = hidden(config);
    if (producer !== undefined && !producer.self)
      hash.update(byte(0x08)).update(byte(0x00)).update(Buffer.from(producer.identifier, 'hex'));
    hash.update(config[DECLARATION].id);
    this.#path.push(config);
    for (const [name, parameter] of this.#parameters(config)) {
      this.#string(hash, name);
      hash.update(byte(0x05));
      this.#value(hash, parameter.shape, fieldOf(config, name));
    }
    const before = [...pretasks, ...initTasks];
    if (before.length > 0) hash.update(byte(0x0c));
    for (const task of before) this.#config(hash, task);
    this.#path.pop();
    return hash.digest();
  }

  #parameters(config: Config): [string, Parameter][] {
    if (!this.#everything) return hashedParameters(config);
    return [...config[DECLARATION].parameters].filter(([, { role }]) => role !== 'path');
  }

  #value(hash: Hash, shape: Shape, value: unknown): void {
    switch (shape.kind) {
      case 'optional':
        return value === undefined ? void hash.update(byte(0x06)) : this.#value(hash, shape.item, value);
      case 'bool':
      case 'int':
      case 'int64':
        return void hash.update(byte(numbers[shape.kind])).update(int64Bytes(BigInt(value as number)));
      case 'float':
        return void hash.update(byte(0x02)).update(float64Bytes(value as number));
      case 'string':
      case 'path':
        return this.#string(hash, value as string);
      case 'enum':
        hash.update(byte(0x0a));
        return void hash.update(`${shape.id}:${shape.names.get(value)}`);
      case 'list': {
        const items = this.#counted(value as readonly unknown[]);
        hash.update(byte(0x07)).update(float64Bytes(items.length));
        for (const item of items) this.#value(hash, shape.item, item);
        return;
      }
      case 'set': {
        const items = this.#counted(value as ReadonlySet<unknown>);
        hash.update(byte(0x0e)).update(float64Bytes(items.length));
        for (const [, item] of this.#byDigest(shape.item, items)) this.#value(hash, shape.item, item);
        return;
      }
      case 'dict': {
        hash.update(byte(0x09));
        for (const [key, item] of sortedEntries(value as object)) {
          if (this.#counted([item]).length === 0) continue;
          this.#string(hash, key);
          this.#value(hash, shape.item, item);
        }
        return;
      }
      case 'config':
        return this.#config(hash, value as Config);
    }
  }

  #string(hash: Hash, value: string): void {
    hash.update(byte(0x03)).update(value);
  }

  #config(hash: Hash, config: Config): void {
    const depth = this.#path.indexOf(config);
    if (depth >= 0) {
      hash
        .update(byte(0x00))
        .update(byte(0x0b))
        .update(int64Bytes(BigInt(this.#path.length - depth)));
      return;
    }
    const digest = this.digest(config);
    hash.update(byte(0x00)).update(digest);
    const count = config instanceof InstanceConfig ? this.#countBefore(config, digest) : 0;
    if (count > 0) hash.update(byte(0x0d)).update(int64Bytes(BigInt(count)));
  }

  #counted(items: Iterable<unknown>): unknown[] {
    return this.#everything ? [...items] : counted(items);
  }

  /** How many other objects of the same content were met before this one. */
  #countBefore(config: Config, digest: Buffer): number {
    const key = digest.toString('hex');
    const met = this.#instances.get(key) ?? [];
    this.#instances.set(key, met);
    if (!met.includes(config)) met.push(config);
    return met.indexOf(config);
  }

  #byDigest(shape: Shape, items: readonly unknown[]): [Buffer, unknown][] {
    const digests = items.map((item): [Buffer, unknown] => {
      const hash = createHash('sha256');
      this.#value(hash, shape, item);
      return [hash.digest(), item];
    });
    return digests.sort(([a], [b]) => a.compare(b));
  }
}

/** Without the items that `setMeta` takes out. */
function counted(items: Iterable<unknown>): unknown[] {
  return [...items].filter((item) => !isMeta(item));
}

function sortedEntries(dict: object): [string, unknown][] {
  return Object.entries(dict).sort(([a], [b]) => compare(a, b));
}

function isMeta(value: unknown): boolean {
  return isConfig(value) && hidden(value).meta === true;
}

/** Equality of values of one declared type, as a default is compared; items that `setMeta` takes out do not count. */
function equal(shape: Shape, a: unknown, b: unknown): boolean {
  if (a === undefined || b === undefined) return a === b;
  switch (shape.kind) {
    case 'optional':
      return equal(shape.item, a, b);
    case 'list': {
      const [one, other] = [counted(a as unknown[]), counted(b as unknown[])];
      return one.length === other.length && one.every((item, i) => equal(shape.item, item, other[i]));
    }
    case 'set': {
      const [one, other] = [counted(a as Set<unknown>), counted(b as Set<unknown>)];
      return (
        one.length === other.length &&
        one.every((item) => other.some((each) => equal(shape.item, item, each)))
      );
    }
    case 'dict': {
      const [one, other] = [a, b].map((dict) =>
        sortedEntries(dict as object).filter(([, item]) => !isMeta(item)),
      );
      const same = ([key, item]: [string, unknown], i: number) =>
        other?.[i]?.[0] === key && equal(shape.item, item, other[i][1]);
      return one?.length === other?.length && (one ?? []).every(same);
    }
    case 'config':
      return identifier(a as Config) === identifier(b as Config);
    default:
      return a === b;
  }
}

/** By code point, as Python sorts; JavaScript would sort by half characters. */
function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function byte(value: number): Uint8Array {
  return Uint8Array.of(value);
}

function int64Bytes(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

function float64Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}
