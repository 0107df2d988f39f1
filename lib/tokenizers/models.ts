/**
 * How a word becomes ids: the library's models, checked before they see a file.
 */

import { ArgumentError, show } from '../errors.ts';
import { type Fields, fault, isId } from './fields.ts';
import { BPE, Unigram, WordPiece } from './library.ts';

export interface Model {
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Every id: a Unigram model may have several for one token, of which the vocabulary has the last. */
  readonly tokens: ReadonlyMap<number, string>;
  /** @throws ArgumentError for what is unknown where the vocabulary has no token for that */
  encode(word: string): readonly number[];
}

type Cut = (word: string) => readonly string[];
/** Parts of a word to ids. */
type Look = (tokens: readonly string[]) => number[];

const TYPES = ['BPE', 'Unigram', 'WordLevel', 'WordPiece'] as const;
const BYTE_TOKENS = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);

/** @throws ArgumentError for a vocabulary that contradicts itself */
export function makeModel(config: Fields): Model {
  const type = config.has('type') ? config.oneOf('type', TYPES) : typeOf(config);
  return remembering(
    { BPE: bpe, Unigram: unigram, WordLevel: wordLevel, WordPiece: wordPiece }[type](config),
  );
}

/** Early files do not say it. */
function typeOf(config: Fields): (typeof TYPES)[number] {
  if (Array.isArray(config.object.vocab)) return 'Unigram';
  if (config.has('merges')) return 'BPE';
  return config.has('continuing_subword_prefix') ? 'WordPiece' : 'WordLevel';
}

const LONGEST_REMEMBERED = 64;
const MOST_REMEMBERED = 20_000;

/** Most words of a text came before. */
function remembering(model: Model): Model {
  const known = new Map<string, readonly number[]>();
  return {
    ...model,
    encode(word) {
      const remembered = known.get(word);
      if (remembered !== undefined) return remembered;
      const ids = model.encode(word);
      if (word.length <= LONGEST_REMEMBERED) {
        if (known.size === MOST_REMEMBERED) known.clear();
        known.set(word, ids);
      }
      return ids;
    },
  };
}

function wordPiece(config: Fields): Model {
  const vocabulary = vocabularyOf(config);
  const unknown = config.string('unk_token', '[UNK]');
  const model = new WordPiece({
    type: 'WordPiece',
    unk_token: unknown,
    continuing_subword_prefix: config.string('continuing_subword_prefix', '##'),
    max_input_chars_per_word: config.integer('max_input_chars_per_word', 100),
    vocab: Object.fromEntries(vocabulary),
  });
  return modelOf(vocabulary, (word) => model.encode([word]), looking(vocabulary, unknown));
}

function wordLevel(config: Fields): Model {
  const vocabulary = vocabularyOf(config);
  return modelOf(vocabulary, (word) => [word], looking(vocabulary, config.string('unk_token', '<unk>')));
}

function bpe(config: Fields): Model {
  const vocabulary = vocabularyOf(config);
  const { dropout = null, continuing_subword_prefix: prefix = null } = config.object;
  if (dropout !== null && dropout !== 0) throw fault('no dropout', config.at('dropout'), dropout);
  if (prefix !== null && prefix !== '')
    throw fault('no prefix', config.at('continuing_subword_prefix'), prefix);
  const unknown = config.has('unk_token') ? config.string('unk_token') : undefined;
  const model = new BPE({
    type: 'BPE',
    unk_token: unknown ?? null,
    end_of_word_suffix: config.string('end_of_word_suffix', ''),
    fuse_unk: config.boolean('fuse_unk', false),
    byte_fallback: config.boolean('byte_fallback', false),
    ignore_merges: config.boolean('ignore_merges', false),
    vocab: Object.fromEntries(vocabulary),
    merges: mergesOf(config, vocabulary),
  });
  return modelOf(vocabulary, (word) => model([word]), looking(vocabulary, unknown));
}

