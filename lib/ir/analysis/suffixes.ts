/** Suffixes of a stemmer's step, found without looking at all of them. */

/** A suffix and what is done about it. */
export type SuffixRule<T> = readonly [suffix: string, action: T];

/**
 * The rule of the longest suffix that a word ends in.
 *
 * @param rules by suffix; none may be empty
 */
export class SuffixTable<T> {
  /** By the last two characters (the last one for suffixes of one), longest first. */
  readonly #rules = new Map<number, SuffixRule<T>[]>();

  constructor(rules: readonly SuffixRule<T>[]) {
    for (const rule of [...rules].sort(([a], [b]) => b.length - a.length)) {
      const key = ending(rule[0], rule[0].length > 1);
      this.#rules.set(key, [...(this.#rules.get(key) ?? []), rule]);
    }
  }

  find(word: string): SuffixRule<T> | undefined {
    const longer = word.length > 1 ? this.#rules.get(ending(word, true)) : undefined;
    if (longer !== undefined) for (const rule of longer) if (word.endsWith(rule[0])) return rule;
    return this.#rules.get(ending(word, false))?.[0];
  }
}

function ending(word: string, two: boolean): number {
  const last = word.charCodeAt(word.length - 1);
  return two ? (word.charCodeAt(word.length - 2) << 16) | last : last;
}
