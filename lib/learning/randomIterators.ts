/**
 * Iterators whose items are drawn at random.
 */
import { expected } from '../errors.ts';
import { DONE, type Item, natural, SerializableIterator } from './iterators.ts';
import { RandomState, type RandomWords } from './random.ts';

export interface ShuffledState {
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

  next(): Item<T> {
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
    this.#before = this.#random.words();
    this.#position = position;
    this.#order = undefined;
  }

  #shuffled(): number[] {
    return this.#random.shuffle(Array.from(this.#items, (_, i) => i));
  }
}

/**
 * What a generator draws. State: the random state after the last item, with which the generator is made anew: it draws
 * for an item when it is asked for one, and remembers nothing else from one item to the next.
 */
export class RandomSerializableIterator<T> extends SerializableIterator<T, RandomWords> {
  readonly #random: RandomState;
  readonly #generate: (random: RandomState) => Iterable<T> | AsyncIterable<T>;
  #source: Iterator<T> | AsyncIterator<T> | undefined;

  /** @param random is used by this iterator alone */
  constructor(random: RandomState, generate: (random: RandomState) => Iterable<T> | AsyncIterable<T>) {
    super();
    if (!(random instanceof RandomState)) throw expected('a RandomState', 'random', random);
    if (typeof generate !== 'function') throw expected('a function', 'generate', generate);
    this.#random = random;
    this.#generate = generate;
  }

  async next(): Promise<Item<T>> {
    this.#source ??= this.#begin();
    const result = await this.#source.next();
    if (result.done !== true) return { done: false, value: result.value };
    this.#source = undefined;
    return DONE;
  }

  stateDict(): RandomWords {
    return this.#random.words();
  }

  loadStateDict(state: RandomWords): void {
    this.#random.restore(state);
    this.#source = undefined;
  }

  #begin(): Iterator<T> | AsyncIterator<T> {
    const items = this.#generate(this.#random);
    return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  }
}
