/** Integer expressions of C++ over sizes, as AOTInductor writes them into its wrappers: `2L*s0 + arg0_1_size[1]`. */

export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'name'; readonly name: string; readonly index: number | undefined }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'call'; readonly fn: (values: readonly number[]) => number; readonly args: Expression };

/** What a name stands for, or an element of it; undefined for what is not known. */
export type Lookup = (name: string, index: number | undefined) => number | undefined;

const OPERATORS: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => Math.trunc(a / b),
  '%': (a, b) => a % b,
};
const LEVELS = [
  ['+', '-'],
  ['*', '/', '%'],
];
const FUNCTIONS: Readonly<Record<string, (values: readonly number[]) => number>> = {
  static_cast: ([value = Number.NaN]) => value,
  'std::max': (values) => Math.max(...values),
  'std::min': (values) => Math.min(...values),
  'c10::div_floor_integer': ([a = Number.NaN, b = Number.NaN]) => Math.floor(a / b),
};
const TOKEN = /\s*(?:(\d+)(?:U?LL?)?|([A-Za-z_][\w:]*)|(.))/y;

interface Token {
  readonly kind: 'number' | 'name' | 'sign' | 'end';
  readonly text: string;
}

/** The expression that a text is; undefined for one of another kind. */
export function parseExpression(text: string): Expression | undefined {
  try {
    const reader = new Reader(tokens(text));
    const expression = reader.sum();
    return reader.next().kind === 'end' ? expression : undefined;
  } catch (error) {
    if (error instanceof NoExpression) return undefined;
    throw error;
  }
}

/** Its value; undefined where a name is not known. */
export function evaluate(expression: Expression, lookup: Lookup): number | undefined {
  switch (expression.kind) {
    case 'number':
      return expression.value;
    case 'name':
      return lookup(expression.name, expression.index);
    case 'list':
      return undefined;
    case 'call': {
      const values = itemsOf(expression.args).map((each) => evaluate(each, lookup));
      if (values.includes(undefined)) return undefined;
      return expression.fn(values as number[]);
    }
  }
}

/** The expressions in a list; the expression itself where it is none. */
export function itemsOf(expression: Expression): readonly Expression[] {
  return expression.kind === 'list' ? expression.items : [expression];
}

class NoExpression extends Error {}

const DEEPEST = 64;

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  next(): Token {
    return this.#tokens[this.#at++] ?? { kind: 'end', text: '' };
  }

  sum(level = 0): Expression {
    if (level === LEVELS.length) return this.#single();
    let left = this.sum(level + 1);
    while (LEVELS[level]?.includes(this.#peek())) {
      const operator = OPERATORS[this.next().text] as (a: number, b: number) => number;
      const items = [left, this.sum(level + 1)];
      left = call(([a, b]) => operator(a as number, b as number), items);
    }
    return left;
  }

  #peek(): string {
    return this.#tokens[this.#at]?.text ?? '';
  }

  #single(): Expression {
    if (++this.#depth > DEEPEST) throw new NoExpression();
    const single = this.#operand();
    this.#depth--;
    return single;
  }

  #operand(): Expression {
    const { kind, text } = this.next();
    if (kind === 'number') return { kind, value: Number(text) };
    if (kind === 'name') return this.#named(text);
    if (text === '-') return call(([value = Number.NaN]) => -value, [this.#single()]);
    if (text === '{') return { kind: 'list', items: this.#until('}') };
    if (text !== '(') throw new NoExpression();
    const [inner, ...more] = this.#until(')');
    if (inner === undefined || more.length > 0) throw new NoExpression();
    return inner;
  }

  #named(name: string): Expression {
    if (this.#peek() === '[') {
      this.next();
      const { kind, text } = this.next();
      if (kind !== 'number' || this.next().text !== ']') throw new NoExpression();
      return { kind: 'name', name, index: Number(text) };
    }
    // The type of `std::max<int64_t>({a, b})` changes nothing.
    if (this.#peek() === '<') {
      const [, type, end] = [this.next(), this.next(), this.next()];
      if (type.kind !== 'name' || end.text !== '>') throw new NoExpression();
    }
    if (this.#peek() !== '(') return { kind: 'name', name, index: undefined };
    this.next();
    const fn = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (fn === undefined) throw new NoExpression();
    return call(fn, this.#until(')').flatMap(itemsOf));
  }

  #until(end: string): Expression[] {
    const items: Expression[] = [];
    while (this.#peek() !== end) {
      items.push(this.sum());
      if (this.#peek() === ',') this.next();
      else if (this.#peek() !== end) throw new NoExpression();
    }
    this.next();
    return items;
  }
}

function call(fn: (values: readonly number[]) => number, items: readonly Expression[]): Expression {
  return { kind: 'call', fn, args: { kind: 'list', items } };
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const [, number, name, sign] = match;
    if (number !== undefined) found.push({ kind: 'number', text: number });
    else if (name !== undefined) found.push({ kind: 'name', text: name });
    else found.push({ kind: 'sign', text: sign as string });
  }
  return found;
}
