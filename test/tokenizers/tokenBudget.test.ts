import { describe, expect, test } from '@jest/globals';
import { SerializableIteratorAdapter } from '../../lib/learning/iteratorAdapters.ts';
import { SkippingIterator } from '../../lib/learning/skippingIterators.ts';
import { tokenBudget, tokenBudgetBatches } from '../../lib/tokenizers/tokenBudget.ts';

describe('batches by tokens', () => {
  test('texts of like lengths together, in their order where they are of one length', () => {
    const lengths = [5, 1, 5, 3, 1, 9, 0];
    expect(tokenBudgetBatches(lengths, { maxTokens: 10 })).toEqual([[6, 1, 4], [3, 0], [2], [5]]);
    expect(tokenBudgetBatches(lengths, { maxTokens: 16, padToMultipleOf: 4 })).toEqual([
      [6, 1, 4, 3],
      [0, 2],
      [5],
    ]);
    expect(tokenBudgetBatches(lengths, { maxTokens: 100, maxTexts: 3 })).toEqual([[6, 1, 4], [3, 0, 2], [5]]);
    expect(tokenBudgetBatches([], { maxTokens: 1 })).toEqual([]);
  });

  test('every text once, none over the budget', () => {
    const lengths = Array.from({ length: 500 }, (_, i) => (i * 7919) % 61);
    const batches = tokenBudgetBatches(lengths, { maxTokens: 256, padToMultipleOf: 8 });
    expect(batches.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
    for (const batch of batches) {
      const longest = Math.max(...batch.map((place) => lengths[place]!));
      expect(batch.length * Math.ceil(longest / 8) * 8).toBeLessThanOrEqual(256);
    }
  });

  test('wrong options and texts that are too long', () => {
    expect(() => tokenBudgetBatches([1], { maxTokens: 0 })).toThrow(
      'a positive integer for maxTokens but received 0',
    );
    expect(() => tokenBudgetBatches([1, 9], { maxTokens: 8 })).toThrow(
      'at most 8 tokens for lengths[1] but received 9',
    );
    expect(() => tokenBudgetBatches([5], { maxTokens: 7, padToMultipleOf: 4 })).toThrow('at most 7 tokens');
    expect(() => tokenBudgetBatches([-1], { maxTokens: 8 })).toThrow('lengths[0]');
    expect(() => tokenBudget(() => 1, { maxTokens: 8, window: 0 })).toThrow('window');
  });
});

describe('an iterator of such batches', () => {
  const texts = Array.from({ length: 50 }, (_, i) => 'x'.repeat(1 + ((i * 37) % 13)));
  const open = () =>
    new SerializableIteratorAdapter(
      new SkippingIterator(() => texts),
      tokenBudget((text: string) => text.length, { maxTokens: 30, window: 16 }),
    );

  test('goes on where it was, to the same batches', async () => {
    const whole: unknown[] = [];
    for await (const batch of open()) whole.push(batch);
    expect(whole.flat().sort()).toEqual([...texts].sort());
    const first = open();
    for (let i = 0; i < 7; i++) expect((await first.next()).value).toEqual(whole[i]);
    const second = open();
    second.loadStateDict(first.stateDict());
    for (let i = 7; i < whole.length; i++) expect((await second.next()).value).toEqual(whole[i]);
    expect((await second.next()).done).toBe(true);
  });
});
