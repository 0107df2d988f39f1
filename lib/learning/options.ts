/**
 * Reading constructor options: every value is checked, and what is wrong is named by its path.
 */
import { ArgumentError, show } from '../errors.ts';

/** Checks one value and gives it its type; `path` says where it stands, such as `learner.optimizers[1]`. */
export type Reader<T> = (value: unknown, path: string) => T;

type Read<F> = { readonly [K in keyof F]: F[K] extends Reader<infer T> ? T : never };

/** `learner.maxEpochs: expected a positive integer, received "10"`. */
export function wrong(path: string, what: string, received: unknown): ArgumentError {
  return new ArgumentError(`${path}: expected ${what}, received ${show(received)}`);
}

/**
 * Reads the options of a constructor.
 *
 * @param owner what the options belong to, such as `learner`; the first part of every path
 * @param fields a reader for each option there is
 * @throws ArgumentError for a value of the wrong kind, and for an option that does not exist
 */
export function readOptions<F extends Readonly<Record<string, Reader<unknown>>>>(
  owner: string,
  options: unknown,
  fields: F,
): Read<F> {
  if (typeof options !== 'object' || options === null) throw wrong(owner, 'an object of options', options);
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(fields, name)) throw unknownOption(owner, name, Object.keys(fields));
  }
  const given = options as Readonly<Record<string, unknown>>;
  const entries = Object.entries(fields).map(([name, read]) => [name, read(given[name], `${owner}.${name}`)]);
  return Object.fromEntries(entries) as Read<F>;
}

/** The value, or the default where nothing was given. */
export function optional<T, D>(read: Reader<T>, otherwise: D): Reader<T | D> {
  return (value, path) => (value === undefined ? otherwise : read(value, path));
}

export function integer({ min = -Infinity }: { readonly min?: number } = {}): Reader<number> {
  const what =
    min === 1 ? 'a positive integer' : min === -Infinity ? 'an integer' : `an integer of at least ${min}`;
  return (value, path) => {
    if (!Number.isSafeInteger(value) || (value as number) < min) throw wrong(path, what, value);
    return value as number;
  };
}

export function number({ min = -Infinity, max = Infinity } = {}): Reader<number> {
  const range = max < Infinity ? ` from ${min} to ${max}` : min > -Infinity ? ` of at least ${min}` : '';
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < min || value > max) {
      throw wrong(path, `a number${range}`, value);
    }
    return value;
  };
}

export function boolean(): Reader<boolean> {
  return (value, path) => {
    if (typeof value !== 'boolean') throw wrong(path, 'a boolean', value);
    return value;
  };
}

export function text(): Reader<string> {
  return (value, path) => {
    if (typeof value !== 'string' || value === '') throw wrong(path, 'a string that is not empty', value);
    return value;
  };
}

/** An instance of a class. */
export function instance<T>(kind: abstract new (...args: never[]) => T): Reader<T> {
  const what = `${/^[AEIOU]/.test(kind.name) ? 'an' : 'a'} ${kind.name}`;
  return (value, path) => {
    if (!(value instanceof kind)) throw wrong(path, what, value);
    return value;
  };
}

export function method<T extends (...args: never[]) => unknown>(): Reader<T> {
  return (value, path) => {
    if (typeof value !== 'function') throw wrong(path, 'a function', value);
    return value as T;
  };
}

/** An array, each element read by `read`; `atLeastOne` says what must not be missing. */
export function list<T>(
  read: Reader<T>,
  { atLeastOne }: { readonly atLeastOne?: string } = {},
): Reader<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw wrong(path, 'an array', value);
    if (atLeastOne !== undefined && value.length === 0)
      throw wrong(path, `at least one ${atLeastOne}`, value);
    return Object.freeze(value.map((each, i) => read(each, `${path}[${i}]`)));
  };
}

/** A plain object, each value read by `read`. */
export function record<T>(read: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw wrong(path, 'an object', value);
    return Object.freeze(
      Object.fromEntries(
        Object.entries(value).map(([key, each]) => [key, read(each, `${path}[${JSON.stringify(key)}]`)]),
      ),
    );
  };
}

function unknownOption(owner: string, name: string, known: readonly string[]): ArgumentError {
  const close = known.find((each) => distance(each.toLowerCase(), name.toLowerCase()) <= 2);
  const hint = close === undefined ? `there are ${known.join(', ')}` : `did you mean ${close}?`;
  return new ArgumentError(`${owner}.${name}: no such option, ${hint}`);
}

/** Edits that lead from one word to the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
