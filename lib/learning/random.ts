/**
 * Seeded random numbers whose state can be saved.
 */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { expected } from '../errors.ts';
import { config } from '../experiment/config.ts';
import { declarationOf } from '../experiment/declaration.ts';
import { param } from '../experiment/parameters.ts';
import { beforeObjects } from '../experiment/preparation.ts';
import { int } from '../experiment/types.ts';
import { manualSeed } from '../torch/random.ts';

/** The four words of a generator. */
export type RandomWords = readonly number[];

/** Where randomness comes from: a seed, default 0. */
export class Random extends config(import.meta, 'xpmir.learning.base.Random', {
  seed: param(int, { default: 0, ignoreDefault: true }),
}) {
  #state: RandomState | undefined;

  /** The stream of all who hold this object. */
  get state(): RandomState {
    this.#state ??= this.newState();
    return this.#state;
  }

  /** Where that stream is; null before anybody drew from it. */
  stateDict(): RandomWords | null {
    return this.#state?.words() ?? null;
  }

  loadStateDict(words: RandomWords | null): void {
    if (words === null) this.#state = undefined;
    else this.state.restore(words);
  }

  /** A stream of its own that begins with the seed, as each run of a learner takes one. */
  newState(): RandomState {
    return RandomState.fromSeed(this.seed);
  }
}

/** A stream of random numbers: xoroshiro128+, its four words filled from the seed by splitmix64. */
export class RandomState {
  #generator: RandomGenerator;

  private constructor(words: RandomWords) {
    this.#generator = xoroshiro128plusFromState(words);
  }

  /** The same numbers for the same seed; neighbouring seeds have nothing in common. */
  static fromSeed(seed: number): RandomState {
    const words: number[] = [];
    let state = BigInt(seed);
    for (let i = 0; i < 2; i++) {
      state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
      let z = state;
      z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
      z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
      z ^= z >> 31n;
      words.push(Number(z >> 32n) | 0, Number(z & 0xffffffffn) | 0);
    }
    return new RandomState(words);
  }

  /** Goes on where `words()` was taken. */
  static fromWords(words: RandomWords): RandomState {
    const state = new RandomState(xoroshiro128plus(0).getState());
    state.restore(words);
    return state;
  }

  /** The state, to be restored later. */
  words(): RandomWords {
    return [...this.#generator.getState()];
  }

  restore(words: RandomWords): void {
    const valid = Array.isArray(words) && words.length === 4 && words.every((word) => Number.isInteger(word));
    if (!valid || words.every((word) => word === 0))
      throw expected('four integers, not all zero', 'random state', words);
    this.#generator = xoroshiro128plusFromState(words);
  }

  /** An integer in [0, bound). */
  integer(bound: number): number {
    if (!Number.isSafeInteger(bound) || bound < 1) throw expected('a positive integer', 'bound', bound);
    return uniformInt(this.#generator, 0, bound - 1);
  }

  /** A number in [0, 1) with 53 random bits. */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.integer(items.length)] as T;
  }

  /** Shuffles in place (Fisher and Yates) and returns the same array. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const item = items[i] as T;
      items[i] = items[j] as T;
      items[j] = item;
    }
    return items;
  }

  /** A stream of its own, seeded from this one. */
  fork(): RandomState {
    return RandomState.fromSeed(this.integer(Number.MAX_SAFE_INTEGER));
  }
}

// Layers draw their first weights where they are made, which in a job is before anything runs: from the seed of its task.
beforeObjects(({ objects }) => {
  const { id } = declarationOf(Random.prototype)!;
  const random = objects.find((object) => object.class === id);
  if (random !== undefined)
    manualSeed(RandomState.fromSeed(Number(random.values.seed ?? 0)).integer(2 ** 32));
});
