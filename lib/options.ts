/** Options by their names: one that is not known is refused, as it may be what a safety check was asked with. */
import { ArgumentError, expected } from './errors.ts';
import { nearest } from './nearest.ts';

/**
 * The options as they were given, where all are known.
 *
 * @param owner what takes them, for the message
 * @throws ArgumentError for what is no object, and for a name that is none of `known`, with the one that was probably meant
 */
export function checkOptions<T extends object>(owner: string, given: T, known: readonly string[]): T {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw expected('an object', `options of ${owner}`, given);
  const wrong = Object.keys(given).find((name) => !known.includes(name));
  if (wrong === undefined) return given;
  const { message } = expected(`one of ${known.join(', ')}`, `option name of ${owner}`, wrong);
  const meant = nearest(wrong, known);
  throw new ArgumentError(meant === undefined ? message : `${message}: did you mean ${meant}?`);
}
