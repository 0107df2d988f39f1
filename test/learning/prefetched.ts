/** What threads of the tests make their items from. */
import { config } from '../../lib/experiment/config.ts';
import { param } from '../../lib/experiment/parameters.ts';
import { int } from '../../lib/experiment/types.ts';
import { RandomizedSerializableIterator } from '../../lib/learning/iteratorAdapters.ts';
import type { SerializableIterator } from '../../lib/learning/iterators.ts';
import type { RandomState } from '../../lib/learning/random.ts';
import { ShuffledIterator } from '../../lib/learning/randomIterators.ts';
import { Sampler } from '../../lib/learning/sampler.ts';
import { SkippingIterator } from '../../lib/learning/skippingIterators.ts';
import type { Example } from './toy.ts';

/** Points of a line in a new order in each pass, each with noise. */
export class LineSampler extends config(
  import.meta,
  'test.LineSampler',
  { count: param(int) },
  Sampler<Example>,
) {
  iterate(random: RandomState) {
    const numbers = Array.from({ length: this.count }, (_, i) => i);
    return new RandomizedSerializableIterator(
      new ShuffledIterator(numbers, random.fork()),
      random.fork(),
      (i, dice): Example => {
        return { x: [i, dice.uniform()], y: 3 * i - 1 };
      },
    );
  }
}

/** As many numbers as are asked for, and how many were made is told by a shared counter. */
export function counting({ made, end = 1000 }: { made?: SharedArrayBuffer; end?: number }) {
  const counter = made === undefined ? undefined : new Int32Array(made);
  return new SkippingIterator(function* () {
    for (let i = 0; i < end; i++) {
      if (counter !== undefined) Atomics.add(counter, 0, 1);
      yield i;
    }
  });
}

export function failing({ at, how }: { at: number; how: string }) {
  return new SkippingIterator(function* () {
    for (let i = 0; i < at; i++) yield i;
    if (how === 'exit') process.exit(7);
    if (how === 'thrown string') throw 'just text';
    if (how === 'class') yield new (class Record {})();
    else if (how === 'function') yield { nested: [() => 1] };
    else
      throw Object.assign(new RangeError('as planned'), {
        code: 'ERR_PLANNED',
        cause: new TypeError('deep'),
      });
  });
}

export async function later(options: { end: number }): Promise<SerializableIterator<number>> {
  await new Promise((resolve) => setTimeout(resolve, 10));
  return counting(options);
}

export const nothing = () => 42;
