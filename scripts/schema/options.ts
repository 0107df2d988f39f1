/** Names for the types of options objects that are too long to write at every place where one may stand. */

import { camelCase } from '../../lib/torch/naming.ts';
import type { Schema } from './parse.ts';
import type { NameOptions } from './typescript.ts';

/** Options of at most this many characters stand in the signature itself. */
const INLINE = 48;

const BASICS: Readonly<Record<string, string>> = {
  Scalar: `/** A number that is no tensor. Integers stay integers. */
export type Scalar = number | bigint | boolean | Complex;`,
  Int: `/** An integer; beyond 2^53 a bigint. */
export type Int = number | bigint;`,
  Ints: `/** A list of integers, or one integer that stands for all of them. */
export type Ints = number | readonly number[];`,
  DtypeOption: `/** The dtype of the result. A tensor, which has a dtype too, is no options object. */
export interface DtypeOption {
  readonly dtype?: DType | null;
  readonly [Symbol.dispose]?: never;
}`,
  FactoryOptions: `/** What every function that makes a tensor takes by name. */
export interface FactoryOptions extends DtypeOption {
  readonly layout?: Layout | null;
  readonly device?: Device | null;
  readonly pinMemory?: boolean | null;
  /** Record the operators on it for gradients (default false). */
  readonly requiresGrad?: boolean;
}`,
  OperatorArgument: `/** Whatever an operator may be given. */
export type OperatorArgument =
  | Tensor
  | Generator
  | Scalar
  | string
  | null
  | undefined
  | readonly OperatorArgument[]
  | { readonly [name: string]: OperatorArgument };`,
  Operator: `/** One overload of an operator. Its arguments are checked against the schema when it is called. */
export type Operator<Result> = (...args: readonly OperatorArgument[]) => Result;`,
  Overloads: `/** Overloads of one operator by name. */
export type Overloads<Result, Names extends string> = { readonly [Name in Names]: Operator<Result> };`,
};

export class OptionNames {
  /** Members by the name of the type. */
  readonly #types = new Map<string, string>();

  /** Names options of one operator after it: SumOptions, and SumDimOptions where another overload differs. */
  of(schema: Schema): NameOptions {
    return (members) => {
      if (members.length <= INLINE && !members.includes('&')) return members;
      const stem = pascalCase(schema.name);
      const candidates = [stem, stem + pascalCase(schema.overload)];
      for (let count = 0; ; count++) {
        const name = `${candidates[count] ?? `${candidates[1]}${count}`}Options`;
        const taken = this.#types.get(name);
        if (taken === undefined) this.#types.set(name, members);
        if (taken === undefined || taken === members) return name;
      }
    };
  }

  names(): readonly string[] {
    return [...Object.keys(BASICS), ...this.#types.keys()];
  }

  emit(): string {
    const named = [...this.#types].map(([name, members]) => `export type ${name} = ${members};\n`);
    return `${Object.values(BASICS).join('\n\n')}\n\n${named.sort().join('')}`;
  }
}

function pascalCase(name: string): string {
  const camel = camelCase(name).replace(/^_+|_+$/g, '');
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}
