/** The native part of a random generator: a number with a brand, freed when it is collected. */

import { expected } from '../errors.ts';
import { native } from '../native.ts';

const finalizer = new FinalizationRegistry<number>((id) => native().releaseGenerator(id));

/** The id of the CPU's default generator. */
export const DEFAULT_GENERATOR = -1;

export class GeneratorHandle {
  readonly #id: number;

  constructor(id: number = native().newGenerator()) {
    this.#id = id;
    if (id !== DEFAULT_GENERATOR) finalizer.register(this, id);
  }

  static is(value: unknown): value is GeneratorHandle {
    return typeof value === 'object' && value !== null && #id in value;
  }

  static idOf(value: object): number {
    if (!(#id in value)) throw expected('a Generator', 'generator', value);
    return value.#id;
  }
}
