/** The tapes of a function: by signature, no more than so many, and those for more shapes. */
import { AGREEMENTS, type Entry } from './entry.ts';
import { GeneralTapes, type Inputs, type Recorded } from './generalTapes.ts';

/** So many signatures in a row that were never seen before are taken for shapes that do not come again. */
const STRANGERS = 64;

export class TapeCache<T> {
  readonly #size: number;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #general = new GeneralTapes<T>();
  #strangers = 0;

  /** @param size how many signatures are remembered; the one that was used longest ago makes room */
  constructor(size = 128) {
    this.#size = size;
  }

  /** The tape of a signature, or one for more shapes; it runs alone once it agreed often enough. */
  find(signature: string, inputs: () => Inputs): Entry<T> | undefined {
    const entry = this.#get(signature);
    if (entry !== undefined && entry.agreed >= AGREEMENTS) return entry;
    const general = this.#general.find(inputs());
    return entry === undefined || (general?.agreed ?? 0) >= AGREEMENTS ? general : entry;
  }

  /**
   * Keeps the first recording of a signature.
   *
   * @param compared the tape for more shapes that was run as well, with the same results if its operators are the same
   * @returns why nothing is compiled any more
   */
  add(
    signature: string,
    inputs: Inputs,
    { recorded, compared }: { readonly recorded: Recorded<T>; readonly compared?: Entry<T> | undefined },
  ): string | undefined {
    const { tape, found } = recorded;
    this.#entries.get(signature)?.tape.dispose();
    this.#entries.delete(signature);
    this.#entries.set(signature, { tape, found, agreed: 0, uses: 0, graph: true });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#size && oldest !== undefined) {
      this.#entries.get(oldest)?.tape.dispose();
      this.#entries.delete(oldest);
    }
    const lesson = this.#general.learn(inputs, recorded, compared);
    if (lesson === 'wrong') return 'goes other ways at some sizes than at those around them';
    this.#strangers = lesson === 'known' ? 0 : this.#strangers + 1;
    return this.#strangers < STRANGERS
      ? undefined
      : 'is called with ever other shapes: pad them to multiples of a number';
  }

  #get(signature: string): Entry<T> | undefined {
    const entry = this.#entries.get(signature);
    if (entry === undefined) return undefined;
    this.#strangers = 0;
    this.#entries.delete(signature);
    this.#entries.set(signature, entry);
    return entry;
  }

  dispose(): void {
    for (const { tape } of this.#entries.values()) tape.dispose();
    this.#entries.clear();
    this.#general.dispose();
  }
}
