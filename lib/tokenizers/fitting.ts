/**
 * Texts cut and filled to a length, as Python's tokenizers does.
 */
import { ArgumentError } from '../errors.ts';
import type { Encoding } from './encoding.ts';

export type TruncationStrategy = 'longest_first' | 'only_first' | 'only_second';
export type Side = 'left' | 'right';

export interface Truncation {
  /** Tokens, those that stand around texts included. */
  readonly maxLength: number;
  readonly strategy: TruncationStrategy;
  /** The side at which tokens are cut off. */
  readonly side: Side;
}

export interface Padding {
  /** Tokens; without it, as many as the longest text has. */
  readonly length?: number;
  readonly multipleOf?: number;
  readonly side: Side;
  /** Undefined where the tokenizer has no pad token. */
  readonly id: number | undefined;
  readonly typeId: number;
}

type Ids = readonly number[];

/** From which side a text is encoded, and after how many tokens its further words are left out. */
export interface Limit {
  readonly tokens: number;
  readonly side: Side;
}

/**
 * What is encoded of the first text or of the second: nothing after the word that fills `maxLength` alone. It is more than
 * what is kept, but which of two texts then counts as the longer one depends on it, as in the reference since 0.23.
 */
export function limitOf(truncation: Truncation | undefined, index: number): Limit | undefined {
  if (truncation === undefined || (truncation.strategy === 'only_second' && index === 0)) return undefined;
  return { tokens: truncation.maxLength, side: truncation.side };
}

/**
 * One text or two, cut so that with `added` further tokens there are at most `maxLength`.
 *
 * @throws ArgumentError where the text that is to be cut is too short for that, or is not there
 */
export function truncated(
  texts: readonly Ids[],
  added: number,
  { maxLength, strategy, side }: Truncation,
): readonly Ids[] {
  const room = maxLength - added;
  if (room < 0) {
    throw new ArgumentError(
      `Expected at least ${added} for maxLength, for special tokens, but received ${maxLength}`,
    );
  }
  const [first = [], second = []] = texts;
  const excess = first.length + second.length - room;
  if (excess <= 0) return texts;
  if (room === 0) return texts.map(() => []);
  if (strategy === 'longest_first') {
    const lengths = texts.length === 1 ? [room] : longestFirst(first.length, second.length, room);
    return texts.map((ids, i) => cut(ids, lengths[i] as number, side));
  }
  const index = strategy === 'only_first' ? 0 : 1;
  const chosen = texts[index];
  if (chosen === undefined)
    throw new ArgumentError('Expected pairs for truncation only_second but received one text');
  if (chosen.length <= excess) {
    throw new ArgumentError(
      `Expected more than ${excess} tokens to cut for truncation ${strategy} but received ${chosen.length}`,
    );
  }
  return texts.map((ids, i) => (i === index ? cut(ids, ids.length - excess, side) : ids));
}

/** The longer one is cut down to the other, or else both to one half, of which the longer keeps the larger. */
function longestFirst(first: number, second: number, room: number): [number, number] {
  const shorter = Math.min(first, second);
  const half = Math.floor(room / 2);
  const [less, more] = shorter <= half ? [shorter, room - shorter] : [half, room - half];
  return first > second ? [more, less] : [less, more];
}

function cut(ids: Ids, length: number, side: Side): Ids {
  if (ids.length <= length) return ids;
  return side === 'right' ? ids.slice(0, length) : ids.slice(ids.length - length);
}

/**
 * Encodings filled to one length; longer ones stay.
 *
 * @throws ArgumentError where there is something to fill and no pad token
 */
export function padded(encodings: readonly Encoding[], padding: Padding): Encoding[] {
  const { length = encodings.reduce((most, { ids }) => Math.max(most, ids.length), 0), multipleOf = 1 } =
    padding;
  const target = Math.ceil(length / multipleOf) * multipleOf;
  return encodings.map((encoding) => fill(encoding, target - encoding.ids.length, padding));
}

function fill(encoding: Encoding, count: number, { side, id, typeId }: Padding): Encoding {
  if (count <= 0) return encoding;
  if (id === undefined)
    throw new ArgumentError(
      'Expected padToken for padding but received none, and the tokenizer has no pad token',
    );
  const filled = (values: Ids, value: number): Ids => {
    const more = new Array<number>(count).fill(value);
    return side === 'right' ? values.concat(more) : more.concat(values);
  };
  return {
    ids: filled(encoding.ids, id),
    typeIds: filled(encoding.typeIds, typeId),
    attentionMask: filled(encoding.attentionMask, 0),
    specialTokensMask: filled(encoding.specialTokensMask, 1),
  };
}
