import { describe, expect, test } from '@jest/globals';
import {
  BatchIteratorAdapter,
  EndlessIterator,
  InfiniteSkippingIterator,
  Random,
  RandomizedSerializableIterator,
  RandomSerializableIterator,
  RandomState,
  type SerializableIterator,
  SerializableIteratorAdapter,
  SerializableIteratorTransform,
  ShuffledIterator,
  SkippingIterator,
} from '../../lib/learning/index.ts';
import { all, expectResumable, loop, take } from './iteratorContract.ts';

const TEN = Array.from({ length: 10 }, (_, i) => i);
const shuffled = (seed: number) => new ShuffledIterator(TEN, RandomState.fromSeed(seed));

async function* later<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) {
    await new Promise(setImmediate);
    yield item;
  }
}

/** Two for each even number: one of several, and several of one. */
async function* evenTwice(items: AsyncIterable<number>): AsyncGenerator<string> {
  for await (const item of items) {
    if (item % 2 === 1) continue;
    yield `${item}a`;
    yield `${item}b`;
  }
}

/** One of each kind, over ten items. */
const KINDS: Record<string, () => SerializableIterator<unknown>> = {
  skipping: () => new SkippingIterator((pass) => TEN.map((i) => 100 * pass + i)),
  'skipping in an async source': () => new SkippingIterator((pass) => later([pass, 10 * pass, 20])),
  shuffled: () => shuffled(1),
  random: () =>
    new RandomSerializableIterator(RandomState.fromSeed(5), function* (random) {
      for (;;) yield [random.integer(100), random.pick(TEN)];
    }),
  transform: () => new SerializableIteratorTransform(shuffled(2), (item) => `<${item}>`),
  randomized: () =>
    new RandomizedSerializableIterator(shuffled(2), RandomState.fromSeed(3), async (item, random) => [
      item,
      random.integer(1000),
    ]),
  adapter: () => new SerializableIteratorAdapter(shuffled(6), evenTwice),
  'adapter that puts three into one': () =>
    new SerializableIteratorAdapter(shuffled(7), async function* (items) {
      let sum: number[] = [];
      for await (const item of items) {
        sum.push(item);
        if (sum.length < 3) continue;
        yield sum;
        sum = [];
      }
    }),
  batch: () => new BatchIteratorAdapter(shuffled(4), 3),
  endless: () => new EndlessIterator(new BatchIteratorAdapter(shuffled(4), 4)),
  'infinite skipping': () => new InfiniteSkippingIterator((pass) => TEN.map((i) => 100 * pass + i)),
};

