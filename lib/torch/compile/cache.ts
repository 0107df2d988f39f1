/** The tapes of a function by signature, no more than so many. */
import type { Tape } from './recording.ts';

/** How often a tape and its function have to agree before it stands for it. */
export const AGREEMENTS = 2;
/** So many signatures in a row that were never seen before are taken for shapes that do not come again. */
const STRANGERS = 64;

export interface Entry<T> {
  readonly tape: Tape;
  /** What was found beside the tape. */
  readonly found: T;
  /** How often results were compared, and were the same. */
  agreed: number;
  /** Uses since they were compared last. */
  uses: number;
}

export class TapeCache<T> {
  readonly #size: number;
  readonly #entries = new Map<string, Entry<T>>();
  #strangers = 0;

  /** @param size how many signatures are remembered; the one that was used longest ago makes room */
  constructor(size = 128) {
    this.#size = size;
  }

  get(signature: string): Entry<T> | undefined {
    const entry = this.#entries.get(signature);
    if (entry === undefined) return undefined;
    this.#strangers = 0;
    this.#entries.delete(signature);
    this.#entries.set(signature, entry);
    return entry;
  }

  /** @returns false once too many signatures came that did not come again */
  add(signature: string, tape: Tape, found: T): boolean {
    this.#entries.get(signature)?.tape.dispose();
    this.#entries.delete(signature);
    this.#entries.set(signature, { tape, found, agreed: 0, uses: 0 });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#size && oldest !== undefined) {
      this.#entries.get(oldest)?.tape.dispose();
      this.#entries.delete(oldest);
    }
    return ++this.#strangers < STRANGERS;
  }

  dispose(): void {
    for (const { tape } of this.#entries.values()) tape.dispose();
    this.#entries.clear();
  }
}
