/** Characters of all scripts through each normalizer and pre-tokenizer, in one run with Python's tokenizers. */
import { execFileSync } from 'node:child_process';
import { expect } from '@jest/globals';
import { Fields } from '../../lib/tokenizers/fields.ts';
import { makeNormalizer } from '../../lib/tokenizers/normalizers.ts';
import { makePreTokenizer } from '../../lib/tokenizers/preTokenizers.ts';
import { itPython, python } from '../support/python.ts';

const BERT = { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null };
const NORMALIZERS = [
  { ...BERT, lowercase: true },
  { ...BERT, lowercase: false },
  { type: 'Lowercase' },
  { type: 'StripAccents' },
  { type: 'Nmt' },
  { type: 'Strip', strip_left: true, strip_right: true },
  ...['NFC', 'NFD', 'NFKC', 'NFKD'].map((type) => ({ type })),
];
const PRE_TOKENIZERS = [
  { type: 'BertPreTokenizer' },
  { type: 'Whitespace' },
  { type: 'WhitespaceSplit' },
  { type: 'Punctuation', behavior: 'Isolated' },
  { type: 'Digits', individual_digits: true },
  { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
];
/** At most so many characters differ: those that are newer than the tables of one side. Elsewhere none does. */
const NEWER: Readonly<Record<string, number>> = {
  NFD: 25,
  NFKC: 200,
  NFKD: 225,
  BertNormalizer: 25,
  ByteLevel: 400,
};

const PROGRAM = `
import json, sys
from tokenizers import Tokenizer, models
kind, part, texts = json.load(sys.stdin)
def load(key, part):
    return Tokenizer.from_str(json.dumps({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
        "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None, key: part,
        "model": {"type": "WordLevel", "vocab": {}, "unk_token": "x"}}))
def normalized(part):
    tokenizer = load("normalizer", part)
    return [tokenizer.normalizer.normalize_str(text) for text in texts]
def cut(part):
    tokenizer = load("pre_tokenizer", part)
    return [[word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)] for text in texts]
json.dump({"normalizer": normalized, "pre_tokenizer": cut}[kind](part), sys.stdout)
`;

/** Ideographs, syllables of Hangul and what is for private use have one or two of many. */
function texts(): string[] {
  const many = [
    [0x3401, 0x4dbe],
    [0x4e01, 0x9ffe],
    [0xac02, 0xd7a2],
    [0xd800, 0xf8fe],
  ] as const;
  return Array.from({ length: 0x20010 }, (_, code) => code)
    .filter((code) => many.every(([first, last]) => code < first || code > last))
    .map((code) => `a${String.fromCodePoint(code)}b`);
}

itPython({ tokenizers: '0.23.2' })(
  'each character between two letters',
  () => {
    const all = texts();
    const compare = (kind: string, part: { readonly type: string }, ours: (text: string) => unknown) => {
      const output = execFileSync(python, ['-c', PROGRAM], {
        input: JSON.stringify([kind, part, all]),
        maxBuffer: 2 ** 30,
      });
      const theirs = JSON.parse(output.toString('utf8')) as unknown[];
      const different = all.filter((text, i) => JSON.stringify(ours(text)) !== JSON.stringify(theirs[i]));
      const name = JSON.stringify(part);
      process.stderr.write(
        `${name}: ${different.length} characters differ ${different.slice(0, 8).map((t) => t.codePointAt(1)?.toString(16))}\n`,
      );
      expect([name, different.length <= (NEWER[part.type] ?? 0)]).toEqual([name, true]);
    };
    for (const part of NORMALIZERS)
      compare('normalizer', part, makeNormalizer(new Fields(part, 'normalizer')));
    for (const part of PRE_TOKENIZERS) {
      const cut = makePreTokenizer(new Fields(part, 'pre_tokenizer'));
      compare('pre_tokenizer', part, (text) => cut(text, true));
    }
  },
  600_000,
);
