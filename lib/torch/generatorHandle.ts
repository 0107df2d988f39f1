/** The native part of a random generator: a number with a brand, freed when it is collected. */

import { expected } from '../errors.ts';
import { native } from '../native.ts';

const finalizer = new FinalizationRegistry<number>((id) => native().releaseGenerator(id));

/** Stands for the CPU's default generator where one is constructed. */
export const DEFAULT: unique symbol = Symbol('default');

/** The id of the CPU's default generator. */
const DEFAULT_GENERATOR = -1;

export class GeneratorHandle {
  readonly #id: number;

  /** @param which a new one, or the CPU's default one; never a number, which may be another one's */
  constructor(which?: typeof DEFAULT) {
    if (which !== undefined && which !== DEFAULT) throw expected('no argument', 'a new Generator', which);
    this.#id = which === DEFAULT ? DEFAULT_GENERATOR : native().newGenerator();
    if (which === undefined) finalizer.register(this, this.#id);
  }

  static is(value: unknown): value is GeneratorHandle {
    return typeof value === 'object' && value !== null && #id in value;
  }

  static idOf(value: object): number {
    if (!(#id in value)) throw expected('a Generator', 'generator', value);
    return value.#id;
  }
}