/** Pairs of tokens of the vocabulary, the first to be joined first. */
function mergesOf(config: Fields, vocabulary: ReadonlyMap<string, number>): [string, string][] {
  return config.list('merges').map((merge, i) => {
    const parts: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    const known = (part: unknown) => typeof part === 'string' && vocabulary.has(part);
    if (!Array.isArray(parts) || parts.length !== 2 || !parts.every(known) || !known(parts.join(''))) {
      throw fault('two tokens of the vocabulary that make one', `${config.at('merges')}[${i}]`, merge);
    }
    return parts as [string, string];
  });
}

function unigram(config: Fields): Model {
  const list = config.list('vocab');
  const vocabulary = new Map<string, number>();
  for (const [id, entry] of list.entries()) {
    const [token, score] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof token !== 'string' || typeof score !== 'number') {
      throw fault('a token and its score', `${config.at('vocab')}[${id}]`, entry);
    }
    vocabulary.set(token, id);
  }
  if (list.length === 0) throw fault('at least one token', config.at('vocab'), list);
  const unknown = config.has('unk_id') ? config.integer('unk_id') : undefined;
  if (unknown !== undefined && unknown >= list.length) {
    throw fault(`an id below ${list.length}`, config.at('unk_id'), unknown);
  }
  const model = new Unigram(
    { type: 'Unigram', unk_id: unknown ?? null, vocab: list as [string, number][] },
    '</s>',
  );
  const bytes = config.boolean('byte_fallback', false) && BYTE_TOKENS.every((token) => vocabulary.has(token));
  const look = looking(vocabulary, unknown);
  return {
    vocabulary,
    tokens: new Map((list as [string, number][]).map(([token], id) => [id, token])),
    encode: (word) => {
      const tokens = model.tokenize(word);
      return look(bytes ? inByteTokens(tokens, vocabulary) : fused(tokens, vocabulary));
    },
  };
}

/** One unknown token for several in a row. */
function fused(tokens: readonly string[], vocabulary: ReadonlyMap<string, number>): string[] {
  const unknown = (i: number) => i >= 0 && !vocabulary.has(tokens[i] as string);
  return tokens.filter((_, i) => !(unknown(i) && unknown(i - 1)));
}

function inByteTokens(tokens: readonly string[], vocabulary: ReadonlyMap<string, number>): string[] {
  return tokens.flatMap((token) =>
    vocabulary.has(token) ? [token] : Array.from(Buffer.from(token), (byte) => BYTE_TOKENS[byte] as string),
  );
}

function modelOf(vocabulary: ReadonlyMap<string, number>, cut: Cut, look: Look): Model {
  const tokens = new Map(Array.from(vocabulary, ([token, id]) => [id, token]));
  return { vocabulary, tokens, encode: (word) => look(cut(word)) };
}

/** @param unknown what stands for other tokens: one of the vocabulary, or an id */
function looking(vocabulary: ReadonlyMap<string, number>, unknown: string | number | undefined): Look {
  const unknownId = typeof unknown === 'string' ? vocabulary.get(unknown) : unknown;
  return (tokens) =>
    tokens.map((token) => {
      const id = vocabulary.get(token) ?? unknownId;
      if (id !== undefined) return id;
      throw new ArgumentError(
        `Expected a token for what is unknown in the vocabulary but received ${show(unknown)}, to encode ${show(token)}`,
      );
    });
}

/** Tokens and their ids, no id twice. */
function vocabularyOf(config: Fields): Map<string, number> {
  const { object } = config.part('vocab');
  const vocabulary = new Map<string, number>();
  const seen = new Set<number>();
  for (const [token, id] of Object.entries(object)) {
    const name = `${config.at('vocab')}[${JSON.stringify(token.slice(0, 60))}]`;
    if (!isId(id)) throw fault('an integer of at least 0', name, id);
    if (seen.has(id)) throw fault('an id that no other token has', name, id);
    seen.add(id);
    vocabulary.set(token, id);
  }
  return vocabulary;
}
