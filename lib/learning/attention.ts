/**
 * What others ask of a run while it goes on: to stop, or to save what there is.
 */

/** Whether something was asked for meanwhile. */
export type Awaited<T> = { readonly value: T } | undefined;

export class Attention {
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.#wake?.();
  #asksToSave = false;
  #wake: (() => void) | undefined;

  /** @param signal stops the run */
  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort);
  }

  /** Whether the run is to stop. */
  get isStopped(): boolean {
    return this.#signal?.aborted === true;
  }

  /** Whether the state is to be saved as soon as there is one. */
  get asksToSave(): boolean {
    return this.#asksToSave;
  }

  throwIfStopped(): void {
    this.#signal?.throwIfAborted();
  }

  /** Asks for a checkpoint. */
  askToSave(): void {
    this.#asksToSave = true;
    this.#wake?.();
  }

  /** It is being saved. */
  saves(): void {
    this.#asksToSave = false;
  }

  /** Calls the function, and no other one, when something is asked for. */
  wakes(wake: () => void): void {
    this.#wake = wake;
  }

  /**
   * Waits for one promise at a time, or until something is asked for: then the promise goes on, and may be waited for
   * again.
   *
   * @returns undefined where something is asked for and the promise is not there yet
   */
  until<T>(promise: Promise<T>): Promise<Awaited<T>> {
    // Promise.race would leave something behind on a promise that never comes, at every step.
    return new Promise((resolve, reject) => {
      const wake = () => resolve(undefined);
      this.wakes(wake);
      promise.then((value) => resolve({ value }), reject);
      if (this.isStopped || this.#asksToSave) setImmediate(wake);
    });
  }

  dispose(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#wake = undefined;
  }
}
