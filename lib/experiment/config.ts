/**
 * Classes of configurations. One declaration gives the constructor's argument, the fields and the identity:
 *
 *     export class Adam extends config(import.meta, 'xpmir.learning.optim.Adam', {
 *       lr: param(float, { default: 1e-3, ignoreDefault: true }),
 *     }) {}
 *
 *     new Adam({ lr: 1e-4 }).lr
 *
 * The class must be exported from the module that `import.meta` stands for: a job's process finds it there.
 */
import { ArgumentError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { isPlainObject } from '../plainObject.ts';
import { accept, wrong } from './accept.ts';
import { type Config, DECLARATION, type Declaration, declarationOf, nameOf } from './declaration.ts';
import { hidden } from './hidden.ts';
import type { Fields, Parameter, Parameters, Values } from './parameters.ts';
import { type AnyClass, describe } from './types.ts';

/**
 * The parameters of a declared class with those of its bases. The class and its instances tell them to the compiler alone, by a
 * name and not a symbol, as a user's declaration files must be able to write it.
 */
type ParametersOf<B> = B extends { readonly '~parameters': infer P }
  ? P
  : // Of a generic class TypeScript passes on the constructor alone, so its instances say it too.
    B extends AnyClass<{ readonly '~parameters'?: infer P }>
    ? P extends object
      ? P
      : Record<never, never>
    : Record<never, never>;
type Merged<P, B> = Omit<ParametersOf<B>, keyof P> & P;
type Arguments<V> = Record<never, never> extends V ? [values?: V] : [values: V];

/** What `config` returns: a class to extend. */
export type ConfigClass<P, B> = (abstract new (
  ...values: Arguments<Values<Merged<P, B>>>
) => (B extends AnyClass<infer T> ? T : object) &
  Fields<P> &
  Config & { readonly '~parameters'?: Merged<P, B> }) &
  Omit<B, 'prototype' | '~parameters'> & { readonly '~parameters': Merged<P, B> };

/** A class of configurations whose content may be equal and which are still not the same, such as two towers. */
export abstract class InstanceConfig {
  /** Tells such classes from others in the types too. */
  declare readonly isInstance: true;
}

/**
 * A class of configurations, to be extended.
 *
 * @param at `import.meta` of the module that exports the class
 * @param id names the class in the identity, for ever; upper and lower case are the same
 * @param parameters declared with `param`, `meta`, `constant` and `path`
 * @param base a class to inherit from: another declared one, whose parameters are inherited, or any class whose
 * constructor needs no argument
 */
export function config<P extends Parameters, B extends AnyClass = AnyClass>(
  at: { readonly url: string },
  id: string,
  parameters: P,
  base?: B,
): ConfigClass<P, B> {
  const Base = (base ?? Object) as unknown as new (...args: unknown[]) => object;
  const inherited = declarationOf(Base.prototype);
  const Declared = inherited === undefined ? root(Base) : class extends Base {};
  const declaration: Declaration = {
    id: checkedId(id),
    module: at.url,
    parameters: new Map([...(inherited?.parameters ?? []), ...Object.entries(parameters)]),
  };
  Object.defineProperty(Declared.prototype, DECLARATION, { value: declaration });
  for (const [name, { role }] of Object.entries(parameters)) {
    if (role === undefined)
      throw wrong(`${id}.${name}`, 'param(...), meta(...), constant(...) or path(...)', parameters[name]);
    if (name in Declared.prototype && !inherited?.parameters.has(name)) {
      throw new ArgumentError(`${id}: a parameter cannot be called ${name}, as the base class has it`);
    }
    if (role === 'path') Object.defineProperty(Declared.prototype, name, pathAccessor(name));
  }
  return Declared as unknown as ConfigClass<P, B>;
}

function checkedId(id: string): string {
  if (/^[\w-]+(\.[\w-]+)*$/.test(id)) return id.toLowerCase();
  throw wrong('config', 'an id of letters, digits, "_", "-" and ".", such as "my.model.Encoder"', id);
}

/** The first declared class on the way up: it fills in all fields before the constructors of its subclasses go on. */
function root(Base: new () => object) {
  class Declared extends Base {
    constructor(values?: unknown) {
      super();
      fill(this as unknown as Config, values);
    }
  }
  if (!('validate' in Base.prototype)) {
    Object.defineProperty(Declared.prototype, 'validate', { value() {}, configurable: true, writable: true });
  }
  return Declared;
}

function pathAccessor(name: string): PropertyDescriptor {
  return {
    configurable: true,
    get(this: Config) {
      const found = hidden(this).paths?.get(name);
      if (found !== undefined) return found;
      const task = nameOf(this);
      throw new ArgumentError(
        `${task}.${name} is generated at submission; outside of jobs, place(task, directory) does it`,
      );
    },
  };
}

interface Construction {
  /** Where the object stands, such as `learner.optimizers[1]`. */
  readonly at: string;
  /** What is required may be missing: `configure` brings it. */
  readonly incomplete: boolean;
}

let construction: Construction | undefined;

/** Makes an object as its constructor does, and names its place in messages. */
export function construct(target: AnyClass, values: unknown, how: Construction): object {
  construction = how;
  try {
    return new (target as unknown as new (values: unknown) => object)(values);
  } finally {
    construction = undefined;
  }
}

function fill(config: Config, values: unknown = {}): void {
  const { at, incomplete } = construction ?? { at: nameOf(config), incomplete: false };
  // Defaults may make configurations: those are not what the caller of `construct` meant.
  construction = undefined;
  const given = checkNames(config, values, at);
  for (const [name, parameter] of config[DECLARATION].parameters) {
    if (parameter.role === 'path' || (incomplete && isMissing(parameter, given[name]))) continue;
    define(config, name, valueFor(parameter, given[name], `${at}.${name}`));
  }
}

/**
 * Changes parameters of a configuration that was not submitted yet, checked as in the constructor. This is how a
 * circle is closed: its last link is optional, left out, and set when both ends are there.
 *
 * @throws ArgumentError for a wrong value, and once the configuration is sealed
 */
export function configure<T extends Config>(
  config: T,
  values: Partial<T>,
  at: string = nameOf(config),
): void {
  if (hidden(config).sealed) throw sealedError(at);
  for (const [name, value] of Object.entries(checkNames(config, values, at))) {
    const parameter = config[DECLARATION].parameters.get(name) as Parameter;
    define(config, name, valueFor(parameter, value, `${at}.${name}`));
  }
}

export function sealedError(at: string): ArgumentError {
  return new ArgumentError(`${at}: was submitted and can no longer be changed; make a new one`);
}

/** Read-only for users; `seal` makes it final. */
function define(config: object, name: string, value: unknown): void {
  Object.defineProperty(config, name, { value, enumerable: true, configurable: true, writable: false });
}

function checkNames(config: Config, values: unknown, at: string): Readonly<Record<string, unknown>> {
  if (!isPlainObject(values)) throw wrong(at, 'an object of parameters', values);
  const { parameters } = config[DECLARATION];
  const open = [...parameters]
    .filter(([, { role }]) => role === 'param' || role === 'meta')
    .map(([name]) => name);
  for (const name of Object.keys(values)) {
    if (open.includes(name)) continue;
    if (parameters.has(name))
      throw new ArgumentError(`${at}.${name}: cannot be given, as it is ${fixed(parameters.get(name))}`);
    const meant = nearest(name, open);
    const hint = meant !== undefined ? `did you mean ${meant}?` : `there are ${open.join(', ') || 'none'}`;
    throw new ArgumentError(`${at}.${name}: no such parameter, ${hint}`);
  }
  return values;
}

function fixed(parameter: Parameter | undefined): string {
  return parameter?.role === 'path' ? 'a generated path' : 'a constant';
}

function isMissing(parameter: Parameter, given: unknown): boolean {
  return given === undefined && parameter.default === undefined && parameter.shape.kind !== 'optional';
}

function valueFor(parameter: Parameter, given: unknown, at: string): unknown {
  if (given !== undefined) return accept(parameter.shape, given, at);
  if (parameter.default !== undefined) return defaultOf(parameter, at);
  if (isMissing(parameter, given))
    throw new ArgumentError(`${at}: expected ${describe(parameter.shape)}, but it was not given`);
  return undefined;
}

/** The default as the field would hold it; undefined where there is none, which is also what an optional one defaults to. */
export function defaultOf(parameter: Parameter, at: string): unknown {
  if (parameter.default === undefined) return undefined;
  const { value } = parameter.default;
  return accept(parameter.shape, typeof value === 'function' ? (value as () => unknown)() : value, at);
}

/**
 * Says whether a configuration counts in the identity of what holds it, whatever the role of the parameter:
 * `setMeta(hook, true)` takes a hook out, also out of a list.
 */
export function setMeta<T extends Config>(config: T, flag: boolean): T {
  const state = hidden(config);
  if (state.sealed) throw sealedError(nameOf(config));
  state.meta = flag;
  return config;
}
