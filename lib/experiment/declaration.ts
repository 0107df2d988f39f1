/** What a class of configurations says about itself, found on its prototype. */
import type { Parameter } from './parameters.ts';

/** By name, so that two copies of this package in one process understand each other. */
export const DECLARATION: unique symbol = Symbol.for('xpmir.declaration') as never;

export interface Declaration {
  /** In lower case, as it enters the identity and names the directory of a task. */
  readonly id: string;
  /** URL of the module that exports the class. */
  readonly module: string;
  /** Those of the base classes too, by name. */
  readonly parameters: ReadonlyMap<string, Parameter>;
}

/** Any object whose class was declared. */
export interface Config {
  readonly [DECLARATION]: Declaration;
  /** Throws where the parameters do not go together. Called for the whole tree at submission, before anything runs. */
  validate(): void;
}

/** The declaration of an object's class, or of a prototype; undefined where there is none. */
export function declarationOf(value: unknown): Declaration | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Partial<Config>)[DECLARATION];
}

export function isConfig(value: unknown): value is Config {
  return declarationOf(value) !== undefined;
}

/**
 * Whether the class with this prototype was itself declared. One that only extends a declared class was not: a job would
 * make an object of the declared one in its place.
 */
export function isDeclared(prototype: object): boolean {
  const above: unknown = Object.getPrototypeOf(prototype);
  return [prototype, above].some((each) => each !== null && Object.hasOwn(each as object, DECLARATION));
}

/** What a parameter is set to. */
export function fieldOf(config: object, name: string): unknown {
  return (config as Readonly<Record<string, unknown>>)[name];
}

/** How messages call an object: its class's name, beginning in lower case unless it begins with an acronym. */
export function nameOf(config: object): string {
  const { name } = config.constructor;
  if (name === '') return 'config';
  return /^[A-Z]([^A-Z]|$)/.test(name) ? name.charAt(0).toLowerCase() + name.slice(1) : name;
}
