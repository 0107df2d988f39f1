/**
 * Identifiers that must be there: what a file says of others is not lost in silence.
 */
import { ArgumentError, expected, show } from '../../errors.ts';

/** What there is, such as a Set, a Map or a document store. */
export interface Membership {
  has(id: string): boolean;
}

export interface JoinOptions {
  /** The topics that there are; not looked at by default. */
  readonly topics?: Membership;
  /** The documents that there are; not looked at by default. */
  readonly documents?: Membership;
  /** Whether what names others is an error (the default), or left out and counted. */
  readonly missing?: 'refuse' | 'drop';
}

/** What was left out. */
export interface Dropped {
  /** Lines, or records. */
  readonly records: number;
  /** Different topics that are not there. */
  readonly topics: number;
  /** Different documents that are not there. */
  readonly documents: number;
}

export const JOIN_OPTIONS = ['topics', 'documents', 'missing'] as const;

export class Join {
  readonly #options: JoinOptions;
  readonly #drops: boolean;
  readonly #topics = new Set<string>();
  readonly #documents = new Set<string>();
  #records = 0;
  #taken = 0;
  /** What is said of the first that is missing, with its place. */
  #first: string | undefined;

  constructor(options: JoinOptions) {
    const { topics, documents, missing = 'refuse' } = options;
    for (const [name, value] of Object.entries({ topics, documents }))
      if (value !== undefined && typeof value?.has !== 'function')
        throw expected('something with has(id)', name, value);
    if (missing !== 'refuse' && missing !== 'drop') throw expected('refuse or drop', 'missing', missing);
    this.#options = options;
    this.#drops = missing === 'drop';
  }

  /**
   * Whether all are there. What is not is counted, to be dropped or to be told by `finish`.
   *
   * @param place of what names them, where nobody else will tell it
   */
  takes(topic: string, documents: readonly string[], place?: () => string): boolean {
    const { topics, documents: known } = this.#options;
    const lacksTopic = topics?.has(topic) === false;
    const lacking = known === undefined ? [] : documents.filter((id) => !known.has(id));
    if (!lacksTopic && lacking.length === 0) {
      this.#taken++;
      return true;
    }
    const missing = lacksTopic ? `topic ${show(topic)}` : `document ${show(lacking[0])}`;
    this.#first ??= `${place === undefined ? '' : `${place()}: `}${missing} is not in the collection`;
    this.#records++;
    if (lacksTopic) this.#topics.add(topic);
    for (const id of lacking) this.#documents.add(id);
    return false;
  }

  /** As `takes`, where one that is missing is an error at once. */
  takesNow(topic: string, documents: readonly string[]): boolean {
    const takes = this.takes(topic, documents);
    if (!takes && !this.#drops) throw new ArgumentError(this.#first as string, 'ERR_FILE');
    return takes;
  }

  /** @throws ArgumentError when something is missing that is not to be dropped, or when that is all there was */
  finish(): void {
    if (this.#first === undefined || (this.#drops && this.#taken > 0)) return;
    const { records, topics, documents } = this.dropped;
    if (this.#drops)
      throw new ArgumentError(
        `${this.#first}; nor is what any other line names: nothing would be left of ${records} lines`,
        'ERR_FILE',
      );
    throw new ArgumentError(
      `${this.#first}; in all ${topics} topics and ${documents} documents are not, on ${records} lines. ` +
        "With missing: 'drop' they are left out",
      'ERR_FILE',
    );
  }

  get dropped(): Dropped {
    return { records: this.#records, topics: this.#topics.size, documents: this.#documents.size };
  }
}
