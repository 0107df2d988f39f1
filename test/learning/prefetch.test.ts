import { execFileSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { types } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import {
  EndlessIterator,
  type IteratorOrigin,
  PrefetchIterator,
  RandomState,
  type SerializableIterator,
} from '../../lib/learning/index.ts';
import { prefetchBatches } from '../../lib/learning/prefetch.ts';
import { expectResumable, loop, take } from './iteratorContract.ts';
import { LineSampler } from './prefetched.ts';
import { ToyTrainer, toyLearner, toyModel, toySampler } from './toy.ts';

const module = new URL('./prefetched.ts', import.meta.url).href;
const origin = (name: string, options?: unknown): IteratorOrigin => ({ module, name, options });

async function closing<T>(iterator: SerializableIterator<unknown>, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } finally {
    await iterator.close();
  }
}

describe('prefetching', () => {
  const sampler = new LineSampler({ count: 10 });
  const prefetched = (capacity = 3) =>
    prefetchBatches(sampler, { random: RandomState.fromSeed(1), batchSize: 4, capacity });

  test('gives the same items with the same states as without, pass after pass', async () => {
    const plain = new EndlessIterator(sampler.batches(RandomState.fromSeed(1), 4));
    const ahead = prefetched();
    await closing(ahead, async () => {
      for (let i = 0; i < 12; i++) {
        expect((await ahead.next()).value).toEqual((await plain.next()).value);
        expect(ahead.stateDict()).toEqual(plain.stateDict());
      }
      expect(plain.passes).toBeGreaterThan(2);
    });
  });

  test('goes on from any state as if nothing had happened', async () => {
    await expectResumable(prefetched, 4, 4);
  });

  test('the state is of what was taken, whatever was made', async () => {
    const made = new SharedArrayBuffer(4);
    const counter = new Int32Array(made);
    const iterator = new PrefetchIterator(origin('counting', { made }), { capacity: 5 });
    await closing(iterator, async () => {
      expect(iterator.stateDict()).toBeNull();
      expect(await take(iterator, 2)).toEqual([0, 1]);
      while (Atomics.load(counter, 0) < 7) await new Promise((resolve) => setTimeout(resolve, 5));
      // Five wait, and no further one is made.
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(Atomics.load(counter, 0)).toBe(7);
      expect(iterator.stateDict()).toEqual({ pass: 0, position: 2 });
    });
    // Closed, it keeps its place.
    expect(await take(iterator, 2)).toEqual([2, 3]);
    await iterator.close();
  });

  test('ends passes as the iterator in the thread does, and waits for one that is made later', async () => {
    const iterator = new PrefetchIterator(origin('later', { end: 2 }));
    await closing(iterator, async () => {
      expect(await loop(iterator, 7)).toEqual([0, 1, '(end)', 0, 1, '(end)', 0]);
    });
  });

  test('an error comes after the items before it, with its class, code, cause and stack', async () => {
    const iterator = new PrefetchIterator(origin('failing', { at: 2, how: 'planned' }));
    expect(await take(iterator, 2)).toEqual([0, 1]);
    const error = (await iterator.next().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )) as RangeError & { code: string };
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ name: 'RangeError', message: 'as planned', code: 'ERR_PLANNED' });
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(error.stack).toMatch(/RangeError: as planned\n(.|\n)*prefetched\.ts/);
    // It is tried again, not forgotten.
    await expect(iterator.next()).rejects.toThrow('as planned');
    await iterator.close();
  });

  test.each([
    ['thrown string', 'just text'],
    ['exit', expect.objectContaining({ message: 'prefetch: its thread ended by itself, with code 7' })],
    [
      'class',
      expect.objectContaining({
        message:
          'prefetch: expected plain data, which can go to another thread, but item is an object of class Record',
        code: 'ERR_ARGUMENT',
      }),
    ],
    [
      'function',
      expect.objectContaining({ message: expect.stringContaining('but item.nested[0] is a function') }),
    ],
  ])('%s', async (how, error) => {
    const iterator = new PrefetchIterator(origin('failing', { at: 1, how }));
    expect(await take(iterator, 1)).toEqual([0]);
    await expect(iterator.next()).rejects.toEqual(error);
    await iterator.close();
  });

  test.each([
    ['missing', 'exports no function missing'],
    ['nothing', 'returned no SerializableIterator'],
  ])('a thread that begins wrongly: %s', async (name, message) => {
    const iterator = new PrefetchIterator(origin(name));
    await expect(iterator.next()).rejects.toThrow(message);
    await iterator.close();
  });

  test('a wrong state is refused with the next item', async () => {
    const iterator = new PrefetchIterator(origin('counting', {}));
    iterator.loadStateDict({ pass: 0.5, position: 0 });
    await expect(iterator.next()).rejects.toThrow(
      'Expected an integer of at least 0 for pass but received 0.5',
    );
    iterator.loadStateDict({ pass: 0, position: 4 });
    expect(await take(iterator, 1)).toEqual([4]);
    await iterator.close();
  });

  test('one item at a time', async () => {
    const iterator = new PrefetchIterator(origin('counting', {}));
    await closing(iterator, async () => {
      const first = iterator.next();
      await expect(iterator.next()).rejects.toThrow(
        'prefetch: expected a call of next once the item before is there',
      );
      expect(await first).toEqual({ done: false, value: 0 });
      expect(await iterator.next()).toEqual({ done: false, value: 1 });
    });
  });

  test('a module that is not there is an error', async () => {
    const missing = new URL('./missing.ts', import.meta.url).href;
    const error: unknown = await new PrefetchIterator({ module: missing, name: 'counting' }).next().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(types.isNativeError(error)).toBe(true);
    expect((error as Error).message).toMatch(/missing\.ts/);
  });

  test('refuses what no thread could make', () => {
    expect(() => new PrefetchIterator(origin('counting', { fn: () => 1 }))).toThrow(
      'origin.options.fn is a function',
    );
    expect(() => new PrefetchIterator(origin('counting'), { capacity: 0 })).toThrow(
      'for capacity but received 0',
    );
    expect(() =>
      prefetchBatches(toySampler(), { random: RandomState.fromSeed(0), batchSize: 1, capacity: 1 }),
    ).toThrow('sampler: expected a configuration that a job can make again, received ShuffledSampler');
  });

  test('a run trains on the same batches, to the same weights, with or without', async () => {
    const weights: unknown[] = [];
    const seen: unknown[] = [];
    for (const prefetch of [0, 4]) {
      const model = toyModel();
      const trainer = new ToyTrainer({ sampler, prefetch });
      await toyLearner({ model, trainer, maxEpochs: 2, stepsPerEpoch: 6 }).run({ progress: false });
      weights.push(model.weight.tolist());
      seen.push(trainer.seen);
    }
    expect(seen[1]).toEqual(seen[0]);
    expect(weights[1]).toEqual(weights[0]);
  });

  const script = (body: string) => `
    import { PrefetchIterator } from ${JSON.stringify(new URL('../../lib/learning/prefetch.ts', import.meta.url).href)};
    const iterator = new PrefetchIterator({ module: ${JSON.stringify(module)}, name: 'counting', options: { end: 1e9 } });
    ${body}`;
  const tsx = pathToFileURL(
    fileURLToPath(new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url)),
  ).href;
  const run = (body: string) =>
    execFileSync(process.execPath, ['--import', tsx, '--input-type=module', '--eval', script(body)], {
      encoding: 'utf8',
      timeout: 30_000,
    });

  test('who waits for an item keeps the process alive; an abandoned iterator does not', () => {
    expect(run('console.log((await iterator.next()).value, (await iterator.next()).value);')).toBe('0 1\n');
  });

  test('an iterator that was collected takes its thread with it', () => {
    const collected = run(`
      import { readdirSync } from 'node:fs';
      import { setFlagsFromString } from 'node:v8';
      import { runInNewContext } from 'node:vm';
      setFlagsFromString('--expose-gc');
      const gc = runInNewContext('gc');
      const threads = () => readdirSync('/proc/self/task').length;
      await iterator.next();
      const before = threads();
      await new PrefetchIterator({ module: ${JSON.stringify(module)}, name: 'counting', options: { end: 1e9 } }).next();
      const during = threads();
      for (let i = 0; i < 200 && threads() > before; i++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        gc();
      }
      console.log(during > before, threads() <= before, (await iterator.next()).value);`);
    expect(collected).toBe('true true 1\n');
  });
});
