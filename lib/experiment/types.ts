/**
 * The types that a parameter can be declared with. A type says what is accepted (accept.ts), how a value enters the
 * identity (identifier.ts) and how it is written (record.ts); TypeScript reads the field and the argument from it.
 */
import { ArgumentError } from '../errors.ts';

/** Any class, abstract or not. */
export type AnyClass<T = object> = abstract new (...args: never[]) => T;

/** What a type is, for those who go through values by declared type. */
export type Shape =
  | { readonly kind: 'int' | 'int64' | 'float' | 'bool' | 'string' | 'path' }
  | { readonly kind: 'enum'; readonly id: string; readonly names: ReadonlyMap<unknown, string> }
  | { readonly kind: 'optional' | 'list' | 'set' | 'dict'; readonly item: Shape }
  | { readonly kind: 'config'; readonly target: () => AnyClass };

declare const TYPES: unique symbol;

/** A declared type: `Value` is what the field holds, `Input` what the constructor takes. */
export interface Type<Value = unknown, Input = Value> {
  readonly shape: Shape;
  readonly [TYPES]?: readonly [Value, Input];
}

/**
 * A type, or a class, of which all instances are taken. To be submitted, an instance must be a configuration, whether
 * the class is one of configurations or not: an interface for models, for example.
 */
export type TypeLike = Type | AnyClass;

export type ValueOf<T> = T extends Type<infer V, infer _I> ? V : T extends AnyClass<infer V> ? V : never;
export type InputOf<T> = T extends Type<infer _V, infer I> ? I : T extends AnyClass<infer V> ? V : never;

/** An integer within ±(2^53 - 1). */
export const int: Type<number> = { shape: { kind: 'int' } };

/** An integer of 64 bits: always a bigint in the field, whatever its size. Equal to `int` in the identity. */
export const int64: Type<bigint, bigint | number> = { shape: { kind: 'int64' } };

/** A number; 1 and 1.0 are the same number but not the same as the `int` 1 in the identity. */
export const float: Type<number> = { shape: { kind: 'float' } };

export const bool: Type<boolean> = { shape: { kind: 'bool' } };

export const string: Type<string> = { shape: { kind: 'string' } };

/** A path or file URL, made absolute when it is given. What lies there counts, not where: never in the identity. */
export const pathname: Type<string, string | URL> = { shape: { kind: 'path' } };

/**
 * One of several constants.
 *
 * @param id names the enumeration in the identity, together with the member's name
 * @param members names, or an object of values by name (such as an `enum`), of which the field holds the value
 */
export function enumeration<const T extends readonly string[]>(id: string, members: T): Type<T[number]>;
export function enumeration<const T extends Readonly<Record<string, string | number | boolean>>>(
  id: string,
  members: T,
): Type<T[keyof T]>;
export function enumeration(
  id: string,
  members: readonly string[] | Readonly<Record<string, unknown>>,
): Type {
  const byName = Array.isArray(members)
    ? members.map((name: string) => [name, name] as const)
    : Object.entries(members).filter(([name]) => !/^\d+$/.test(name));
  return { shape: { kind: 'enum', id, names: new Map(byName.map(([name, value]) => [value, name])) } };
}

/** The value, or `undefined`. `null` is taken as `undefined`, and says "none" where there is another default. */
export function optional<T extends TypeLike>(
  item: T,
): Type<ValueOf<T> | undefined, InputOf<T> | null | undefined> {
  return { shape: { kind: 'optional', item: shapeOf(item) } };
}

export function list<T extends TypeLike>(item: T): Type<readonly ValueOf<T>[], readonly InputOf<T>[]> {
  return { shape: { kind: 'list', item: shapeOf(item) } };
}

/** Distinct values; an array is taken too. Their order does not matter. */
export function set<T extends TypeLike>(
  item: T,
): Type<ReadonlySet<ValueOf<T>>, ReadonlySet<InputOf<T>> | readonly InputOf<T>[]> {
  return { shape: { kind: 'set', item: shapeOf(item) } };
}

/** Values by name, a plain object. The order of the names does not matter. */
export function dict<T extends TypeLike>(
  item: T,
): Type<Readonly<Record<string, ValueOf<T>>>, Readonly<Record<string, InputOf<T>>>> {
  return { shape: { kind: 'dict', item: shapeOf(item) } };
}

/**
 * A class that is declared further down: `later<Node>(() => Node)`. Name its type, as TypeScript cannot infer a circle.
 */
export function later<T extends object>(target: () => void): Type<T> {
  return { shape: { kind: 'config', target: target as () => unknown as () => AnyClass } };
}

/** What somebody means who gives a class of the language. */
const MEANT: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [String, 'string'],
  [Number, 'int or float'],
  [BigInt, 'int64'],
  [Boolean, 'bool'],
  [Array, 'list(T)'],
  [Set, 'set(T)'],
  [Map, 'dict(T)'],
  [Object, 'dict(T)'],
  [URL, 'pathname'],
]);

/** @throws ArgumentError for what is neither a type nor a class of objects */
export function shapeOf(type: TypeLike): Shape {
  const meant = MEANT.get(type);
  if (meant !== undefined) throw new ArgumentError(`Expected a type, such as ${meant}, received a class`);
  if (typeof type === 'function' && typeof type.prototype === 'object')
    return { kind: 'config', target: () => type };
  if (typeof type !== 'object' || type?.shape === undefined)
    throw new ArgumentError('Expected a type, such as float, or a class');
  return type.shape;
}

/** How a message names a type, with its article. */
export function describe(shape: Shape): string {
  switch (shape.kind) {
    case 'int':
    case 'int64':
      return 'an integer';
    case 'float':
      return 'a number';
    case 'bool':
      return 'a boolean';
    case 'string':
      return 'a string';
    case 'path':
      return 'a path';
    case 'enum':
      return `one of ${[...shape.names.keys()].map((value) => JSON.stringify(value)).join(', ')}`;
    case 'optional':
      return describe(shape.item);
    case 'list':
      return 'an array';
    case 'set':
      return 'a Set or an array';
    case 'dict':
      return 'a plain object';
    case 'config':
      return withArticle(shape.target().name);
  }
}

export function withArticle(noun: string): string {
  return `${/^[AEIOU]/i.test(noun) ? 'an' : 'a'} ${noun}`;
}
