/** Takes a measure's name apart: `nDCG(dcg='exp-log2')@10` is a family, parameters and what stands after @. */

/** A value as ir_measures, so Python, writes it. */
export type Value = number | string | boolean | ReadonlyMap<number, number>;

export interface ScannedName {
  readonly family: string;
  readonly parameters: ReadonlyMap<string, Value>;
  /** The number after @. */
  readonly at: number | undefined;
}

/** What is wrong with a name, to stand behind "but received ...:". */
export class NameError extends Error {}

/** @throws NameError for what is no such name */
export function scanName(text: string): ScannedName {
  const scanner = new Scanner(text);
  const family = scanner.word("a measure's name");
  const parameters = new Map<string, Value>();
  if (scanner.take('(') && !scanner.take(')')) {
    do {
      const name = scanner.word("a parameter's name");
      if (parameters.has(name)) throw new NameError(`parameter ${name} is there twice`);
      scanner.expect('=');
      parameters.set(name, scanner.value());
    } while (scanner.take(','));
    scanner.expect(')');
  }
  const at = scanner.take('@') ? scanner.number() : undefined;
  scanner.end();
  return { family, parameters, at };
}

const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/y;
const QUOTED = /'[^']*'|"[^"]*"/y;

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  word(what: string): string {
    return this.#match(WORD) ?? this.#fail(what);
  }

  number(): number {
    return Number(this.#match(NUMBER) ?? this.#fail('a number'));
  }

  value(): Value {
    const quoted = this.#match(QUOTED);
    if (quoted !== undefined) return quoted.slice(1, -1);
    if (this.take('True')) return true;
    if (this.take('False')) return false;
    return this.take('{') ? this.#pairs() : this.number();
  }

  #pairs(): Map<number, number> {
    const pairs = new Map<number, number>();
    if (this.take('}')) return pairs;
    do {
      const key = this.number();
      this.expect(':');
      pairs.set(key, this.number());
    } while (this.take(','));
    this.expect('}');
    return pairs;
  }

  take(sign: string): boolean {
    this.#space();
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  expect(sign: string): void {
    if (!this.take(sign)) this.#fail(`"${sign}"`);
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) this.#fail('the end of the name');
  }

  #match(pattern: RegExp): string | undefined {
    this.#space();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #space(): void {
    while (this.#text[this.#at] === ' ') this.#at++;
  }

  #fail(what: string): never {
    const rest = this.#text.slice(this.#at);
    throw new NameError(`${what} should stand ${rest === '' ? 'at its end' : `where "${rest}" begins`}`);
  }
}
