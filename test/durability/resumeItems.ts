/** What is learnt from, in a file of its own: a thread makes it again, and loads no more than this. */
import { config } from '../../lib/experiment/config.ts';
import { meta, param } from '../../lib/experiment/parameters.ts';
import { int, string } from '../../lib/experiment/types.ts';
import { RandomizedSerializableIterator } from '../../lib/learning/iteratorAdapters.ts';
import type { SerializableIterator } from '../../lib/learning/iterators.ts';
import type { RandomState } from '../../lib/learning/random.ts';
import { ShuffledIterator } from '../../lib/learning/randomIterators.ts';
import { Sampler } from '../../lib/learning/sampler.ts';

export interface Item {
  readonly id: number;
  readonly x: readonly [number, number];
}

/** How many there are: the last batch of a pass is a short one. */
export const ITEMS = 26;

/** Every item once in each pass, each time with another number beside it. */
export class Items extends config(
  import.meta,
  'test.durability.Items',
  { loading: meta(string, { default: 'at once' }), count: param(int, { default: ITEMS }) },
  Sampler<Item>,
) {
  override iterate(random: RandomState): SerializableIterator<Item> {
    const ids = Array.from({ length: this.count }, (_, id) => id);
    const isSlow = this.loading === 'later';
    return new RandomizedSerializableIterator(
      new ShuffledIterator(ids, random.fork()),
      random.fork(),
      async (id, dice): Promise<Item> => {
        if (isSlow && id % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        return { id, x: [id / ITEMS, dice.uniform()] };
      },
    );
  }
}
