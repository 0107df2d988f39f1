/** A tape with what belongs to it. */
import type { Tape } from './recording.ts';

/** How often a tape and its function have to agree before it stands for it. */
export const AGREEMENTS = 2;

export interface Entry<T> {
  readonly tape: Tape;
  /** What was found beside the tape. */
  readonly found: T;
  /** How often results were compared, and were the same. */
  agreed: number;
  /** Runs alone since they were compared last. */
  uses: number;
  /** Whether a graph may stand for it, of the device or below autograd: not where one gave something else. */
  graph: boolean;
  /** Whether it is for more shapes: then other operators than the function's are no problem, but of another tape. */
  readonly isGeneral?: boolean;
}

/** After so many runs alone a tape is compared once more, and again; from then on after as many as the last. */
const INTERVALS: readonly number[] = [8, 32, 128, 512];
const LONGEST_INTERVAL = 1000;

/** Whether a tape that runs alone is to be compared once more. Those for more shapes have a rule of their own. */
export function isDue({ agreed, uses, isGeneral }: Entry<unknown>): boolean {
  return isGeneral !== true && uses >= (INTERVALS[agreed - AGREEMENTS] ?? LONGEST_INTERVAL);
}
