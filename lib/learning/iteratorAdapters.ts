/**
 * Iterators that make something of what another one gives.
 */
import { types } from 'node:util';
import { expected } from '../errors.ts';
import {
  DONE,
  type Item,
  type MaybePromise,
  natural,
  type SerializableIterator,
  WrappingIterator,
} from './iterators.ts';
import { RandomState, type RandomWords } from './random.ts';

/**
 * What a function makes of each item, such as its texts fetched from a store: it is never called for an item that a
 * resumed run skips. State: of the inner iterator.
 */
export class SerializableIteratorTransform<T, U, S> extends WrappingIterator<T, U, S> {
  readonly #transform: (item: T) => MaybePromise<U>;

  constructor(inner: SerializableIterator<T, S>, transform: (item: T) => MaybePromise<U>) {
    super(inner);
    if (typeof transform !== 'function') throw expected('a function', 'transform', transform);
    this.#transform = transform;
  }

  async next(): Promise<Item<U>> {
    const result = await this.inner.next();
    return result.done === true ? DONE : { done: false, value: await this.#transform(result.value) };
  }

  stateDict(): S {
    return this.inner.stateDict();
  }

  loadStateDict(state: S): void {
    this.inner.loadStateDict(state);
  }
}

/**
 * A transform that draws from a random state of its own. State: of the inner iterator, and the random state after the
 * last item.
 */
export class RandomizedSerializableIterator<T, U, S> extends WrappingIterator<
  T,
  U,
  { inner: S; random: RandomWords },
  S
> {
  readonly #random: RandomState;
  readonly #transform: (item: T, random: RandomState) => MaybePromise<U>;

  /** @param random is used by this iterator alone */
  constructor(
    inner: SerializableIterator<T, S>,
    random: RandomState,
    transform: (item: T, random: RandomState) => MaybePromise<U>,
  ) {
    super(inner);
    if (!(random instanceof RandomState)) throw expected('a RandomState', 'random', random);
    if (typeof transform !== 'function') throw expected('a function', 'transform', transform);
    this.#random = random;
    this.#transform = transform;
  }

  async next(): Promise<Item<U>> {
    const result = await this.inner.next();
    if (result.done === true) return DONE;
    return { done: false, value: await this.#transform(result.value, this.#random) };
  }

  stateDict(): { inner: S; random: RandomWords } {
    return { inner: this.inner.stateDict(), random: this.#random.words() };
  }

  loadStateDict(state: { inner: S; random: RandomWords }): void {
    const { random } = { ...state };
    RandomState.fromWords(random as RandomWords); // Refused before anything is changed.
    this.inner.loadStateDict(state.inner);
    this.#random.restore(random);
  }
}

export interface AdapterState<S> {
  /** Of the inner iterator, as it was when the generator began to take for the items of now. */
  readonly inner: S;
  /** Items that the generator gave since. */
  readonly given: number;
}

/**
 * What a generator makes of the items, one of several, several of one, or some of them. State: where it last began to
 * take, and how many items it gave since. It is made anew when a state is loaded, so when it begins to take after it gave
 * something, it must remember nothing else. The end of what it gives is the end of a pass.
 */
export class SerializableIteratorAdapter<T, U, S> extends WrappingIterator<T, U, AdapterState<S>, S> {
  readonly #adapt: (items: AsyncIterable<T>) => AsyncIterable<U>;
  #source: AsyncIterator<U> | undefined;
  #begun: S;
  #given = 0;
  #gave = false;

  constructor(inner: SerializableIterator<T, S>, adapt: (items: AsyncIterable<T>) => AsyncIterable<U>) {
    super(inner);
    if (typeof adapt !== 'function') throw expected('a function', 'adapt', adapt);
    this.#adapt = adapt;
    this.#begun = inner.stateDict();
  }

  async next(): Promise<Item<U>> {
    this.#source ??= await this.#reopen();
    const result = await this.#source.next();
    if (result.done !== true) {
      this.#given++;
      this.#gave = true;
      return { done: false, value: result.value };
    }
    this.#source = undefined;
    this.#begin();
    return DONE;
  }

  stateDict(): AdapterState<S> {
    return { inner: this.#begun, given: this.#given };
  }

  loadStateDict(state: AdapterState<S>): void {
    const given = natural(state?.given, 'given');
    this.inner.loadStateDict(state.inner);
    this.#begun = state.inner;
    this.#given = given;
    this.#source = undefined;
  }

  async #reopen(): Promise<AsyncIterator<U>> {
    this.#gave = false;
    const taken: AsyncIterable<T> = { [Symbol.asyncIterator]: () => ({ next: () => this.#take() }) };
    const source = this.#adapt(taken)[Symbol.asyncIterator]();
    for (let i = 0; i < this.#given; i++) await source.next();
    this.#gave = this.#given > 0;
    return source;
  }

  /** The first item that is taken after some were given begins a new group. */
  async #take(): Promise<Item<T>> {
    if (this.#gave) this.#begin();
    return this.inner.next();
  }

  #begin(): void {
    this.#begun = this.inner.stateDict();
    this.#given = 0;
    this.#gave = false;
  }
}

export interface BatchState<S> {
  readonly inner: S;
  /** The last list of a pass was taken, and not yet its end. */
  readonly ended: boolean;
}

/** Lists of `size` items, the last of a pass shorter where the pass does not divide. */
export class BatchIteratorAdapter<T, S> extends WrappingIterator<T, T[], BatchState<S>, S> {
  readonly #size: number;
  #ended = false;

  constructor(inner: SerializableIterator<T, S>, size: number) {
    super(inner);
    if (!Number.isSafeInteger(size) || size < 1) throw expected('a positive integer', 'size', size);
    this.#size = size;
  }

  async next(): Promise<Item<T[]>> {
    const batch: T[] = [];
    while (!this.#ended && batch.length < this.#size) {
      const next = this.inner.next();
      // A turn of the queue for each item would cost more than most items.
      const result = types.isPromise(next) ? await next : next;
      if (result.done === true) this.#ended = true;
      else batch.push(result.value);
    }
    if (batch.length > 0) return { done: false, value: batch };
    this.#ended = false;
    return DONE;
  }

  stateDict(): BatchState<S> {
    return { inner: this.inner.stateDict(), ended: this.#ended };
  }

  loadStateDict(state: BatchState<S>): void {
    if (typeof state?.ended !== 'boolean') throw expected('a boolean', 'ended', state?.ended);
    this.inner.loadStateDict(state.inner);
    this.#ended = state.ended;
  }
}
