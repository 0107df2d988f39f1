/**
 * How a normalized text is cut into words. The library's own are used for regular expressions only: they know ASCII words
 * and digits, no behaviours, and do not split where a Metaspace does.
 */
import { type Fields, fault } from './fields.ts';
import { DEEPEST } from './normalizers.ts';
import { BEHAVIORS, type Behavior, escapeRegex, patternOf, split, translated } from './patterns.ts';
import { PUNCTUATION, WORD } from './unicodeTables.ts';

/** @param atStart whether the piece begins where the text began */
export type PreTokenizer = (piece: string, atStart: boolean) => readonly string[];

const BERT_WORDS = new RegExp(`[^\\p{White_Space}${PUNCTUATION}]+|[${PUNCTUATION}]`, 'gu');
const WORDS = new RegExp(`[${WORD}]+|[^${WORD}\\p{White_Space}]+`, 'gu');
const NO_SPACE = /\P{White_Space}+/gu;
const PUNCTUATION_MARK = new RegExp(`[${PUNCTUATION}]`, 'gu');
const NUMERIC = /\p{N}/gu;
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const matches = (pattern: RegExp) => (piece: string) => piece.match(pattern) ?? [];

type Make = (config: Fields, depth: number) => PreTokenizer;

const MAKE: Readonly<Record<string, Make>> = {
  BertPreTokenizer: () => matches(BERT_WORDS),
  ByteLevel: (config) =>
    byteLevel(config.boolean('add_prefix_space', true), config.boolean('use_regex', true)),
  CharDelimiterSplit: (config) => {
    const pattern = new RegExp(escapeRegex(config.string('delimiter')), 'gu');
    return (piece) => split(piece, pattern, 'Removed');
  },
  Digits: (config) => {
    const behavior = config.boolean('individual_digits') ? 'Isolated' : 'Contiguous';
    return (piece) => split(piece, NUMERIC, behavior);
  },
  Metaspace: metaspace,
  Punctuation: (config) => {
    const behavior = behaviorOf(config, 'Isolated');
    return (piece) => split(piece, PUNCTUATION_MARK, behavior);
  },
  Sequence: (config, depth) => {
    const parts = config.objects('pretokenizers').map((part) => preTokenizer(part, depth + 1));
    return (piece, atStart) =>
      parts.reduce<readonly string[]>(
        (pieces, part) => pieces.flatMap((each, i) => part(each, atStart && i === 0)),
        [piece],
      );
  },
  Split: (config) => {
    const [pattern, behavior, invert] = [
      patternOf(config),
      behaviorOf(config),
      config.boolean('invert', false),
    ];
    return (piece) => split(piece, pattern, behavior, invert);
  },
  Whitespace: () => matches(WORDS),
  WhitespaceSplit: () => matches(NO_SPACE),
};

/** @throws ArgumentError for a pre-tokenizer that is not known */
export function makePreTokenizer(config: Fields | undefined): PreTokenizer {
  if (config === undefined) return (piece) => [piece];
  return preTokenizer(config, 0);
}

function preTokenizer(config: Fields, depth: number): PreTokenizer {
  const type = config.string('type');
  const make = Object.hasOwn(MAKE, type) ? MAKE[type] : undefined;
  if (make === undefined) throw fault(Object.keys(MAKE).join(', '), config.at('type'), type);
  if (depth > DEEPEST) throw fault(`at most ${DEEPEST} sequences in one another`, config.name, config.object);
  return make(config, depth);
}

function behaviorOf(config: Fields, fallback?: Behavior): Behavior {
  return config.oneOf('behavior', BEHAVIORS, fallback);
}

function metaspace(config: Fields): PreTokenizer {
  const mark = config.string('replacement');
  const legacy = config.boolean('add_prefix_space', true) ? 'always' : 'never';
  const scheme = config.oneOf('prepend_scheme', ['always', 'first', 'never'], legacy);
  const splits = config.boolean('split', true);
  const pattern = new RegExp(escapeRegex(mark), 'gu');
  return (piece, atStart) => {
    const marked = piece.replaceAll(' ', mark);
    const prepends = (scheme === 'always' || (scheme === 'first' && atStart)) && !marked.startsWith(mark);
    const text = prepends ? mark + marked : marked;
    return splits ? split(text, pattern, 'MergedWithNext') : [text];
  };
}

/** The characters that stand for bytes: printable ones for themselves, the others from U+0100 on. */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters();

function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const stands = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCharCode(stands ? byte : next++);
  });
}

const PRINTABLE_ASCII = /^[ -~]*$/;
const SPACE_CHARACTER = BYTE_CHARACTERS[32] as string;

function byteLevel(addPrefixSpace: boolean, useRegex: boolean): PreTokenizer {
  const words = matches(translated(GPT2, 'ByteLevel'));
  return (piece) => {
    const text = addPrefixSpace && !piece.startsWith(' ') ? ` ${piece}` : piece;
    return (useRegex ? words(text) : [text]).map(inBytes);
  };
}

function inBytes(word: string): string {
  if (PRINTABLE_ASCII.test(word)) return word.replaceAll(' ', SPACE_CHARACTER);
  let text = '';
  for (const byte of Buffer.from(word)) text += BYTE_CHARACTERS[byte];
  return text;
}
