import { expected } from '../errors.ts';

/**
 * The elements of an array or another iterable, each checked as it is read: neither an endless iterator nor an array
 * of 2^32 holes is read to its end.
 */
export function elements<T>(
  values: unknown,
  name: string,
  what: string,
  fits: (value: unknown) => value is T,
): T[] {
  if (typeof values !== 'object' || values === null || !(Symbol.iterator in values))
    throw expected(`an iterable of ${what}`, name, values);
  const result: T[] = [];
  for (const value of values as Iterable<unknown>) {
    if (!fits(value)) throw expected(what, `an element of ${name}`, value);
    result.push(value);
  }
  return result;
}
