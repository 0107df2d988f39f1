import { describe, expect, test } from '@jest/globals';
import {
  BatchIterator,
  EndlessIterator,
  MapIterator,
  RandomState,
  type SerializableIterator,
  ShuffledIterator,
  SkippingIterator,
} from '../../lib/learning/index.ts';

const TEN = Array.from({ length: 10 }, (_, i) => i);

/** One of each kind, over ten items. */
const KINDS: Record<string, () => SerializableIterator<unknown>> = {
  skipping: () => new SkippingIterator((pass) => TEN.map((i) => 100 * pass + i)),
  shuffled: () => new ShuffledIterator(TEN, RandomState.fromSeed(1)),
  map: () =>
    new MapIterator(
      new ShuffledIterator(TEN, RandomState.fromSeed(2)),
      (item, random) => [item, random.integer(1000)],
      RandomState.fromSeed(3),
    ),
  batch: () => new BatchIterator(new ShuffledIterator(TEN, RandomState.fromSeed(4)), 3),
};

function take(iterator: SerializableIterator<unknown>, count: number): unknown[] {
  return Array.from({ length: count }, () => iterator.next().value);
}

describe('serializable iterators', () => {
  describe.each(Object.entries(KINDS))('%s', (_name, make) => {
    test('goes on from a state exactly where it was taken, in every pass and at its end', () => {
      for (let taken = 0; taken <= 25; taken++) {
        const first = new EndlessIterator(make());
        take(first, taken);
        const state = JSON.parse(JSON.stringify(first.stateDict()));
        const second = new EndlessIterator(make());
        second.loadStateDict(state);
        expect(take(second, 15)).toEqual(take(first, 15));
      }
    });

    test('a state can be loaded after items were taken', () => {
      const first = new EndlessIterator(make());
      take(first, 2);
      const state = first.stateDict();
      const next = take(first, 5);
      first.loadStateDict(state);
      expect(take(first, 5)).toEqual(next);
    });

    test('one loop is one pass', () => {
      const iterator = make();
      const passes = [1, 2, 3].map(() => [...iterator].flat(1).length);
      expect(passes).toEqual([passes[0], passes[0], passes[0]]);
    });
  });

  test('a shuffled pass has every item once, and passes differ', () => {
    const iterator = new ShuffledIterator(TEN, RandomState.fromSeed(0));
    const [first, second] = [[...iterator], [...iterator]];
    expect([...first].sort((a, b) => a - b)).toEqual(TEN);
    expect([...second].sort((a, b) => a - b)).toEqual(TEN);
    expect(second).not.toEqual(first);
  });

  test('batches end with their pass, the last one shorter', () => {
    const iterator = new BatchIterator(new SkippingIterator(() => TEN.slice(0, 7)), 3);
    expect([...iterator]).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect([...iterator]).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect(() => new BatchIterator(iterator, 0)).toThrow(
      'Expected a positive integer for size but received 0',
    );
  });

  test('skipping tells the pass to its source, and the state counts within the pass', () => {
    const iterator = new SkippingIterator((pass) => [`${pass}a`, `${pass}b`]);
    expect([...iterator]).toEqual(['0a', '0b']);
    expect(iterator.next().value).toBe('1a');
    expect(iterator.stateDict()).toEqual({ pass: 1, position: 1 });
  });

  test('an empty source is an error, not an endless search', () => {
    const iterator = new EndlessIterator(new SkippingIterator(() => []));
    expect(() => iterator.next()).toThrow(
      'Expected at least one item for sampler but received none in a whole pass',
    );
  });

  test('a source that became shorter is an error', () => {
    const iterator = new SkippingIterator(() => ['only']);
    iterator.loadStateDict({ pass: 0, position: 2 });
    expect(() => iterator.next()).toThrow(
      'The source has 1 items in pass 0, fewer than the 2 that were taken before',
    );
  });

  test.each([null, {}, { pass: -1, position: 0 }, { pass: 0, position: 0.5 }])(
    'refuses the state %p',
    (state) => {
      expect(() => new SkippingIterator(() => TEN).loadStateDict(state as never)).toThrow(
        'Expected an integer of at least 0',
      );
    },
  );

  test('refuses states of a longer list and of no generator', () => {
    const iterator = new ShuffledIterator(TEN, RandomState.fromSeed(0));
    const { random } = iterator.stateDict();
    expect(() => iterator.loadStateDict({ position: 11, random })).toThrow(
      'Expected at most 10 for position',
    );
    expect(() => iterator.loadStateDict({ position: 1, random: [0, 0, 0, 0] })).toThrow('for random state');
  });
});

describe('RandomState', () => {
  test('numbers never change: runs of earlier versions stay reproducible', () => {
    const random = RandomState.fromSeed(42);
    expect(Array.from({ length: 6 }, () => random.integer(1000))).toEqual([592, 431, 870, 430, 220, 37]);
    expect(random.uniform()).toBe(0.08324562809978353);
  });

  test('goes on from its words', () => {
    const random = RandomState.fromSeed(7);
    random.uniform();
    const copy = RandomState.fromWords(JSON.parse(JSON.stringify(random.words())));
    expect(Array.from({ length: 5 }, () => copy.uniform())).toEqual(
      Array.from({ length: 5 }, () => random.uniform()),
    );
  });

  test('is spread evenly', () => {
    const random = RandomState.fromSeed(0);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) counts[random.integer(10)]!++;
    // Five standard deviations of a binomial with n = 10,000 and p = 0.1.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  test('forks have their own numbers, neighbouring seeds too', () => {
    const random = RandomState.fromSeed(0);
    const streams = [random.fork(), random.fork(), RandomState.fromSeed(0), RandomState.fromSeed(1)];
    const drawn = streams.map((stream) => Array.from({ length: 4 }, () => stream.integer(2 ** 31)).join());
    expect(new Set(drawn).size).toBe(4);
  });

  test('refuses bounds that are no positive integer', () => {
    for (const bound of [0, -1, 1.5, Number.NaN]) {
      expect(() => RandomState.fromSeed(0).integer(bound)).toThrow('Expected a positive integer for bound');
    }
  });
});
