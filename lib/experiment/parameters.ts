/**
 * How parameters are declared:
 *
 *     { lr: param(float, { default: 1e-3, ignoreDefault: true }), device: meta(Device), logpath: path('runs') }
 */
import { ArgumentError } from '../errors.ts';
import { isPlainObject } from '../plainObject.ts';
import { isConfig } from './declaration.ts';
import { type InputOf, type Shape, shapeOf, type TypeLike, type ValueOf } from './types.ts';

/** `param` is in the identity, `meta` is not, `constant` always is and cannot be given, `path` is generated. */
export type Role = 'param' | 'meta' | 'constant' | 'path';

declare const TYPES: unique symbol;

export interface Parameter<
  Value = unknown,
  Input = unknown,
  Given extends 'required' | 'optional' | 'never' = 'required' | 'optional' | 'never',
> {
  readonly role: Role;
  readonly shape: Shape;
  /** Where there is a default. A function makes one for each configuration. */
  readonly default?: { readonly value: unknown };
  /** The parameter is left out of the identity when it equals the default. */
  readonly ignoreDefault: boolean;
  /** Of a generated path: the name below the directory of its configuration. */
  readonly name?: string;
  readonly [TYPES]?: readonly [Value, Input, Given];
}

export interface DefaultOptions<Input> {
  /** A value, or a function that makes one (for configurations always). */
  readonly default: Input | (() => Input);
  /**
   * Leaves the parameter out of the identity when it equals the default. Then a parameter can be added to a class
   * without changing the identity of what was run before. Default false.
   */
  readonly ignoreDefault?: boolean;
}

type GivenFor<T> = undefined extends ValueOf<T> ? 'optional' : 'required';

/** A parameter that decides what is computed: it is in the identity. */
export function param<T extends TypeLike>(type: T): Parameter<ValueOf<T>, InputOf<T>, GivenFor<T>>;
export function param<T extends TypeLike>(
  type: T,
  options: DefaultOptions<InputOf<T>>,
): Parameter<ValueOf<T>, InputOf<T>, 'optional'>;
export function param(type: TypeLike, options?: DefaultOptions<unknown>): Parameter {
  return declare('param', type, options);
}

/** A parameter that does not change the result, such as a device: never in the identity. */
export function meta<T extends TypeLike>(type: T): Parameter<ValueOf<T>, InputOf<T>, GivenFor<T>>;
export function meta<T extends TypeLike>(
  type: T,
  options: Pick<DefaultOptions<InputOf<T>>, 'default'>,
): Parameter<ValueOf<T>, InputOf<T>, 'optional'>;
export function meta(type: TypeLike, options?: DefaultOptions<unknown>): Parameter {
  return declare('meta', type, options);
}

/** A value that nobody gives and that is always in the identity: change it when the same parameters mean something new. */
export function constant<T extends TypeLike>(
  type: T,
  value: InputOf<T>,
): Parameter<ValueOf<T>, never, 'never'> {
  return declare('constant', type, { default: value }) as Parameter<ValueOf<T>, never, 'never'>;
}

/** A path that is generated at submission: `<job>/name` for a task, `<job>/out/<place in the task>/name` for others. */
export function path(name: string): Parameter<string, never, 'never'> {
  if (!/^[^/\0]+(\/[^/\0]+)*$/.test(name) || name.split('/').includes('..')) {
    throw new ArgumentError(`Expected a relative path for path() but received ${JSON.stringify(name)}`);
  }
  return { role: 'path', shape: { kind: 'path' }, ignoreDefault: false, name };
}

function declare(role: Role, type: TypeLike, options: DefaultOptions<unknown> | undefined): Parameter {
  const shape = shapeOf(type);
  const ignoreDefault = options?.ignoreDefault ?? false;
  if (options === undefined || !('default' in options)) return { role, shape, ignoreDefault };
  if (holdsConfig(options.default)) {
    throw new ArgumentError(
      'A default that is a configuration would be shared: give a function that makes it',
    );
  }
  return { role, shape, ignoreDefault, default: { value: options.default } };
}

function holdsConfig(value: unknown): boolean {
  if (isConfig(value)) return true;
  const items = Array.isArray(value) ? value : isPlainObject(value) ? Object.values(value) : [];
  return items.some(holdsConfig);
}

export type Parameters = Readonly<Record<string, Parameter>>;

/** The fields that a declaration gives to an object. */
export type Fields<P> = {
  readonly [K in keyof P]: P[K] extends Parameter<infer V, infer _I, infer _G> ? V : never;
};

type InputFor<P> = P extends Parameter<infer _V, infer I, infer _G> ? I : never;
type NamesOf<P, Given> = {
  [K in keyof P]: P[K] extends Parameter<infer _V, infer _I, infer G> ? (G extends Given ? K : never) : never;
}[keyof P];
type Flatten<T> = { [K in keyof T]: T[K] };

/** What the constructor of a declaration takes. */
export type Values<P> = Flatten<
  { readonly [K in NamesOf<P, 'required'>]: InputFor<P[K]> } & {
    readonly [K in NamesOf<P, 'optional'>]?: InputFor<P[K]> | undefined;
  }
>;
