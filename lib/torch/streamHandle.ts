/** The native part of a stream: a number with a brand. libtorch keeps streams in a pool, so there is nothing to free. */
import { expected } from '../errors.ts';

/** Where a stream is made from a number: what only this package may do. */
export const FROM_NUMBER: unique symbol = Symbol('number of a stream');

export class StreamHandle {
  readonly #number: number;

  constructor(number: number, proof: typeof FROM_NUMBER) {
    if (proof !== FROM_NUMBER) throw expected('no argument', 'a new stream', number);
    this.#number = number;
  }

  static is(value: unknown): value is StreamHandle {
    return typeof value === 'object' && value !== null && #number in value;
  }

  /** @throws ArgumentError for what is no stream */
  static numberOf(value: unknown): number {
    if (!StreamHandle.is(value)) throw expected('a Stream', 'stream', value);
    return value.#number;
  }
}
