/**
 * Batches by their number of tokens instead of their number of texts.
 */
import { ArgumentError, expected } from '../errors.ts';

export interface TokenBudgetOptions {
  /** Of a batch: its texts times the length of the longest, padding included. */
  readonly maxTokens: number;
  /** To what lengths are padded; 1 by default. */
  readonly padToMultipleOf?: number;
  /** Texts of a batch; no bound by default. */
  readonly maxTexts?: number;
}

/**
 * Texts of like lengths together: by length, those of one length in their order, each batch as large as the budget lets it.
 *
 * @param lengths tokens of each text
 * @returns for each batch the places of its texts in `lengths`
 * @throws ArgumentError for a text that is longer than a whole batch may be
 */
export function tokenBudgetBatches(lengths: readonly number[], options: TokenBudgetOptions): number[][] {
  const { maxTokens, padToMultipleOf: multiple, maxTexts } = checked(options);
  const padded = lengths.map((length, i) => {
    if (!Number.isSafeInteger(length) || length < 0)
      throw expected('an integer of at least 0', `lengths[${i}]`, length);
    const tokens = Math.max(1, Math.ceil(length / multiple)) * multiple;
    if (tokens <= maxTokens) return tokens;
    throw new ArgumentError(`Expected at most ${maxTokens} tokens for lengths[${i}] but received ${length}`);
  });
  const order = padded.map((_, i) => i).sort((a, b) => lengths[a]! - lengths[b]!);
  const batches: number[][] = [];
  let batch: number[] = [];
  for (const place of order) {
    const full = batch.length === maxTexts || (batch.length + 1) * (padded[place] as number) > maxTokens;
    if (full || batches.length === 0) {
      batch = [];
      batches.push(batch);
    }
    batch.push(place);
  }
  return batches;
}

/**
 * The same within windows of items, one window after the other: what a SerializableIteratorAdapter adapts with, so that the
 * order does not depend on where a run went on. Batches of a window come from short texts to long ones.
 *
 * @param lengthOf tokens of an item
 * @param window items that are taken at once; 1024 by default
 * @throws ArgumentError for an item that is longer than a whole batch may be
 */
export function tokenBudget<T>(
  lengthOf: (item: T) => number,
  { window = 1024, ...options }: TokenBudgetOptions & { readonly window?: number },
): (items: AsyncIterable<T>) => AsyncGenerator<readonly T[], void, undefined> {
  if (typeof lengthOf !== 'function') throw expected('a function', 'lengthOf', lengthOf);
  if (!Number.isSafeInteger(window) || window < 1) throw expected('a positive integer', 'window', window);
  checked(options);
  return async function* batches(items) {
    let taken: T[] = [];
    for await (const item of items) {
      taken.push(item);
      if (taken.length < window) continue;
      yield* grouped(taken);
      taken = [];
    }
    yield* grouped(taken);
  };

  function grouped(items: readonly T[]): (readonly T[])[] {
    const places = tokenBudgetBatches(items.map(lengthOf), options);
    return places.map((batch) => batch.map((place) => items[place] as T));
  }
}

function checked({
  maxTokens,
  padToMultipleOf = 1,
  maxTexts = Number.MAX_SAFE_INTEGER,
}: TokenBudgetOptions): Required<TokenBudgetOptions> {
  for (const [name, value] of Object.entries({ maxTokens, padToMultipleOf, maxTexts })) {
    if (!Number.isSafeInteger(value) || value < 1) throw expected('a positive integer', name, value);
  }
  return { maxTokens, padToMultipleOf, maxTexts };
}
