/**
 * Where training data comes from.
 */
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { BatchIteratorAdapter } from './iteratorAdapters.ts';
import type { SerializableIterator } from './iterators.ts';
import type { RandomState } from './random.ts';
import { ShuffledIterator } from './randomIterators.ts';

/** Gives records to learn from. It is configuration: what moves is the iterator, a new one for each run. */
export abstract class Sampler<T = unknown> extends config(import.meta, 'xpmir.learning.base.Sampler', {}) {
  /** The records, one pass after the other. */
  abstract iterate(random: RandomState): SerializableIterator<T>;

  /** Lists of `size` records; the last of a pass may be shorter. */
  batches(random: RandomState, size: number): SerializableIterator<readonly T[]> {
    return new BatchIteratorAdapter(this.iterate(random), size);
  }
}

/** Every item of a list once in each pass, in a new random order. For scripts: a list has no identity. */
export class ShuffledSampler<T> extends Sampler<T> {
  readonly items: readonly T[];

  /** @param options `items` may be many, so they are not copied */
  constructor({ items }: { readonly items: readonly T[] }) {
    super();
    if (!Array.isArray(items) || items.length === 0) {
      throw wrong('shuffledSampler.items', 'an array of at least one item', items);
    }
    this.items = items;
  }

  iterate(random: RandomState): SerializableIterator<T> {
    return new ShuffledIterator(this.items, random.fork());
  }
}
