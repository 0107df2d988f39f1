/**
 * What becomes of a text before it is cut into words. The library's own normalizers differ from Python's on capital sigma,
 * characters that Unicode assigned late, Chinese beyond the basic plane, empty texts and the map of SentencePiece.
 */
import { type Fields, fault } from './fields.ts';
import { endWithoutSpace, patternOf, startWithoutSpace } from './patterns.ts';
import { precompiled } from './precompiled.ts';
import {
  CHINESE,
  COMBINING_MARK,
  CONTROL,
  NMT_REMOVED,
  NMT_SPACE,
  NONSPACING_MARK,
} from './unicodeTables.ts';

export type Normalizer = (text: string) => string;

/** Sequences within sequences. */
export const DEEPEST = 8;

const CONTROLS = new RegExp(`[${CONTROL}]`, 'gu');
const CHINESE_CHARACTERS = new RegExp(`[${CHINESE}]`, 'gu');
const NONSPACING_MARKS = new RegExp(`[${NONSPACING_MARK}]`, 'gu');
const COMBINING_MARKS = new RegExp(`[${COMBINING_MARK}]`, 'gu');
const SPACE = /\p{White_Space}/gu;
const PRINTABLE_ASCII = /^[ -~]*$/;
const NMT_REMOVALS = new RegExp(`[${NMT_REMOVED}]`, 'gu');
const NMT_SPACES = new RegExp(`[${NMT_SPACE}]`, 'gu');

type Make = (config: Fields, depth: number) => Normalizer;

const MAKE: Readonly<Record<string, Make>> = {
  BertNormalizer: bert,
  Lowercase: () => lowercase,
  NFC: () => (text) => text.normalize('NFC'),
  NFD: () => (text) => text.normalize('NFD'),
  NFKC: () => (text) => text.normalize('NFKC'),
  NFKD: () => (text) => text.normalize('NFKD'),
  Nmt: () => (text) => text.replace(NMT_REMOVALS, '').replace(NMT_SPACES, ' '),
  Precompiled: (config) =>
    precompiled(config.string('precompiled_charsmap'), config.at('precompiled_charsmap')),
  Prepend: (config) => {
    const prefix = config.string('prepend');
    return (text) => (text === '' ? '' : prefix + text);
  },
  Replace: (config) => {
    const [pattern, content] = [patternOf(config), config.string('content')];
    return (text) => text.replace(pattern, () => content);
  },
  Sequence: (config, depth) => {
    const parts = config.objects('normalizers').map((part) => makeNormalizer(part, depth + 1));
    return (text) => parts.reduce((done, normalize) => normalize(done), text);
  },
  Strip: (config) => {
    const [left, right] = [config.boolean('strip_left'), config.boolean('strip_right')];
    return (text) => {
      const start = left ? startWithoutSpace(text, 0) : 0;
      return text.slice(start, right ? Math.max(start, endWithoutSpace(text, text.length)) : undefined);
    };
  },
  StripAccents: () => (text) => text.replace(COMBINING_MARKS, ''),
};

/** @throws ArgumentError for a normalizer that is not known */
export function makeNormalizer(config: Fields | undefined, depth = 0): Normalizer {
  if (config === undefined) return (text) => text;
  const type = config.string('type');
  const make = Object.hasOwn(MAKE, type) ? MAKE[type] : undefined;
  if (make === undefined) throw fault(Object.keys(MAKE).join(', '), config.at('type'), type);
  if (depth > DEEPEST) throw fault(`at most ${DEEPEST} sequences in one another`, config.name, config.object);
  return make(config, depth);
}

/** Character by character, as Rust does: JavaScript looks at what follows a capital sigma. */
function lowercase(text: string): string {
  return text.replaceAll('Σ', 'σ').toLowerCase();
}

function bert(config: Fields): Normalizer {
  const clean = config.boolean('clean_text', true);
  const chinese = config.boolean('handle_chinese_chars', true);
  const lower = config.boolean('lowercase', true);
  const strip = config.boolean('strip_accents', lower);
  return (given) => {
    if (PRINTABLE_ASCII.test(given)) return lower ? given.toLowerCase() : given;
    let text = given;
    if (clean) text = text.replace(CONTROLS, '').replace(SPACE, ' ');
    if (chinese) text = text.replace(CHINESE_CHARACTERS, ' $& ');
    if (strip) text = text.normalize('NFD').replace(NONSPACING_MARKS, '');
    return lower ? lowercase(text) : text;
  };
}
