/** Encoding in threads: the same numbers, errors as they are, and threads that die or are ended. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import { Tokenizer } from '../../lib/tokenizers/tokenizer.ts';
import { TokenizerPool, type TokenizerPoolOptions } from '../../lib/tokenizers/tokenizerPool.ts';
import { memory, tidy } from '../../lib/torch/scope.ts';
import { ended } from '../support/process.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { writeTokenizer } from '../support/tokenizers.ts';

const TEXTS = ['a digital computer', 'noise', '漢字 and é', '', 'the power of the field'];
const pools: TokenizerPool[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(pools.splice(0).map((pool) => pool.dispose()));
});

async function open(path: string, options?: TokenizerPoolOptions): Promise<TokenizerPool> {
  const pool = await TokenizerPool.open(path, options);
  pools.push(pool);
  return pool;
}

const wordPiece = (replaced?: object) => writeTokenizer(temporaryDirectory(), 'wordpiece', replaced);
const PADDED = {
  padding: { strategy: 'BatchLongest', direction: 'Right', pad_id: 0, pad_type_id: 0, pad_token: '[PAD]' },
};
/** It takes a time that doubles with each letter. */
const ENDLESS = {
  pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated', invert: false },
};
const STUCK = `${'a'.repeat(60)}!`;

describe('encoding', () => {
  test('gives what the tokenizer gives', async () => {
    const path = wordPiece(PADDED);
    const tokenizer = await Tokenizer.fromFile(path);
    const pool = await open(path);
    const options = { truncation: true, maxLength: 6, padToMultipleOf: 4 };
    expect(await pool.encodeArrays(TEXTS, options)).toEqual(tokenizer.encodeArrays(TEXTS, options));
    const before = memory().tensors;
    await tidy(async () => {
      const batch = await pool.encodeBatch(TEXTS, options);
      const same = tokenizer.encodeBatch(TEXTS, options);
      expect(batch.inputIds.shape).toEqual([5, 8]);
      expect(batch.inputIds.dtype).toBe('int64');
      expect(batch.inputIds.tolist()).toEqual(same.inputIds.tolist());
      expect(batch.attentionMask.tolist()).toEqual(same.attentionMask.tolist());
    });
    expect(memory().tensors).toBe(before);
  });

  test('of many calls at once on two threads', async () => {
    const path = wordPiece();
    const tokenizer = await Tokenizer.fromFile(path);
    const pool = await open(path, { threads: 2 });
    const inputs = Array.from({ length: 60 }, (_, i) => [`text ${i} ${'noise '.repeat(i)}`]);
    const arrays = await Promise.all(inputs.map((one) => pool.encodeArrays(one)));
    expect(arrays).toEqual(inputs.map((one) => tokenizer.encodeArrays(one)));
  });

  test('of a source, which is read a few batches ahead', async () => {
    const pool = await open(wordPiece());
    let read = 0;
    function* source() {
      for (; read < 50; read++) yield [`text ${read}`];
    }
    let taken = 0;
    for await (const { inputIds } of pool.encodeBatches(source())) {
      taken++;
      expect(inputIds.shape[0]).toBe(1);
      expect(read - taken).toBeLessThanOrEqual(3);
      inputIds.dispose();
    }
    expect(taken).toBe(50);
  });
});

describe('what goes wrong', () => {
  test('errors of the thread are of the same class', async () => {
    const pool = await open(wordPiece({ added_tokens: [] }));
    const texts = pool.encodeArrays(['a', 'a much longer text']);
    await expect(texts).rejects.toThrow(
      'Expected padToken for padding but received none, and the tokenizer has no pad token',
    );
    await expect(texts).rejects.toBeInstanceOf(ArgumentError);
    await expect(pool.encodeArrays([7 as never])).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    await expect(pool.encodeArrays([(() => 1) as never])).rejects.toThrow('could not be cloned');
    await expect(pool.encodeArrays([], { maxlength: 3 } as never)).rejects.toThrow(
      'options but received "maxlength"',
    );
    expect((await pool.encodeArrays(['a'])).rows).toBe(1);
  });

  test('files that cannot be read or are wrong', async () => {
    const folder = temporaryDirectory();
    const nowhere = TokenizerPool.open(join(folder, 'nowhere'));
    await expect(nowhere).rejects.toMatchObject({ code: 'ERR_FILE', name: 'ArgumentError' });
    writeFileSync(join(folder, 'tokenizer.json'), '{"model"');
    await expect(TokenizerPool.open(folder)).rejects.toThrow('Expected JSON in');
  });

  test('a thread that dies is told of, and the next call works', async () => {
    const pool = await open(wordPiece(ENDLESS));
    const post = jest.spyOn(Worker.prototype, 'postMessage');
    const lost = pool.encodeArrays([STUCK]);
    const worker = post.mock.contexts[0] as Worker;
    await Promise.all([
      worker.terminate(),
      expect(lost).rejects.toThrow('thread ended by itself, with code 1'),
    ]);
    expect((await pool.encodeArrays(['a'])).rows).toBe(1);
    expect(post.mock.contexts[1]).not.toBe(worker);
  });

  test('a signal before, while waiting, and while a regular expression takes for ever', async () => {
    const pool = await open(wordPiece(ENDLESS));
    await expect(pool.encodeArrays(['a'], { signal: AbortSignal.abort('early') })).rejects.toBe('early');
    const [first, third] = [new AbortController(), new AbortController()];
    const stuck = pool.encodeArrays([STUCK], { signal: first.signal });
    const behind = pool.encodeArrays(['noise']);
    const waiting = pool.encodeArrays(['noise'], { signal: third.signal });
    const last = pool.encodeArrays(['noise']);
    third.abort('waiting');
    await expect(waiting).rejects.toBe('waiting');
    await delay(50);
    first.abort('stuck');
    await expect(stuck).rejects.toBe('stuck');
    expect(await last).toEqual(await behind);
  });

  test('dispose rejects what has no result, and calls after it', async () => {
    const pool = await open(wordPiece(ENDLESS));
    const stuck = pool.encodeArrays([STUCK]);
    await Promise.all([pool.dispose(), expect(stuck).rejects.toThrow('disposed of before the result')]);
    await expect(pool.encodeArrays(['a'])).rejects.toThrow('disposed of');
    await pool.dispose();
    await expect(TokenizerPool.open('x', { threads: 0 })).rejects.toThrow('a positive integer for threads');
  });
});

test('a pool does not keep its process alive', async () => {
  const folder = temporaryDirectory();
  const url = new URL('../../lib/tokenizers/tokenizerPool.ts', import.meta.url).href;
  const program = join(folder, 'program.mts');
  writeFileSync(
    program,
    `import { TokenizerPool } from '${url}';
    const pool = await TokenizerPool.open('${wordPiece()}');
    console.log((await pool.encodeArrays(['a text'])).rows);`,
  );
  const { status, output, errors } = await ended(process.execPath, ['--import', 'tsx', program], process.env);
  expect([status, output, errors]).toEqual([0, '1\n', '']);
});
