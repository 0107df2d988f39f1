/** A made-up collection: words of a Zipfian vocabulary, the same for the same seed. */

import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

const WORDS = 200_000;
const LENGTH = 50;
const SYLLABLES =
  'ba co di fu ga ho ji ku la me ni po ra so ti vu xe za con tion ing er ly ation ness al ment s es ed'.split(
    ' ',
  );

/** Draws words by how frequent they are: the r-th of a share of 1 / (r + 2.7), as Mandelbrot has it. */
export class Words {
  #state: number;
  readonly #words: readonly string[];
  readonly #cumulative = new Float64Array(WORDS);

  constructor(seed: number) {
    this.#state = 1;
    const syllable = () => SYLLABLES[Math.floor(this.#random() * SYLLABLES.length)] as string;
    this.#words = Array.from({ length: WORDS }, () =>
      Array.from({ length: 2 + Math.floor(this.#random() * 3) }, syllable).join(''),
    );
    let total = 0;
    for (let rank = 0; rank < WORDS; rank++) {
      total += 1 / (rank + 2.7);
      this.#cumulative[rank] = total;
    }
    this.#state = seed;
  }

  text(length: number): string {
    return Array.from({ length }, () => this.#draw()).join(' ');
  }

  /** Of three or four words. */
  queries(count: number): string[] {
    return Array.from({ length: count }, () => this.text(this.#random() < 0.5 ? 3 : 4));
  }

  #draw(): string {
    const wanted = this.#random() * (this.#cumulative[WORDS - 1] as number);
    let low = 0;
    let high = WORDS - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#cumulative[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return this.#words[low] as string;
  }

  /** Mulberry32. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** One document a line. */
export async function writeCorpus(path: string, documents: number): Promise<void> {
  const words = new Words(7);
  const file = createWriteStream(path);
  for (let i = 0; i < documents; i++) if (!file.write(`${words.text(LENGTH)}\n`)) await once(file, 'drain');
  file.end();
  await once(file, 'finish');
}

export async function* readCorpus(path: string): AsyncGenerator<{ id: string; text: string }> {
  let number = 0;
  for await (const text of createInterface({ input: createReadStream(path) }))
    yield { id: `D${number++}`, text };
}
