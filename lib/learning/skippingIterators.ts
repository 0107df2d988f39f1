/**
 * Iterators over what can only be read from its beginning.
 */
import { ArgumentError, expected } from '../errors.ts';
import {
  DONE,
  EndlessIterator,
  type Item,
  type MaybePromise,
  natural,
  SerializableIterator,
} from './iterators.ts';

export interface SkippingState {
  /** Which pass, from 0. */
  readonly pass: number;
  /** Items taken in this pass. */
  readonly position: number;
}

/** What gives the items of a pass, always the same for the same pass; passes count from 0. */
export type OpenPass<T> = (pass: number) => Iterable<T> | AsyncIterable<T>;

/**
 * Any source, read anew in each pass. To resume, it reads over what was taken: what is expensive belongs into a
 * SerializableIteratorTransform around it, which is not called for those. State: pass and position in it.
 */
export class SkippingIterator<T> extends SerializableIterator<T, SkippingState> {
  readonly #open: OpenPass<T>;
  #source: Iterator<T> | AsyncIterator<T> | undefined;
  #pass = 0;
  #position = 0;

  constructor(open: OpenPass<T>) {
    super();
    if (typeof open !== 'function') throw expected('a function', 'open', open);
    this.#open = open;
  }

  async next(): Promise<Item<T>> {
    this.#source ??= await this.#reopen();
    const result = await this.#source.next();
    if (result.done !== true) {
      this.#position++;
      return { done: false, value: result.value };
    }
    this.#source = undefined;
    this.#pass++;
    this.#position = 0;
    return DONE;
  }

  stateDict(): SkippingState {
    return { pass: this.#pass, position: this.#position };
  }

  loadStateDict(state: SkippingState): void {
    const [pass, position] = [natural(state?.pass, 'pass'), natural(state?.position, 'position')];
    this.#leave();
    this.#pass = pass;
    this.#position = position;
  }

  override close(): MaybePromise<void> {
    this.#leave();
  }

  async #reopen(): Promise<Iterator<T> | AsyncIterator<T>> {
    const items = this.#open(this.#pass);
    const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
    for (let i = 0; i < this.#position; i++) {
      if ((await source.next()).done === true) {
        throw new ArgumentError(
          `The source has ${i} items in pass ${this.#pass}, fewer than the ${this.#position} that were taken before`,
        );
      }
    }
    return source;
  }

  /** Lets a generator end what it holds open. */
  #leave(): void {
    void this.#source?.return?.();
    this.#source = undefined;
  }
}

/** A {@link SkippingIterator} that begins the next pass at the end of one. State: as of both, the position is within the pass. */
export class InfiniteSkippingIterator<T> extends EndlessIterator<T, SkippingState> {
  constructor(open: OpenPass<T>) {
    super(new SkippingIterator(open));
  }
}
