/** What SIGTERM and SIGINT do in a job: the task may finish what it must, and the job counts as cancelled. */
import { ENDING_SIGNALS, type EndingSignal, exitCodeOf } from '../endingSignals.ts';

export class Cancelled extends Error {
  readonly code: number;

  constructor(signal: EndingSignal) {
    super(`The job was cancelled by ${signal}`);
    this.name = 'Cancelled';
    this.code = exitCodeOf(signal);
  }
}

export class Cancellation {
  readonly #controller = new AbortController();
  #watched = false;
  #cancelled: Cancelled | undefined;

  /** @param end called at once for a task that does not watch the signal, and at the second request for any other */
  constructor(end: (cancelled: Cancelled) => void) {
    for (const name of ENDING_SIGNALS) {
      process.on(name, () => {
        const again = this.#cancelled !== undefined;
        this.#cancelled ??= new Cancelled(name);
        this.#controller.abort(this.#cancelled);
        if (again || !this.#watched) end(this.#cancelled);
      });
    }
  }

  /** Fires at the first request. */
  get signal(): AbortSignal {
    this.#watched = true;
    return this.#controller.signal;
  }

  /** Set once the job is to end, whatever the task says then. */
  get cancelled(): Cancelled | undefined {
    return this.#cancelled;
  }
}
