import { expect } from '@jest/globals';
import type { SerializableIterator } from '../../lib/learning/index.ts';

/** The end of a pass, among items. */
export const END = '(end)';

/** Items and ends of passes, as many calls of `next`. */
export async function loop(iterator: SerializableIterator<unknown>, calls: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (let i = 0; i < calls; i++) {
    const { done, value } = await iterator.next();
    seen.push(done === true ? END : value);
  }
  return seen;
}

/** That many items, of one pass. */
export async function take(iterator: SerializableIterator<unknown>, count: number): Promise<unknown[]> {
  const items = await loop(iterator, count);
  expect(items).not.toContain(END);
  return items;
}

/** The rest of a pass. */
export async function all<T>(iterator: SerializableIterator<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterator) items.push(item);
  return items;
}

/**
 * Interrupted after any number of calls up to `upTo`, the rest is the same as without: in a new iterator and in the one
 * that went on. The states go through JSON.
 */
export async function expectResumable(
  make: () => SerializableIterator<unknown>,
  upTo: number,
  calls: number,
): Promise<void> {
  const uninterrupted = make();
  const whole = await loop(uninterrupted, upTo + calls);
  await uninterrupted.close();
  expect(new Set(whole.map((each) => JSON.stringify(each))).size).toBeGreaterThan(2);
  const first = make();
  for (let taken = 0; taken <= upTo; taken++) {
    const state = JSON.parse(JSON.stringify(first.stateDict())) as unknown;
    const expected = whole.slice(taken, taken + calls);
    const second = make();
    second.loadStateDict(state);
    expect(await loop(second, calls)).toEqual(expected);
    second.loadStateDict(state);
    expect(await loop(second, calls)).toEqual(expected);
    await second.close();
    await first.next();
  }
  await first.close();
}
