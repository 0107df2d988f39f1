/**
 * Iterators that can say where they are, and go on from there in another process.
 *
 * One `for await` loop is one pass: `next` gives `done` at the end of a pass, and the call after that begins the next
 * one. A state is JSON, and stands right after the last item that was taken.
 */
import { types } from 'node:util';
import { ArgumentError, expected } from '../errors.ts';

export type MaybePromise<T> = T | Promise<T>;

/** An item, or the end of a pass. */
export type Item<T> = IteratorResult<T, undefined>;

export const DONE = { done: true, value: undefined } as const;

export abstract class SerializableIterator<T, S = unknown> implements AsyncIterable<T, undefined> {
  /** The next item, or a promise of it; call it again, or ask for the state, once that is there. */
  abstract next(): MaybePromise<Item<T>>;

  /** Where the iterator is, as JSON. */
  abstract stateDict(): S;

  /**
   * Goes to where `stateDict` was taken.
   *
   * @throws ArgumentError for what is no state of such an iterator, which then stays where it is
   */
  abstract loadStateDict(state: S): void;

  /** Ends what works for the iterator, such as a thread. It keeps its place: the next item begins the work again. */
  close(): MaybePromise<void> {}

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: async () => this.next() };
  }
}

/** An iterator over what another one gives. */
export abstract class WrappingIterator<T, U, S, Inner = S> extends SerializableIterator<U, S> {
  protected readonly inner: SerializableIterator<T, Inner>;

  constructor(inner: SerializableIterator<T, Inner>) {
    super();
    if (!(inner instanceof SerializableIterator)) throw expected('a SerializableIterator', 'inner', inner);
    this.inner = inner;
  }

  override close(): MaybePromise<void> {
    return this.inner.close();
  }
}

export interface EndlessState<S> {
  /** Passes that ended. */
  readonly passes: number;
  readonly inner: S;
}

/** Pass after pass without an end, counted. State: passes, and the state of the inner iterator. */
export class EndlessIterator<T, S> extends WrappingIterator<T, T, EndlessState<S>, S> {
  #passes = 0;

  /** Passes that ended so far. */
  get passes(): number {
    return this.#passes;
  }

  /** @throws ArgumentError when a whole pass is empty */
  async next(): Promise<Item<T>> {
    // The first call may only find the end of a pass; two ends in a row are an empty pass.
    for (let attempt = 0; attempt < 2; attempt++) {
      const next = this.inner.next();
      const result = types.isPromise(next) ? await next : next;
      if (result.done !== true) return result;
      this.#passes++;
    }
    throw new ArgumentError('Expected at least one item for sampler but received none in a whole pass');
  }

  stateDict(): EndlessState<S> {
    return { passes: this.#passes, inner: this.inner.stateDict() };
  }

  loadStateDict(state: EndlessState<S>): void {
    const passes = natural(state?.passes, 'passes');
    this.inner.loadStateDict(state.inner);
    this.#passes = passes;
  }
}

/** A count in a state. */
export function natural(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw expected('an integer of at least 0', name, value);
  return value as number;
}
