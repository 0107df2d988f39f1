/** How much work the tests of durability do, and how one that failed is run again. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from '@jest/globals';
import { type Random, seeded } from '../robustness/random.ts';

/** `XPMIR_DURABILITY=full`: many times as many cases. */
export const full = process.env.XPMIR_DURABILITY === 'full';

/** Of all that is random; `XPMIR_SEED` gives another one. */
export const seed = Number(process.env.XPMIR_SEED ?? 20261127);

/** Random numbers of one case: the same ones, whatever other cases there are. */
export function randomOf(...which: readonly number[]): Random {
  const mix = (mixed: number, number: number) =>
    Math.imul(mixed ^ (mixed >>> 15) ^ (number + 1), 0x9e3779b1) ^ number;
  return seeded(which.reduce(mix, seed));
}

/** The command that runs a test as it ran. @param file `import.meta.url` of it */
export function reproduce(file: string, name: string): string {
  const path = relative(fileURLToPath(new URL('../..', import.meta.url)), fileURLToPath(file));
  const amount = full ? 'XPMIR_DURABILITY=full ' : '';
  const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return `${amount}XPMIR_SEED=${seed} npm run jest -- ${path} -t "${pattern}"`;
}

export type Repeatable = (name: string, body: () => unknown, timeout?: number) => void;

/** A test that says when it fails how to run it again. @param file `import.meta.url` of where it is */
export function repeatable(file: string, declare: typeof test | typeof test.skip = test): Repeatable {
  return (name, body, timeout = full ? 3_600_000 : 300_000) => {
    const run = async () => {
      try {
        await body();
      } catch (error) {
        throw new Error(`failed with seed ${seed}; again: ${reproduce(file, name)}`, { cause: error });
      }
    };
    declare(name, run, timeout);
  };
}

/** Tells how much a test did. */
export function tell(what: string): void {
  process.stderr.write(`    ${what}\n`);
}
