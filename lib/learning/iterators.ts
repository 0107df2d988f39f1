/**
 * Iterators that can say where they are, and go on from there in another process.
 *
 * One `for of` loop is one pass: `next` gives `done` at the end of a pass, and the call after that begins the next one.
 * A state is JSON, and stands right after the last item that was taken.
 */
import { ArgumentError, expected } from '../errors.ts';
import { RandomState, type RandomWords } from './random.ts';

export abstract class SerializableIterator<T, S = unknown> implements IterableIterator<T, undefined> {
  abstract next(): IteratorResult<T, undefined>;
  /** Where the iterator is, as JSON. */
  abstract stateDict(): S;
  /** Goes to where `stateDict` was taken. */
  abstract loadStateDict(state: S): void;

  [Symbol.iterator](): this {
    return this;
  }
}

const DONE = { done: true, value: undefined } as const;

/** Any source, read anew in each pass; to resume it reads over what was already taken. State: pass and position. */
export class SkippingIterator<T> extends SerializableIterator<T, { pass: number; position: number }> {
  readonly #open: (pass: number) => Iterable<T>;
  #source: Iterator<T> | undefined;
  #pass = 0;
  #position = 0;

  /** @param open gives the items of a pass, always the same for the same pass; passes count from 0 */
  constructor(open: (pass: number) => Iterable<T>) {
    super();
    this.#open = open;
  }

  next(): IteratorResult<T, undefined> {
    this.#source ??= this.#reopen();
    const result = this.#source.next();
    if (result.done !== true) {
      this.#position++;
      return { done: false, value: result.value };
    }
    this.#source = undefined;
    this.#pass++;
    this.#position = 0;
    return DONE;
  }

  stateDict(): { pass: number; position: number } {
    return { pass: this.#pass, position: this.#position };
  }

  loadStateDict(state: { pass: number; position: number }): void {
    this.#pass = natural(state?.pass, 'pass');
    this.#position = natural(state?.position, 'position');
    this.#source = undefined;
  }

  #reopen(): Iterator<T> {
    const source = this.#open(this.#pass)[Symbol.iterator]();
    for (let i = 0; i < this.#position; i++) {
      if (source.next().done === true) {
        throw new ArgumentError(
          `The source has ${i} items in pass ${this.#pass}, fewer than the ${this.#position} that were taken before`,
        );
      }
    }
    return source;
  }
}

interface ShuffledState {
  readonly position: number;
  /** The generator as it was before this pass was shuffled. */
  readonly random: RandomWords;
}

/** A list, in a new random order in each pass. State: position and the generator as it was before the pass. */
export class ShuffledIterator<T> extends SerializableIterator<T, ShuffledState> {
  readonly #items: readonly T[];
  readonly #random: RandomState;
  #before: RandomWords;
  #order: number[] | undefined;
  #position = 0;

  /** @param random is used by this iterator alone */
  constructor(items: readonly T[], random: RandomState) {
    super();
    this.#items = items;
    this.#random = random;
    this.#before = random.words();
  }

  next(): IteratorResult<T, undefined> {
    this.#order ??= this.#shuffled();
    if (this.#position < this.#order.length) {
      return { done: false, value: this.#items[this.#order[this.#position++] as number] as T };
    }
    this.#before = this.#random.words();
    this.#order = undefined;
    this.#position = 0;
    return DONE;
  }

  stateDict(): ShuffledState {
    return { position: this.#position, random: this.#before };
  }

  loadStateDict(state: ShuffledState): void {
    const position = natural(state?.position, 'position');
    if (position > this.#items.length) throw expected(`at most ${this.#items.length}`, 'position', position);
    this.#random.restore(state.random);
    this.#before = state.random;
    this.#position = position;
    this.#order = undefined;
  }

  #shuffled(): number[] {
    return this.#random.shuffle(Array.from(this.#items, (_, i) => i));
  }
}

/** What a function makes of each item; it may draw from `random`. State: of the inner iterator and of the generator. */
export class MapIterator<T, U, S> extends SerializableIterator<U, { inner: S; random: RandomWords }> {
  readonly #inner: SerializableIterator<T, S>;
  readonly #map: (item: T, random: RandomState) => U;
  readonly #random: RandomState;

  /** @param random is used by this iterator alone */
  constructor(
    inner: SerializableIterator<T, S>,
    map: (item: T, random: RandomState) => U,
    random: RandomState = RandomState.fromSeed(0),
  ) {
    super();
    this.#inner = inner;
    this.#map = map;
    this.#random = random;
  }

  next(): IteratorResult<U, undefined> {
    const result = this.#inner.next();
    return result.done === true ? DONE : { done: false, value: this.#map(result.value, this.#random) };
  }

  stateDict(): { inner: S; random: RandomWords } {
    return { inner: this.#inner.stateDict(), random: this.#random.words() };
  }

  loadStateDict(state: { inner: S; random: RandomWords }): void {
    this.#random.restore(state.random);
    this.#inner.loadStateDict(state.inner);
  }
}

/** Lists of `size` items, the last of a pass shorter where the pass does not divide. State: of the inner iterator. */
export class BatchIterator<T, S> extends SerializableIterator<T[], S> {
  readonly #inner: SerializableIterator<T, S>;
  readonly #size: number;
  #ended = false;

  constructor(inner: SerializableIterator<T, S>, size: number) {
    super();
    if (!Number.isSafeInteger(size) || size < 1) throw expected('a positive integer', 'size', size);
    this.#inner = inner;
    this.#size = size;
  }

  next(): IteratorResult<T[], undefined> {
    const batch: T[] = [];
    while (!this.#ended && batch.length < this.#size) {
      const result = this.#inner.next();
      if (result.done === true) this.#ended = true;
      else batch.push(result.value);
    }
    if (batch.length > 0) return { done: false, value: batch };
    this.#ended = false;
    return DONE;
  }

  /** After a short batch the inner iterator stands at the beginning of the next pass, and so does a resumed one. */
  stateDict(): S {
    return this.#inner.stateDict();
  }

  loadStateDict(state: S): void {
    this.#inner.loadStateDict(state);
    this.#ended = false;
  }
}

/** Pass after pass without an end. State: of the inner iterator. */
export class EndlessIterator<T, S> extends SerializableIterator<T, S> {
  readonly #inner: SerializableIterator<T, S>;

  constructor(inner: SerializableIterator<T, S>) {
    super();
    this.#inner = inner;
  }

  /** @throws ArgumentError when a whole pass is empty */
  next(): IteratorResult<T, undefined> {
    // The first call may only find the end of a pass; two ends in a row are an empty pass.
    for (let attempt = 0; attempt < 2; attempt++) {
      const result = this.#inner.next();
      if (result.done !== true) return result;
    }
    throw new ArgumentError('Expected at least one item for sampler but received none in a whole pass');
  }

  stateDict(): S {
    return this.#inner.stateDict();
  }

  loadStateDict(state: S): void {
    this.#inner.loadStateDict(state);
  }
}

function natural(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw expected('an integer of at least 0', name, value);
  return value as number;
}
