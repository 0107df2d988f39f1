/** Long work in one thread, in parts short enough for everything else to go on. */
import { setImmediate } from 'node:timers/promises';

/** Milliseconds after which others have their turn. */
const TURN = 12;

/** Gives others their turn, and sees whether the work is still wanted. */
export class Turns {
  readonly #signal: AbortSignal | undefined;
  readonly #between: () => void;
  #last = performance.now();

  /** @param between called at each turn */
  constructor(signal: AbortSignal | undefined, between: () => void = () => {}) {
    this.#signal = signal;
    this.#between = between;
  }

  /** A promise when it is time. @throws the signal's reason */
  take(): Promise<void> | undefined {
    this.#signal?.throwIfAborted();
    return performance.now() - this.#last > TURN ? this.#give() : undefined;
  }

  async #give(): Promise<void> {
    this.#between();
    await setImmediate();
    this.#signal?.throwIfAborted();
    this.#last = performance.now();
  }

  /** Does all parts of a work. */
  async through<T, R>(
    parts: Generator<T, R>,
    each: (part: T) => Promise<void> | void = () => {},
  ): Promise<R> {
    for (;;) {
      const { done, value } = parts.next();
      if (done === true) return value;
      await each(value);
      await this.take();
    }
  }
}

/** Does all parts of a work at once. */
export function atOnce<T, R>(parts: Generator<T, R>, each: (part: T) => void = () => {}): R {
  for (;;) {
    const { done, value } = parts.next();
    if (done === true) return value;
    each(value);
  }
}
