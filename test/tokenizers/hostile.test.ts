/** Files that are wrong: each a clear error or right, within a second. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import { Tokenizer } from '../../lib/tokenizers/tokenizer.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { NAMES, unpacked, writeTokenizer } from '../support/tokenizers.ts';

const open = (replaced: object, name = 'wordpiece') =>
  Tokenizer.fromFile(writeTokenizer(temporaryDirectory(), name, replaced));
const nested = (type: string, key: string, depth: number, inner: object): object =>
  depth === 0 ? inner : { type, [key]: [nested(type, key, depth - 1, inner)] };
const VOCAB = { a: 0, b: 1, ab: 2, '[UNK]': 3 };
const WORDS = { type: 'WordPiece', unk_token: '[UNK]', vocab: VOCAB };
const BPE = { type: 'BPE', vocab: VOCAB, merges: ['a b'] };
const UNIGRAM = {
  type: 'Unigram',
  unk_id: 0,
  vocab: [
    ['<unk>', 0],
    ['a', -1],
  ],
};
const SPLIT = (source: string) => ({ type: 'Split', pattern: { Regex: source }, behavior: 'Isolated' });
const token = (more: object) => ({ id: 4, content: 'new', special: true, ...more });
const bare = { added_tokens: [], post_processor: null };
const model = (more: object, base: object = WORDS) => ({ ...bare, model: { ...base, ...more } });

/** What is replaced in a tokenizer.json, and a part of the message. */
const WRONG: readonly (readonly [replaced: object, message: string])[] = [
  [{ model: null }, 'an object for'],
  [{ model: [] }, 'an object for'],
  [{ model: {} }, 'model.vocab'],
  [model({ type: 'Magic' }), 'BPE, Unigram, WordLevel, WordPiece for'],
  [model({ vocab: undefined }), 'model.vocab but received undefined'],
  [model({ vocab: [] }), 'an object for'],
  [model({ vocab: { a: 1.5 } }), 'vocab["a"] but received 1.5'],
  [model({ vocab: { a: -1 } }), 'vocab["a"] but received -1'],
  [model({ vocab: { a: 2 ** 31 } }), 'vocab["a"] but received 2147483648'],
  [model({ vocab: { a: '1' } }), 'vocab["a"] but received "1"'],
  [model({ vocab: { a: 1, b: 1 } }), 'an id that no other token has'],
  [model({ unk_token: 7 }), 'a string for'],
  [model({ max_input_chars_per_word: 'x' }), 'max_input_chars_per_word'],
  [model({ merges: 'a b' }, BPE), 'an array for'],
  [model({ merges: ['a'] }, BPE), 'two tokens of the vocabulary that make one'],
  [model({ merges: ['a b c'] }, BPE), 'merges[0] but received "a b c"'],
  [model({ merges: ['a z'] }, BPE), 'merges[0] but received "a z"'],
  [model({ merges: ['b a'] }, BPE), 'merges[0] but received "b a"'],
  [
    model(
      {
        merges: [
          ['a', 'b'],
          [1, 2],
        ],
      },
      BPE,
    ),
    'merges[1]',
  ],
  [model({ dropout: 0.1 }, BPE), 'no dropout'],
  [model({ continuing_subword_prefix: '##' }, BPE), 'no prefix'],
  [model({ vocab: [] }, UNIGRAM), 'at least one token'],
  [model({ vocab: [['a', 'b']] }, UNIGRAM), 'a token and its score'],
  [model({ vocab: ['a'] }, UNIGRAM), 'a token and its score'],
  [model({ unk_id: 2 }, UNIGRAM), 'an id below 2'],
  [{ added_tokens: {} }, 'added_tokens'],
  [{ added_tokens: [null] }, 'added_tokens[0]'],
  [{ ...model({}), added_tokens: [token({ content: '' })] }, 'some characters'],
  [{ ...model({}), added_tokens: [token({ id: 0 })] }, 'an id that "a" does not have'],
  [{ ...model({}), added_tokens: [token({ content: 'a' })] }, '0, as in the vocabulary,'],
  [
    { ...model({}), added_tokens: [token({}), token({ content: 'other' })] },
    'an id that "new" does not have',
  ],
  [{ ...model({}), added_tokens: [token({ id: 1e12 })] }, 'an integer of at least 0'],
  [{ ...model({}), added_tokens: [token({ lstrip: 1 })] }, 'true or false for'],
  [{ normalizer: 'NFC' }, 'normalizer'],
  [{ normalizer: { type: 'toString' } }, 'normalizer.type but received "toString"'],
  [{ normalizer: { type: 'Sequence' } }, 'normalizers'],
  [{ normalizer: nested('Sequence', 'normalizers', 40, { type: 'NFC' }) }, 'at most 8 sequences'],
  [{ normalizer: { type: 'Precompiled', precompiled_charsmap: 'AA==' } }, 'a map of characters'],
  [{ normalizer: { type: 'Precompiled', precompiled_charsmap: '/////w==' } }, 'a map of characters'],
  [{ normalizer: { type: 'Replace', pattern: {}, content: '' } }, 'pattern.String'],
  [{ normalizer: { type: 'Replace', pattern: { Regex: '(' }, content: '' } }, 'a regular expression for'],
  [{ pre_tokenizer: {} }, 'pre_tokenizer.type'],
  [{ pre_tokenizer: { type: 'UnicodeScripts' } }, 'pre_tokenizer.type but received "UnicodeScripts"'],
  [
    { pre_tokenizer: nested('Sequence', 'pretokenizers', 1000, { type: 'Whitespace' }) },
    'at most 8 sequences',
  ],
  [{ pre_tokenizer: SPLIT('a'.repeat(100_000)) }, 'at most 10000 characters'],
  [{ pre_tokenizer: SPLIT('[a') }, 'a regular expression for'],
  [{ pre_tokenizer: SPLIT(`${'('.repeat(5000)}a${')'.repeat(5000)}`.slice(1)) }, 'a regular expression for'],
  [{ pre_tokenizer: { ...SPLIT('a'), behavior: 'Shuffled' } }, 'behavior'],
  [{ post_processor: { type: 'TemplateProcessing' } }, 'special_tokens'],
  [
    { post_processor: { type: 'TemplateProcessing', special_tokens: {}, single: [], pair: [] } },
    'each text once',
  ],
  [
    {
      post_processor: {
        type: 'TemplateProcessing',
        special_tokens: {},
        single: [{ SpecialToken: { id: '[CLS]', type_id: 0 } }],
        pair: [],
      },
    },
    'special_tokens.[CLS]',
  ],
  [{ post_processor: { type: 'BertProcessing', cls: ['[CLS]'], sep: ['[SEP]', 2] } }, 'a token and its id'],
  [{ decoder: { type: 'CTC' } }, 'decoder.type but received "CTC"'],
  [{ decoder: { type: 'Strip', content: ' ', start: 'x', stop: 0 } }, 'start'],
  [{ truncation: { max_length: -1 } }, 'max_length'],
  [{ truncation: { max_length: 4, strategy: 'Random' } }, 'strategy'],
  [{ padding: { strategy: 'Fixed' } }, 'padding.strategy'],
  [{ padding: { strategy: { Fixed: '9' } } }, 'Fixed'],
];

