/**
 * How long training stood still because the next batch was not there.
 */
import { stepsIdleFor } from '../torch/compile/stepPlan.ts';

/**
 * Of the time in which a batch is made, what counts is when no step was computed, here or on the thread of steps. What a
 * trainer prepares inside of its step is of the step.
 */
export class DataWait {
  #waited = 0;
  #beganAt = 0;
  #computing = 0;
  #restedAt = 0;

  /** An epoch begins. */
  begin(): void {
    this.#waited = 0;
    this.#beganAt = performance.now();
    this.#restedAt = this.#beganAt;
  }

  /** The share of the time since `begin`. */
  get share(): number {
    const elapsed = performance.now() - this.#beganAt;
    return elapsed > 0 ? this.#waited / elapsed : 0;
  }

  /** Gives what makes a batch. */
  async making<T>(make: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const made = await make();
    const now = performance.now();
    const rested = this.#computing > 0 ? 0 : now - this.#restedAt;
    this.#waited += Math.max(0, Math.min(now - startedAt, rested, stepsIdleFor()));
    return made;
  }

  /** Computes a step on this thread. */
  async computing<T>(compute: () => Promise<T>): Promise<T> {
    this.#computing++;
    try {
      return await compute();
    } finally {
      this.#computing--;
      this.#restedAt = performance.now();
    }
  }
}
