/** Cases that are no race: losses that must be equal, and what only a process of ours has. */

import type { LossesCase, OwnCase } from './cases.ts';
import { measureOurs, measureReference, runProcess } from './process.ts';
import { median } from './statistics.ts';

/** Losses that are the same on all sides: the last one. Or why not. */
export type LossesOutcome = { readonly last: number } | { readonly problem: string };

/** A figure over several runs. */
export interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

interface Losses {
  readonly losses: readonly number[];
  /** Why steps were not compiled, for one. */
  readonly warnings?: readonly string[];
}

/** Trains three times: compiled, as ever, and in Python. */
export async function playLosses(
  { train, steps }: LossesCase,
  python: string,
  threads: number,
): Promise<LossesOutcome> {
  const compiled = await runProcess<Losses>(measureOurs('losses', train, steps, threads));
  const eager = await runProcess<Losses>(measureOurs('losses', train, steps, threads, 'eager'));
  const reference = await runProcess<Losses>(measureReference(python, 'losses', train, steps, threads));
  const warning = compiled.warnings?.[0];
  if (warning !== undefined) return { problem: warning };
  return compareLosses(compiled.losses, { 'as ever': eager.losses, Python: reference.losses }, steps);
}

/** @param others losses of the other sides, by their names */
export function compareLosses(
  compiled: readonly number[],
  others: Readonly<Record<string, readonly number[]>>,
  steps: number,
): LossesOutcome {
  for (const [name, losses] of Object.entries(others)) {
    for (let step = 0; step < steps; step++) {
      const [ours, theirs] = [compiled[step], losses[step]];
      if (ours === theirs && Number.isFinite(ours)) continue;
      return { problem: `losses differ at step ${step + 1}: compiled ${ours}, ${name} ${theirs}` };
    }
  }
  return { last: compiled[steps - 1] as number };
}

/** Each figure over runs of the process. */
export async function playOwn(
  { measure, train, steps, eager, rounds: asked }: OwnCase,
  { rounds = asked, threads }: { readonly rounds: number | undefined; readonly threads: number },
): Promise<ReadonlyMap<string, Figure>> {
  const values = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    const command = measureOurs(measure, train, steps, threads, ...(eager ? ['eager'] : []));
    const { wall: _, ...figures } = await runProcess<Record<string, number>>(command);
    for (const [name, value] of Object.entries(figures))
      values.set(name, [...(values.get(name) ?? []), value]);
  }
  return new Map(
    Array.from(values, ([name, all]) => [
      name,
      { median: median(all), min: Math.min(...all), max: Math.max(...all) },
    ]),
  );
}
