/**
 * Tapes for more shapes than were recorded. Recordings of one function that differ in numbers only are made into one
 * whose numbers follow from sizes. It stands for a shape that was never recorded once it agreed with the function at
 * several others, and there only: for sizes that it was compared at, or that lie between them once those are many.
 */
import type { Tensor } from '../tensor.ts';
import { AGREEMENTS, type Entry } from './entry.ts';
import { Tape } from './recording.ts';
import { SeenSizes } from './seenSizes.ts';

/** Shapes that a tape is made of at least, and at most. */
const FEWEST_SAMPLES = 3;
const MOST_SAMPLES = 12;
/** So many other shapes have to agree before it runs alone, where each size was among those. */
const AGREED_SHAPES = 3;
/** After so many it stands for the sizes between those compared. */
const MANY_SHAPES = 32;
/** How many steps of new shapes it makes alone before it is compared at one more. */
const RECHECK_AFTER = 100;
const MOST_FAMILIES = 8;
/** Ways in which a function can differ by shape, such as a branch for long texts. */
const MOST_WAYS = 4;

/** What a function is called with. */
export interface Inputs {
  readonly tensors: readonly Tensor[];
  /** Their signature without sizes. */
  readonly family: string;
}

export interface Recorded<T> {
  readonly tape: Tape;
  readonly found: T;
  /** Tells apart what may not be found at another shape. */
  readonly told: string;
}

/** What a recording of a new shape showed: `wrong` where a tape ran alone around there that should not have. */
export type Lesson = 'known' | 'new' | 'wrong';

export class GeneralTapes<T> {
  readonly #families = new Map<string, Family<T>>();

  /** The tape to try; its `agreed` tells whether it may run alone. */
  find({ tensors, family }: Inputs): Entry<T> | undefined {
    return this.#families.get(family)?.find(tensors);
  }

  /** @param compared the entry that was run as well, and whose results were the same if its operators are */
  learn({ tensors, family }: Inputs, recorded: Recorded<T>, compared: Entry<T> | undefined): Lesson {
    const known = this.#families.get(family) ?? new Family<T>();
    this.#families.delete(family);
    this.#families.set(family, known);
    const [oldest] = this.#families.keys();
    if (this.#families.size > MOST_FAMILIES && oldest !== undefined) {
      this.#families.get(oldest)?.dispose();
      this.#families.delete(oldest);
    }
    return known.learn(sizesOf(tensors), recorded, compared);
  }

  dispose(): void {
    for (const family of this.#families.values()) family.dispose();
    this.#families.clear();
  }
}

function sizesOf(tensors: readonly Tensor[]): number[] {
  return tensors.flatMap(({ shape }) => [...shape]);
}

/** The ways that a function goes for arguments that differ in sizes only. */
class Family<T> {
  readonly #ways: Way<T>[] = [];
  #isGivenUp = false;

  find(tensors: readonly Tensor[]): Entry<T> | undefined {
    const sizes = sizesOf(tensors);
    const ways = this.#ways.filter((way) => way.serves(tensors));
    return (ways.find((way) => way.spans(sizes)) ?? ways[0])?.take(sizes);
  }

  learn(sizes: readonly number[], recorded: Recorded<T>, compared: Entry<T> | undefined): Lesson {
    if (this.#isGivenUp) return 'new';
    let way = this.#ways.find((each) => each.accepts(recorded));
    if (way === undefined) {
      way = new Way<T>(recorded);
      this.#ways.push(way);
    }
    const lesson = way.learn(sizes, recorded, compared);
    // Where sizes of one way lie between those of another, nothing tells which way others go.
    const isMixed = this.#ways.some((each) => each !== way && each.meets(way));
    if (!isMixed && this.#ways.length <= MOST_WAYS) return lesson;
    const ranAlone = this.#ways.some((each) => each.ranAlone);
    this.dispose();
    return isMixed && ranAlone ? 'wrong' : 'new';
  }

  dispose(): void {
    this.#isGivenUp = true;
    for (const way of this.#ways.splice(0)) way.dispose();
  }
}

/** Recordings with the same operators, and the tape that was made of them. */
class Way<T> {
  readonly #first: Recorded<T>;
  readonly #samples: { readonly sizes: readonly number[]; readonly tape: Tape }[] = [];
  readonly #extent = new SeenSizes();
  #general: Tape | undefined;
  #seen = new SeenSizes();
  #agreed = 0;
  #uses = 0;
  #ranAlone = false;

  constructor(first: Recorded<T>) {
    this.#first = { ...first, tape: first.tape.share() };
  }

  get ranAlone(): boolean {
    return this.#ranAlone;
  }

  serves(tensors: readonly Tensor[]): boolean {
    return this.#general?.serves(tensors) === true;
  }

  spans(sizes: readonly number[]): boolean {
    return this.#extent.spans(sizes);
  }

  meets(other: Way<T>): boolean {
    return this.#extent.meets(other.#extent);
  }

  take(sizes: readonly number[]): Entry<T> {
    const covers = this.#agreed >= AGREED_SHAPES && this.#seen.covers(sizes, this.#agreed >= MANY_SHAPES);
    const isAlone = covers && this.#uses < RECHECK_AFTER;
    if (isAlone) {
      this.#uses++;
      this.#ranAlone = true;
    }
    const tape = this.#general as Tape;
    return {
      tape,
      found: this.#first.found,
      agreed: isAlone ? AGREEMENTS : 0,
      uses: 0,
      graph: false,
      isGeneral: true,
    };
  }

  /** Whether a recording is one of this way: what differs is explained, or may be once there are more of them. */
  accepts({ tape, told }: Recorded<T>): boolean {
    if (told !== this.#first.told || this.#first.tape.difference(tape, { butForNumbers: true }) !== '')
      return false;
    return this.#agreed < AGREED_SHAPES || !this.#general?.servesThoseOf(tape) || this.#explains(tape);
  }

  learn(sizes: readonly number[], { tape }: Recorded<T>, compared: Entry<T> | undefined): Lesson {
    this.#extent.add(sizes);
    if (this.#explains(tape)) {
      if (compared?.tape === this.#general) {
        this.#seen.add(sizes);
        this.#agreed++;
        this.#uses = 0;
      }
      return 'known';
    }
    // It was guessed wrongly, from what was there by chance.
    if (this.#general?.servesThoseOf(tape)) this.#forget();
    if (this.#samples.length < MOST_SAMPLES) {
      this.#samples.push({ sizes, tape: tape.share() });
      this.#generalise();
    }
    return 'new';
  }

  dispose(): void {
    this.#forget();
    this.#first.tape.dispose();
    for (const { tape } of this.#samples.splice(0)) tape.dispose();
  }

  #explains(tape: Tape): boolean {
    return this.#general?.difference(tape) === '';
  }

  #generalise(): void {
    if (new Set(this.#samples.map(({ sizes }) => sizes.join())).size < FEWEST_SAMPLES) return;
    const general = Tape.generalise(this.#samples.map(({ tape }) => tape));
    if (general === undefined) return;
    this.#forget();
    this.#general = general;
    for (const { sizes } of this.#samples) this.#seen.add(sizes);
  }

  #forget(): void {
    this.#general?.dispose();
    this.#general = undefined;
    this.#seen = new SeenSizes();
    this.#agreed = 0;
    this.#uses = 0;
  }
}
