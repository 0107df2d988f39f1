/**
 * JSON as a file format needs it: no key twice, no half of a character, and integers only where they were written as such.
 *
 * `JSON.parse` keeps the last of two equal keys and takes `1.0` and `1e0` for 1, so that two readers can see two
 * different files in one. Objects become maps here, which have no `__proto__`.
 */
export type StrictJson =
  | string
  | number
  | boolean
  | null
  | NoInteger
  | StrictJson[]
  | Map<string, StrictJson>;

/** A number that is no safe integer, as it was written. */
export class NoInteger {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Whether a string has no UTF-8 form. */
export function isBroken(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

/** Why a text is refused. */
export class JsonSyntaxError extends SyntaxError {
  readonly reason: 'not JSON' | 'not UTF-8' | 'duplicate key';
  constructor(reason: JsonSyntaxError['reason'], message: string) {
    super(message);
    this.name = 'JsonSyntaxError';
    this.reason = reason;
  }
}

const DEEPEST = 64;
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** @throws JsonSyntaxError where the text is not exactly one JSON value, with space around it. */
export function parseStrictJson(text: string): StrictJson {
  return new Reader(text).whole();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): StrictJson {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#error('the end');
    return value;
  }

  #value(depth: number): StrictJson {
    if (depth > DEEPEST) throw this.#error(`at most ${DEEPEST} levels`);
    this.#space();
    const next = this.#text[this.#at];
    if (next === '{') return this.#object(depth);
    if (next === '[') return this.#array(depth);
    if (next === '"') return this.#string();
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    return this.#number();
  }

  #object(depth: number): Map<string, StrictJson> {
    const entries = new Map<string, StrictJson>();
    this.#list('}', () => {
      this.#space();
      const key = this.#string();
      if (entries.has(key))
        throw new JsonSyntaxError('duplicate key', `the key ${JSON.stringify(key.slice(0, 60))} twice`);
      this.#space();
      this.#take(':');
      entries.set(key, this.#value(depth + 1));
    });
    return entries;
  }

  #array(depth: number): StrictJson[] {
    const values: StrictJson[] = [];
    this.#list(']', () => values.push(this.#value(depth + 1)));
    return values;
  }

  /** Members between a bracket and `end`, with commas between. */
  #list(end: '}' | ']', member: () => void): void {
    this.#at += 1;
    this.#space();
    if (this.#text[this.#at] === end) {
      this.#at += 1;
      return;
    }
    for (;;) {
      member();
      this.#space();
      if (this.#text[this.#at] === end) break;
      this.#take(',');
    }
    this.#at += 1;
  }

  /** From quote to quote by hand: a regular expression would need stack for each character of a long name. */
  #string(): string {
    if (this.#text[this.#at] !== '"') throw this.#error('a string');
    let end = this.#at;
    for (;;) {
      end = this.#text.indexOf('"', end + 1);
      if (end < 0) throw this.#error('a quote that ends the string');
      let slashes = 0;
      while (this.#text[end - 1 - slashes] === '\\') slashes += 1;
      if (slashes % 2 === 0) break;
    }
    const value = this.#unescaped(end + 1);
    if (isBroken(value))
      throw new JsonSyntaxError('not UTF-8', `half a surrogate pair in the string at character ${this.#at}`);
    this.#at = end + 1;
    return value;
  }

  #unescaped(end: number): string {
    try {
      return JSON.parse(this.#text.slice(this.#at, end)) as string;
    } catch {
      throw this.#error('a string');
    }
  }

  #number(): number | NoInteger {
    NUMBER.lastIndex = this.#at;
    const text = NUMBER.exec(this.#text)?.[0];
    if (text === undefined) throw this.#error('a value');
    this.#at += text.length;
    const value = Number(text);
    return Number.isSafeInteger(value) && String(value) === text ? value : new NoInteger(text);
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #take(mark: string): void {
    if (this.#text[this.#at] !== mark) throw this.#error(`'${mark}'`);
    this.#at += 1;
  }

  #error(what: string): JsonSyntaxError {
    return new JsonSyntaxError('not JSON', `${what} was expected at character ${this.#at}`);
  }
}
