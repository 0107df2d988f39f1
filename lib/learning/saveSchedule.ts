/** When a checkpoint is saved in the middle of an epoch. */
import type { Attention } from './attention.ts';

export interface SaveIntervals {
  /** Every so many optimizer steps; 0: never. */
  readonly checkpointSteps: number;
  /** Every so many minutes; 0: never. */
  readonly checkpointMinutes: number;
}

export class SaveSchedule {
  readonly #intervals: SaveIntervals;
  readonly #attention: Attention;
  #savedAt = 0;
  #savedSteps = 0;
  #steps = 0;

  constructor(intervals: SaveIntervals, attention: Attention) {
    this.#intervals = intervals;
    this.#attention = attention;
  }

  /** The time begins. @param steps made before */
  begin(steps: number): void {
    this.#savedAt = performance.now();
    this.#savedSteps = steps;
  }

  /** Whether to save after so many steps: since the last time a multiple of the interval was passed, or the time. */
  isDue(steps: number): boolean {
    this.#steps = steps;
    const { checkpointSteps, checkpointMinutes } = this.#intervals;
    if (this.#attention.asksToSave) return true;
    if (
      checkpointSteps > 0 &&
      Math.floor(steps / checkpointSteps) > Math.floor(this.#savedSteps / checkpointSteps)
    )
      return true;
    return checkpointMinutes > 0 && performance.now() - this.#savedAt >= checkpointMinutes * 60_000;
  }

  /** The state after the steps that were asked about is being saved. */
  saves(): void {
    this.#attention.saves();
    this.begin(this.#steps);
  }
}
