/**
 * Saves checkpoints while training goes on: one at a time, of copies.
 */
import type { CheckpointStore, Note, Position } from './checkpoint.ts';
import type { Snapshot } from './snapshot.ts';

/** What a run does when a checkpoint cannot be saved and others are to come. */
export type SaveErrors = 'continue' | 'stop';

export interface CheckpointWriterOptions<P extends Position> {
  readonly store: CheckpointStore;
  readonly errors: SaveErrors;
  /** Called once a checkpoint is on the disk. */
  saved(position: P, path: string): void;
  failed(position: P, error: unknown): void;
}

export class CheckpointWriter<P extends Position> {
  readonly #options: CheckpointWriterOptions<P>;
  #writing: Promise<void> = Promise.resolve();
  #isBusy = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: CheckpointWriterOptions<P>) {
    this.#options = options;
  }

  /** Whether one is being written. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /**
   * Begins to save, once the one before is done.
   *
   * @param take makes what is saved; undefined where that is no longer needed
   * @throws what went wrong with the one before, where errors stop the run
   */
  async save(position: P, take: () => Snapshot | undefined, note: Note): Promise<void> {
    while (this.#isBusy) await this.#writing;
    if (this.#options.errors === 'stop') this.#throw();
    const snapshot = take();
    if (snapshot === undefined) return;
    this.#failure = undefined;
    this.#isBusy = true;
    this.#writing = this.#write(position, snapshot, note);
  }

  /** Waits until all is on the disk. @throws what went wrong with the last one */
  async settle(): Promise<void> {
    while (this.#isBusy) await this.#writing;
    this.#throw();
  }

  async #write(position: P, snapshot: Snapshot, note: Note): Promise<void> {
    const { store, saved, failed } = this.#options;
    try {
      saved(position, await store.save(position, snapshot, note));
    } catch (error) {
      this.#failure = { error };
      failed(position, error);
    } finally {
      this.#isBusy = false;
      snapshot.dispose();
    }
  }

  #throw(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