describe('a tokenizer.json', () => {
  test.each(WRONG.map(([replaced, message]) => [message, replaced] as const))(
    'is refused: %s',
    async (message, replaced) => {
      const started = performance.now();
      const refused = open(replaced);
      await expect(refused).rejects.toThrow(message);
      await expect(refused).rejects.toMatchObject({ code: 'ERR_FILE', name: 'ArgumentError' });
      expect(performance.now() - started).toBeLessThan(1000);
    },
  );

  test('cut off anywhere, or no object', async () => {
    const folder = temporaryDirectory();
    const path = writeTokenizer(folder, 'bytelevel');
    const whole = readFileSync(path, 'utf8');
    for (const text of ['', '[]', 'null', '7', '"x"', '[[[[', '\0']) {
      writeFileSync(path, text);
      await expect(Tokenizer.fromFile(path)).rejects.toMatchObject({ code: 'ERR_FILE' });
    }
    for (let part = 1; part < 20; part++) {
      writeFileSync(path, whole.slice(0, Math.floor((whole.length * part) / 20)));
      await expect(Tokenizer.fromFile(path)).rejects.toThrow('Expected JSON in');
    }
  });

  test('one value of it replaced by another: a right tokenizer or an error with a code', async () => {
    const names = ['wordpiece', 'fallback'] as const;
    const values = [null, true, -1, 1e300, '', [], {}];
    for (const name of names) {
      const file = unpacked(name);
      const { vocab: _, merges: __, ...settings } = file.model as Record<string, unknown>;
      const small = { ...file, added_tokens: (file.added_tokens as unknown[]).slice(0, 1), model: settings };
      for (const path of pathsOf(small)) {
        for (const value of values) {
          const made = structuredClone(file);
          place(made, path, value);
          try {
            (await open(made)).encode('a text', { truncation: false, padding: false });
          } catch (error) {
            expect([path.join('.'), value, error]).toEqual([
              path.join('.'),
              value,
              expect.any(ArgumentError),
            ]);
          }
        }
      }
    }
  }, 120_000);
});

