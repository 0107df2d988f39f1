/** Reads the text of an operator's schema, as libtorch prints it, into a structure. Anything unknown is an error. */

export type SchemaType =
  | { readonly kind: 'base'; readonly name: string }
  | { readonly kind: 'optional'; readonly element: SchemaType }
  | { readonly kind: 'list'; readonly element: SchemaType; readonly size?: number }
  | { readonly kind: 'tuple'; readonly elements: readonly SchemaType[] }
  | { readonly kind: 'generic'; readonly name: string; readonly parameters: readonly SchemaType[] };

/** `Tensor(a!)` is the alias set `a`, written; `Tensor(a -> *)` is `a`, which escapes into a list. */
export interface Alias {
  readonly sets: readonly string[];
  readonly write: boolean;
}

export type DefaultValue = null | boolean | number | string | readonly DefaultValue[];

export interface SchemaArgument {
  readonly name: string;
  readonly type: SchemaType;
  readonly kwargOnly: boolean;
  readonly alias?: Alias;
  /** Absent: the argument is required. `null` stands for None. */
  readonly default?: DefaultValue;
}

export interface SchemaReturn {
  readonly name?: string;
  readonly type: SchemaType;
  readonly alias?: Alias;
}

export interface Schema {
  readonly text: string;
  readonly namespace: string;
  readonly name: string;
  readonly overload: string;
  readonly arguments: readonly SchemaArgument[];
  readonly returns: readonly SchemaReturn[];
  /** It takes or gives any number of values (`...`), so nothing is known about them. */
  readonly variadic: boolean;
}

const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*/y;
const DOTTED = /[A-Za-z_][A-Za-z0-9_.]*/y;
const NUMBER = /-?(?:inf|nan|\d+(?:\.\d*)?(?:e[+-]?\d+)?)/y;
const STRING = /"((?:[^"\\]|\\.)*)"/y;
const ALIAS = /\(([a-z*]+(?:\|[a-z*]+)*)(!?)(?: -> [a-z*|!]+)?\)/y;

/** Walks over one schema text; every reader takes what it names or throws. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  fail(wanted: string): never {
    throw new SyntaxError(`Expected ${wanted} at column ${this.#at + 1} of the schema: ${this.#text}`);
  }

  skip(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  take(token: string): void {
    if (!this.skip(token)) this.fail(`"${token}"`);
  }

  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#at = pattern.lastIndex;
    return found;
  }

  need(pattern: RegExp, wanted: string): string {
    return this.match(pattern)?.[0] ?? this.fail(wanted);
  }

  end(): void {
    if (this.#at !== this.#text.length) this.fail('the end');
  }
}

export function parseSchema(text: string): Schema {
  const reader = new Reader(text);
  const namespace = reader.need(IDENTIFIER, 'a namespace');
  reader.take('::');
  const name = reader.need(IDENTIFIER, 'an operator name');
  const overload = reader.skip('.') ? reader.need(IDENTIFIER, 'an overload name') : '';
  const { values, variadic } = readArguments(reader);
  reader.take(' -> ');
  const returns = readReturns(reader);
  reader.end();
  return {
    text,
    namespace,
    name,
    overload,
    arguments: values,
    returns: returns ?? [],
    variadic: variadic || returns === undefined,
  };
}

function readArguments(reader: Reader): { values: SchemaArgument[]; variadic: boolean } {
  const values: SchemaArgument[] = [];
  let kwargOnly = false;
  let variadic = false;
  reader.take('(');
  if (reader.skip(')')) return { values, variadic };
  do {
    if (reader.skip('...')) variadic = true;
    else if (reader.skip('*')) kwargOnly = true;
    else values.push(readArgument(reader, kwargOnly));
  } while (reader.skip(', '));
  reader.take(')');
  return { values, variadic };
}

function readArgument(reader: Reader, kwargOnly: boolean): SchemaArgument {
  const { type, alias } = readType(reader);
  reader.take(' ');
  const name = reader.need(IDENTIFIER, 'an argument name');
  const given = reader.skip('=') ? { default: readDefault(reader) } : {};
  return { name, type, kwargOnly, ...(alias && { alias }), ...given };
}

function readReturns(reader: Reader): SchemaReturn[] | undefined {
  if (reader.skip('...')) return undefined;
  if (!reader.skip('(')) return [readReturn(reader)];
  const returns: SchemaReturn[] = [];
  if (reader.skip(')')) return returns;
  do returns.push(readReturn(reader));
  while (reader.skip(', '));
  reader.take(')');
  return returns;
}

function readReturn(reader: Reader): SchemaReturn {
  const { type, alias } = readType(reader);
  const name = reader.skip(' ') ? { name: reader.need(IDENTIFIER, 'a result name') } : {};
  return { type, ...name, ...(alias && { alias }) };
}

function readType(reader: Reader): { type: SchemaType; alias?: Alias } {
  let type = readPlainType(reader);
  let alias: Alias | undefined;
  for (;;) {
    const marked = reader.match(ALIAS);
    if (marked) alias = { sets: marked[1]!.split('|'), write: marked[2] === '!' };
    else if (reader.skip('?')) type = { kind: 'optional', element: type };
    else if (reader.skip('[]')) type = { kind: 'list', element: type };
    else if (reader.skip('[')) {
      type = { kind: 'list', element: type, size: Number(reader.need(/\d+/y, 'a size')) };
      reader.take(']');
    } else return { type, ...(alias && { alias }) };
  }
}

function readPlainType(reader: Reader): SchemaType {
  if (reader.skip('(')) return { kind: 'tuple', elements: readTypes(reader) };
  const name = reader.need(DOTTED, 'a type');
  if ((name === 'Dict' || name === 'Future' || name === 'Await' || name === 'RRef') && reader.skip('('))
    return { kind: 'generic', name, parameters: readTypes(reader) };
  return { kind: 'base', name };
}

function readTypes(reader: Reader): SchemaType[] {
  const types: SchemaType[] = [];
  do types.push(readType(reader).type);
  while (reader.skip(', '));
  reader.take(')');
  return types;
}

function readDefault(reader: Reader): DefaultValue {
  if (reader.skip('[')) {
    const values: DefaultValue[] = [];
    if (reader.skip(']')) return values;
    do values.push(readDefault(reader));
    while (reader.skip(', '));
    reader.take(']');
    return values;
  }
  const quoted = reader.match(STRING);
  if (quoted) return quoted[1]!.replace(/\\(.)/g, '$1');
  const number = reader.match(NUMBER);
  if (number) return Number(number[0].replace('inf', 'Infinity'));
  const word = reader.need(IDENTIFIER, 'a default value');
  if (word === 'None') return null;
  if (word === 'True' || word === 'False') return word === 'True';
  return reader.fail('a default value that is known');
}
