/**
 * Where training data comes from.
 */
import { BatchIterator, type SerializableIterator, ShuffledIterator } from './iterators.ts';
import { readOptions, wrong } from './options.ts';
import type { RandomState } from './random.ts';

/** Gives records to learn from. It is configuration: what moves is the iterator, a new one for each run. */
export abstract class Sampler<T> {
  /** The records, one pass after the other. */
  abstract iterate(random: RandomState): SerializableIterator<T>;

  /** Lists of `size` records; the last of a pass may be shorter. */
  batches(random: RandomState, size: number): SerializableIterator<T[]> {
    return new BatchIterator(this.iterate(random), size);
  }
}

/** Every item of a list once in each pass, in a new random order. */
export class ShuffledSampler<T> extends Sampler<T> {
  readonly items: readonly T[];

  constructor(options: { readonly items: readonly T[] }) {
    super();
    this.items = readOptions('shuffledSampler', options, { items: manyOf<T>() }).items;
  }

  iterate(random: RandomState): SerializableIterator<T> {
    return new ShuffledIterator(this.items, random.fork());
  }
}

/** A list that is not empty; it may be long, so it is not copied. */
function manyOf<T>() {
  return (value: unknown, path: string): readonly T[] => {
    if (!Array.isArray(value) || value.length === 0)
      throw wrong(path, 'an array of at least one item', value);
    return value;
  };
}