function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return path.length > 0 ? [[...path]] : [];
  const inner = Object.entries(value).flatMap(([key, each]) => pathsOf(each, [...path, key]));
  return path.length > 0 ? [[...path], ...inner] : inner;
}

function place(root: object, path: readonly string[], value: unknown): void {
  const holder = path.slice(0, -1).reduce((at, key) => (at as Record<string, object>)[key]!, root);
  (holder as Record<string, unknown>)[path.at(-1)!] = value;
}

describe('texts', () => {
  test('what is unknown without a token for it', async () => {
    const words = await open(model({ unk_token: 'nothing' }));
    expect(words.encode('ab').ids).toEqual([2]);
    expect(() => words.encode('ab z')).toThrow('the vocabulary but received "nothing", to encode "nothing"');
    const unigram = await open({ ...model({ unk_id: null }, UNIGRAM), pre_tokenizer: null });
    expect(() => unigram.encode('z')).toThrow('in the vocabulary but received undefined, to encode "z"');
    const pairs = await open({ ...model({}, BPE), pre_tokenizer: null, normalizer: null });
    expect(pairs.encode('zabz').ids).toEqual([2]);
  });

  test('long words and many added tokens take no time that grows with their square', async () => {
    for (const name of NAMES) {
      const tokenizer = await open({}, name);
      const length = name === 'unigram' ? 100_000 : 10_000;
      const started = performance.now();
      for (const text of ['ab', '漢', '\u0301', ' ', '[MASK] <mask> ']) tokenizer.encode(text.repeat(length));
      expect(performance.now() - started).toBeLessThan(15_000);
    }
  });

  test('halves of surrogate pairs, and what is no text', async () => {
    const tokenizer = await open({}, 'bytelevel');
    expect(tokenizer.decode(tokenizer.encode('a\ud800b').ids)).toBe('a\ufffdb');
    expect(() => tokenizer.encode(7 as never)).toThrow(
      'a text or a pair of texts for inputs[0] but received 7',
    );
    expect(() => tokenizer.encode(['a', 'b', 'c'] as never)).toThrow('a text or a pair of texts');
    expect(() => tokenizer.encodeAll('a' as never)).toThrow('an array of texts for inputs');
    expect(tokenizer.decode([99_999_999, 5n])).toBe(tokenizer.decode([5]));
  });
});

test('the folder of a tokenizer: what is beside tokenizer.json', async () => {
  const folder = temporaryDirectory();
  writeTokenizer(folder, 'wordpiece');
  const write = (name: string, content: object) => writeFileSync(join(folder, name), JSON.stringify(content));
  write('special_tokens_map.json', { pad_token: { content: '[MASK]' } });
  expect((await Tokenizer.fromFolder(folder)).padToken).toBe('[MASK]');
  write('tokenizer_config.json', {
    pad_token: '[PAD]',
    model_max_length: 6,
    padding_side: 'left',
    truncation_side: 'left',
  });
  const tokenizer = await Tokenizer.fromFolder(folder);
  expect([tokenizer.padToken, tokenizer.padId, tokenizer.maxLength]).toEqual(['[PAD]', 0, 6]);
  expect(tokenizer.vocabularySize).toBe(1500);
  const { rows, columns, inputIds, attentionMask } = tokenizer.encodeArrays(['a', 'a b c d e f g'], {
    truncation: true,
  });
  expect([rows, columns]).toEqual([2, 6]);
  expect([...attentionMask]).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  expect([...inputIds.subarray(6)].map((id) => tokenizer.tokenOf(id))).toEqual([
    '[CLS]',
    'd',
    'e',
    'f',
    'g',
    '[SEP]',
  ]);
  write('tokenizer_config.json', { model_max_length: 1e30 });
  expect((await Tokenizer.fromFolder(folder)).maxLength).toBeUndefined();
  write('tokenizer_config.json', { padding_side: 'top' });
  await expect(Tokenizer.fromFolder(folder)).rejects.toThrow('left, right for');
});
