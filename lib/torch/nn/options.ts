import { expected } from '../../errors.ts';
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
 * @throws ArgumentError for an option that the table does not have, naming those it has.
 */
export function withDefaults<D extends object>(owner: string, defaults: D, given: Partial<D> = {}): D {
  if (typeof given !== 'object' || given === null) throw expected('an object', `options of ${owner}`, given);
  const known = defaults as Record<string, unknown>;
  const result = { ...known };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(known, name)) {
      throw expected(`one of ${Object.keys(known).join(', ')}`, `option name of ${owner}`, name);
    }
    if (value !== undefined) result[name] = value;
  }
  return result as D;
}