describe('serializable iterators', () => {
  test.each(Object.entries(KINDS))(
    '%s goes on from any state as if nothing had happened',
    async (_, make) => {
      await expectResumable(make, 32, 15);
    },
  );

  test.each(Object.entries(KINDS).filter(([name]) => !/^(random|endless|infinite skipping)$/.test(name)))(
    '%s: one loop is one pass',
    async (_, make) => {
      const iterator = make();
      const passes = [await all(iterator), await all(iterator), await all(iterator)];
      expect(passes[0]!.length).toBeGreaterThan(2);
      expect(passes.map(({ length }) => length)).toEqual(passes.map(() => passes[0]!.length));
      expect(await all(make())).toEqual(passes[0]);
    },
  );

  test('a shuffled pass has every item once, and passes differ', async () => {
    const iterator = shuffled(0);
    const [first, second] = [await all(iterator), await all(iterator)];
    expect([...first].sort()).toEqual(TEN);
    expect([...second].sort()).toEqual(TEN);
    expect(second).not.toEqual(first);
  });

  test('batches end with their pass, the last one shorter, and no batch is empty', async () => {
    const iterator = new BatchIteratorAdapter(new SkippingIterator(() => TEN.slice(0, 7)), 3);
    expect(await all(iterator)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect(await all(iterator)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    const even = new BatchIteratorAdapter(new SkippingIterator(() => TEN.slice(0, 4)), 2);
    expect(await all(even)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(() => new BatchIteratorAdapter(iterator, 0)).toThrow('Expected a positive integer for size');
  });

  test('skipping tells the pass to its source, and the state counts within the pass', async () => {
    const iterator = new SkippingIterator((pass) => [`${pass}a`, `${pass}b`]);
    expect(await all(iterator)).toEqual(['0a', '0b']);
    expect((await iterator.next()).value).toBe('1a');
    expect(iterator.stateDict()).toEqual({ pass: 1, position: 1 });
  });

  test('at exhaustion the next pass begins, and passes are counted across a resumption', async () => {
    const make = () => new InfiniteSkippingIterator(() => ['a', 'b', 'c']);
    const iterator = make();
    expect(await take(iterator, 7)).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
    expect(iterator.passes).toBe(2);
    expect(iterator.stateDict()).toEqual({ passes: 2, inner: { pass: 2, position: 1 } });
    const resumed = make();
    resumed.loadStateDict(iterator.stateDict());
    expect(await take(resumed, 3)).toEqual(['b', 'c', 'a']);
    expect(resumed.passes).toBe(3);
  });

  test('what is skipped is not transformed', async () => {
    const fetched: number[] = [];
    const make = () =>
      new SerializableIteratorTransform(new SkippingIterator(() => TEN), async (item) => {
        fetched.push(item);
        return `text ${item}`;
      });
    const first = make();
    await take(first, 6);
    fetched.length = 0;
    const second = make();
    second.loadStateDict(first.stateDict());
    expect(await take(second, 2)).toEqual(['text 6', 'text 7']);
    expect(fetched).toEqual([6, 7]);
  });

  test('an empty source is an error, not an endless search', async () => {
    const iterator = new EndlessIterator(new SkippingIterator(() => []));
    await expect(iterator.next()).rejects.toThrow('received none in a whole pass');
  });

  test('a source that became shorter is an error', async () => {
    const iterator = new SkippingIterator(() => ['only']);
    iterator.loadStateDict({ pass: 0, position: 2 });
    await expect(iterator.next()).rejects.toThrow(
      'The source has 1 items in pass 0, fewer than the 2 that were taken before',
    );
  });

  test('a generator is ended when another place is loaded', async () => {
    let open = 0;
    const iterator = new SkippingIterator(function* () {
      open++;
      try {
        yield* TEN;
      } finally {
        open--;
      }
    });
    await take(iterator, 2);
    expect(open).toBe(1);
    iterator.loadStateDict({ pass: 0, position: 0 });
    expect(open).toBe(0);
    expect(await take(iterator, 1)).toEqual([0]);
    await iterator.close();
    expect(open).toBe(0);
    expect(await take(iterator, 1)).toEqual([1]);
  });

  describe.each(Object.entries(KINDS))('%s refuses', (_, make) => {
    test.each([[null], [{}], [[]], ['text'], [{ pass: -1, position: 0, random: [1, 2], inner: null }]])(
      '%j and stays where it is',
      async (state) => {
        const [iterator, other] = [make(), make()];
        await loop(iterator, 4);
        await loop(other, 4);
        const attempt = () => iterator.loadStateDict(state as never);
        expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }) as never);
        expect(attempt).toThrow(/^Expected /);
        expect(await loop(iterator, 5)).toEqual(await loop(other, 5));
      },
    );
  });

  test('refuses states of a longer list and of no generator', () => {
    const iterator = shuffled(0);
    const { random } = iterator.stateDict();
    expect(() => iterator.loadStateDict({ position: 11, random })).toThrow(
      'Expected at most 10 for position',
    );
    expect(() => iterator.loadStateDict({ position: 1, random: [0, 0, 0, 0] })).toThrow('for random state');
  });
});

describe('Random', () => {
  test('has a seed, 0 by default, and a stream that those who hold it share', () => {
    expect(new Random().seed).toBe(0);
    const random = new Random({ seed: 3 });
    const numbers = [random.state.integer(1000), random.state.integer(1000)];
    const own = random.newState();
    expect([own.integer(1000), own.integer(1000)]).toEqual(numbers);
    expect(() => new Random({ seed: 0.5 })).toThrow('random.seed: expected an integer, received 0.5');
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
