import { expected } from '../../errors.ts';
import { checkOptions } from '../../options.ts';
import type { Device, DType } from '../dtype.ts';

/** Where and as what a layer's parameters are made; `float32` on the CPU unless told otherwise. */
export interface FactoryOptions {
  readonly dtype?: DType;
  readonly device?: Device;
}

/** The defaults of {@link FactoryOptions}, to be spread into a layer's table of defaults. */
export const FACTORY = { dtype: undefined as DType | undefined, device: undefined as Device | undefined };

/**
 * The table of defaults overlaid with what the caller gave; `undefined` means not given.
 *
 * @throws ArgumentError for an option that the table does not have, naming those it has, and for no boolean where the
 *   default is one
 */
export function withDefaults<D extends object>(owner: string, defaults: D, given: Partial<D> = {}): D {
  const known = defaults as Record<string, unknown>;
  const result = { ...known };
  for (const [name, value] of Object.entries(checkOptions(owner, given, Object.keys(known)))) {
    if (value === undefined) continue;
    if (typeof known[name] === 'boolean' && typeof value !== 'boolean')
      throw expected('a boolean', name, value);
    result[name] = value;
  }
  return result as D;
}

/** @throws ArgumentError unless every size is a whole number, from `least` (0) up */
export function checkSizes(sizes: Readonly<Record<string, number>>, least = 0): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!(Number.isSafeInteger(size) && size >= least))
      throw expected(`an integer of at least ${least}`, name, size);
  }
}

/**
 * What a constructor takes whose numbers may be given in order or by name: `(0.2, { inplace: true })` or
 * `({ negativeSlope: 0.2, inplace: true })`.
 */
export type NumbersThenOptions<Numbers extends readonly unknown[], Named, Options> =
  | readonly [...numbers: Numbers, options?: Options]
  | readonly [options: Options & Named];

/** The table of defaults overlaid with numbers in the order of the table, and with the options after them. */
export function withNumbers<D extends object>(owner: string, defaults: D, args: readonly unknown[]): D {
  const last = args.at(-1);
  const hasOptions = typeof last === 'object' && last !== null;
  const numbers = hasOptions ? args.slice(0, -1) : args;
  const result = withDefaults(owner, defaults, hasOptions ? (last as Partial<D>) : {}) as Record<
    string,
    unknown
  >;
  const names = Object.keys(defaults);
  for (const [i, value] of numbers.entries()) {
    const name = names[i];
    if (value === undefined) continue;
    if (name === undefined || typeof value !== 'number') {
      throw expected('a number', name ?? `argument ${i + 1} of ${owner}`, value);
    }
    result[name] = value;
  }
  for (const name of names) {
    if (typeof (defaults as Record<string, unknown>)[name] === 'number' && typeof result[name] !== 'number') {
      throw expected('a number', name, result[name]);
    }
  }
  return result as D;
}
