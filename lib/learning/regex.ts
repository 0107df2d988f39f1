import { types } from 'node:util';
import { wrong } from '../experiment/accept.ts';

/**
 * A regular expression from the text that a configuration holds; it is found anywhere, and `u` is its only flag.
 *
 * @param at where the text stands, for the message
 */
export function regex(source: string, at: string): RegExp {
  try {
    return new RegExp(source, 'u');
  } catch (error) {
    const reason = types.isNativeError(error) ? error.message : String(error);
    throw wrong(at, `a regular expression (${reason})`, source);
  }
}
