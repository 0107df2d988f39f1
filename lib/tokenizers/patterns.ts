/**
 * Regular expressions of a tokenizer.json, and splitting by them.
 */

import { ArgumentError } from '../errors.ts';
import { type Fields, fault } from './fields.ts';
import { SplitPreTokenizer } from './library.ts';

const LONGEST = 10_000;

/** What becomes of the parts that matched. */
export const BEHAVIORS = [
  'Removed',
  'Isolated',
  'Contiguous',
  'MergedWithPrevious',
  'MergedWithNext',
] as const;
export type Behavior = (typeof BEHAVIORS)[number];

export function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}

const SPACE = /\p{White_Space}/u;

/** Where `text.slice(0, end)` ends without the space at its end. */
export function endWithoutSpace(text: string, end: number): number {
  let at = end;
  while (at > 0 && SPACE.test(text[at - 1] as string)) at--;
  return at;
}

/** Where `text.slice(start)` begins without the space at its beginning. */
export function startWithoutSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && SPACE.test(text[at] as string)) at++;
  return at;
}

/** A regular expression of Oniguruma as one of JavaScript, with the flags `gu`. */
export function translated(source: string, name: string): RegExp {
  if (source.length > LONGEST) {
    throw new ArgumentError(
      `Expected a regular expression of at most ${LONGEST} characters for ${name} but received ${source.length}`,
      'ERR_FILE',
    );
  }
  try {
    const { pattern } = new SplitPreTokenizer({
      type: 'Split',
      pattern: { Regex: source },
      behavior: 'Isolated',
    });
    pattern.test(''); // It is compiled when it is first used, and may be too large then.
    return pattern;
  } catch (error) {
    throw new ArgumentError(
      `Expected a regular expression for ${name} but received ${JSON.stringify(source.slice(0, 60))}: ${(error as Error).message}`,
      'ERR_FILE',
    );
  }
}

/** `pattern` of a component: `{ "String": ... }` or `{ "Regex": ... }`. */
export function patternOf(config: Fields): RegExp {
  const pattern = config.part('pattern');
  if (pattern.has('Regex')) return translated(pattern.string('Regex'), pattern.at('Regex'));
  const text = pattern.string('String');
  if (text === '') throw fault('some characters', pattern.at('String'), text);
  return new RegExp(escapeRegex(text), 'gu');
}

interface Part {
  readonly start: number;
  end: number;
  readonly matched: boolean;
}

/** The pieces of `text`, none of them empty. With `invert`, what lies between matches is what matched. */
export function split(text: string, pattern: RegExp, behavior: Behavior, invert = false): string[] {
  const parts = partsOf(text, pattern, invert);
  const merged = MERGED[behavior](parts);
  return merged.map(({ start, end }) => text.slice(start, end)).filter((piece) => piece !== '');
}

function partsOf(text: string, pattern: RegExp, invert: boolean): Part[] {
  const parts: Part[] = [];
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    const end = match.index + match[0].length;
    if (match.index > done) parts.push({ start: done, end: match.index, matched: invert });
    parts.push({ start: match.index, end, matched: !invert });
    done = end;
  }
  if (done < text.length) parts.push({ start: done, end: text.length, matched: invert });
  return parts;
}

const MERGED: Readonly<Record<Behavior, (parts: Part[]) => { start: number; end: number }[]>> = {
  Removed: (parts) => parts.filter(({ matched }) => !matched),
  Isolated: (parts) => parts,
  Contiguous: (parts) => joined(parts, (before, part) => before?.matched === part.matched),
  MergedWithPrevious: (parts) => joined(parts, (before, part) => part.matched && before?.matched === false),
  MergedWithNext: (parts) => joined(parts, (before, part) => before?.matched === true && !part.matched),
};

/** Parts, each joined to the one before it where `joins` says so. */
function joined(
  parts: readonly Part[],
  joins: (before: Part | undefined, part: Part) => boolean,
): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  for (const [i, part] of parts.entries()) {
    const last = found.at(-1);
    if (last !== undefined && joins(parts[i - 1], part)) last.end = part.end;
    else found.push({ start: part.start, end: part.end });
  }
  return found;
}
