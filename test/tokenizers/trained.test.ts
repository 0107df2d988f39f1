/** Files as trainers of Python's tokenizers save them: tokens that stand twice in the vocabulary, and no padding. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Tokenizer } from '../../lib/tokenizers/tokenizer.ts';
import { itPython, runPython } from '../support/python.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const special = (content: string, id: number) => ({ content, id, special: true });

function open(vocab: readonly (readonly [string, number])[], added: readonly object[]): Promise<Tokenizer> {
  const path = join(temporaryDirectory(), 'tokenizer.json');
  const model = { type: 'Unigram', unk_id: 0, vocab };
  writeFileSync(path, JSON.stringify({ added_tokens: added, model }));
  return Tokenizer.fromFile(path);
}

describe('a token twice in a Unigram vocabulary', () => {
  const twice = () =>
    open(
      [
        ['<unk>', 0],
        ['</s>', 0],
        ['a', -1],
        ['b', -2],
        ['ab', -9],
        ['ab', -1],
        ['a', -20],
        ['c', -1],
        ['c', -30],
        ['</s>', -4],
        ['bc', -3],
        ['<unk>', -5],
      ],
      [special('</s>', 9)],
    );

  // Recorded from tokenizers 0.23.2.
  test.each([
    ['a', [6]],
    ['aab', [6, 5]],
    ['abc', [6, 10]],
    ['bcbc', [10, 10]],
    ['azzb', [6, 0, 3]],
    ['a</s>', [6, 9]],
    ['a<unk>z', [6, 11, 0]],
  ])('texts get its last id and score: %s', async (text, ids) => {
    expect((await twice()).encode(text).ids).toEqual(ids);
  });

  test('every id is decoded, and left out where the token is special', async () => {
    const tokenizer = await twice();
    const ids = [1, 2, 3, 9, 4, 5];
    expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe('</s> a b </s> ab ab');
    expect(tokenizer.decode(ids)).toBe('a b ab ab');
    expect([tokenizer.vocabularySize, tokenizer.idOf('a'), tokenizer.tokenOf(2)]).toEqual([12, 6, 'a']);
  });

  test('none of its ids is free for an added token', async () => {
    await expect(
      open(
        [
          ['a', 0],
          ['a', -1],
        ],
        [special('b', 0)],
      ),
    ).rejects.toThrow('an id that "a" does not have');
  });

  itPython({ tokenizers: '0.23.2' })('as Python trained it on texts with special tokens', async () => {
    const path = join(temporaryDirectory(), 'tokenizer.json');
    const texts = ['a<mask>b', 'the whale</s>', '</s> and <mask>', 'whales, of the sea', 'dé<unk>jà'];
    const printed = runPython(
      `
import json, sys
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
path, texts = sys.argv[1], json.loads(sys.argv[2])
t = Tokenizer(models.Unigram())
t.pre_tokenizer, t.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=special, unk_token="<unk>", show_progress=False)
t.train_from_iterator(texts * 20, trainer)
t.save(path)
vocab = json.load(open(path))["model"]["vocab"]
ids = [t.encode(text).ids for text in texts]
t.enable_padding(pad_id=t.token_to_id("<pad>"), pad_token="<pad>")
print(json.dumps(dict(
  twice=len(vocab) - len(set(token for token, _ in vocab)), ids=ids,
  texts=[t.decode(each, skip_special_tokens=False) for each in ids],
  padded=[e.ids for e in t.encode_batch(texts)])))
`,
      path,
      JSON.stringify(texts),
    );
    const python = JSON.parse(printed) as Record<'ids' | 'texts' | 'padded', unknown> & { twice: number };
    const tokenizer = await Tokenizer.fromFile(path);
    const ids = texts.map((text) => tokenizer.encode(text).ids);
    expect(python.twice).toBeGreaterThan(0);
    expect(ids).toEqual(python.ids);
    expect(ids.map((each) => tokenizer.decode(each, { skipSpecialTokens: false }))).toEqual(python.texts);
    expect(tokenizer.encodeAll(texts, { padding: true }).map((each) => each.ids)).toEqual(python.padded);
  });
});

describe('a file that says nothing about padding', () => {
  const vocab = [
    ['<unk>', 0],
    ['a', -1],
    ['[PAD]', 0],
    ['<pad>', 0],
  ] as const;
  const texts = ['a', 'aaa'];
  const ids = (tokenizer: Tokenizer, options = {}) =>
    tokenizer.encodeAll(texts, { padding: true, ...options }).map((each) => each.ids);

  test.each([
    ['[PAD]', 2],
    ['<pad>', 3],
  ])('is filled with its special token %s', async (token, id) => {
    const tokenizer = await open(vocab, [special(token, id)]);
    expect([tokenizer.padToken, tokenizer.padId]).toEqual([token, id]);
    expect(ids(tokenizer)).toEqual([
      [1, id, id],
      [1, 1, 1],
    ]);
  });

  test.each([
    ['neither', []],
    ['both', [special('[PAD]', 2), special('<pad>', 3)]],
    ['one that is not special', [{ content: '[PAD]', id: 2, special: false }]],
  ])('with %s of them it has to be told', async (_, added) => {
    const tokenizer = await open(vocab, added);
    expect(tokenizer.padToken).toBeUndefined();
    expect(() => ids(tokenizer)).toThrow('Expected padToken for padding');
    expect(ids(tokenizer, { padToken: '<pad>', paddingSide: 'left' })).toEqual([
      [3, 3, 1],
      [1, 1, 1],
    ]);
  });

  test('a wrong pad token', async () => {
    const tokenizer = await open(vocab, []);
    expect(() => ids(tokenizer, { padToken: 'z' })).toThrow(
      'Expected a token of the vocabulary for padToken but received "z"',
    );
    expect(() => ids(tokenizer, { padToken: 3 })).toThrow('for padToken but received 3');
  });
});
