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
  /** Uses since they were compared last. */
  uses: number;
  /** How often they were compared since it runs alone, and once before. */
  checks: number;
  /** Whether a graph may stand for it, of the device or below autograd: not where one gave something else. */
  graph: boolean;
  /** Whether it is for more shapes: then other operators than the function's are no problem, but of another tape. */
  readonly isGeneral?: boolean;
}
