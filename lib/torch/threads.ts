/** Settings of libtorch for the whole process. */

import { expected } from '../errors.ts';
import { native } from '../native.ts';

/** Threads inside one operator on the CPU. Results are equal to the bit between runs only with the same number. */
export function setNumThreads(threads: number): void {
  if (!Number.isInteger(threads) || threads < 1) throw expected('a positive integer', 'threads', threads);
  native().setNumThreads(threads);
}

/** Threads inside one operator on the CPU. */
export function getNumThreads(): number {
  return native().getNumThreads();
}

/** As this thread set it last: libtorch begins with neither. */
const deterministic = { mode: false, warnOnly: false };

/** Makes operators without a deterministic implementation fail, or warn with `warnOnly`. */
export function useDeterministicAlgorithms(
  mode: boolean,
  { warnOnly = false }: { warnOnly?: boolean } = {},
): void {
  native().setDeterministic(mode, warnOnly);
  Object.assign(deterministic, { mode, warnOnly });
}

/** Whether `useDeterministicAlgorithms` is on. */
export function areDeterministicAlgorithmsEnabled(): boolean {
  return deterministic.mode;
}

/** Whether operators without a deterministic implementation only warn. */
export function isDeterministicAlgorithmsWarnOnlyEnabled(): boolean {
  return deterministic.warnOnly;
}

/** The version of the libtorch that the addon was compiled against. */
export function version(): string {
  return native().version();
}
