import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, jest, test } from '@jest/globals';
import {
  EndlessIterator,
  JsonlIterator,
  JsonlSampler,
  LineIterator,
  LineSampler,
  RandomState,
  type SerializableIterator,
  TsvIterator,
  TsvSampler,
} from '../../lib/learning/index.ts';
import { prefetchBatches } from '../../lib/learning/prefetch.ts';
import { all, expectResumable, take } from './iteratorContract.ts';
import { newDirectory } from './toy.ts';

/** A compressed file says that it is read over. */
const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});

const directory = newDirectory();
let made = 0;
function file(content: string | Buffer, ending = 'txt'): string {
  const path = join(directory, `${made++}.${ending}`);
  writeFileSync(path, content);
  return path;
}

const LINES = ['plain', 'naïve café', '', '日本語 🙂', 'tab\tinside', 'x'.repeat(50), 'last 🎉'];

const ENDINGS: Record<string, string> = {
  'line feeds': LINES.map((line) => `${line}\n`).join(''),
  'no line feed at the end': LINES.join('\n'),
  'carriage returns': LINES.map((line) => `${line}\r\n`).join(''),
  'a byte order mark': `\uFEFF${LINES.join('\r\n')}`,
};

const FORMATS: Record<string, (text: string) => string> = {
  text: (text) => file(text),
  gzip: (text) => file(gzipSync(text), 'gz'),
};

describe.each(Object.entries(FORMATS))('lines of %s', (_format, write) => {
  test.each(Object.entries(ENDINGS))('with %s: read whole, and resumed after any', async (_, text) => {
    const path = write(text);
    expect(await all(new LineIterator(path))).toEqual(LINES);
    await expectResumable(() => new LineIterator(path), 16, 5);
  });

  test('across blocks, with characters and lines that a block cuts', async () => {
    // Lines of 3-byte characters whose lengths have no common divisor with a block, and one longer than two blocks.
    const lines = Array.from({ length: 3000 }, (_, i) => `${i} ${'語'.repeat(i % 97)}`);
    lines[1500] = '語🙂'.repeat(100_000);
    const path = write(lines.join('\n'));
    const iterator = new LineIterator(path);
    expect(await take(iterator, 1499)).toEqual(lines.slice(0, 1499));
    const state = iterator.stateDict();
    expect(state.offset).toBe(Buffer.byteLength(lines.slice(0, 1499).join('\n')) + 1);
    const resumed = new LineIterator(path);
    resumed.loadStateDict(state);
    expect(await all(resumed)).toEqual(lines.slice(1499));
    expect(await all(iterator)).toEqual(lines.slice(1499));
  });
});

describe('files', () => {
  test('beyond two gigabytes', async () => {
    const path = join(directory, 'big.txt');
    const start = 2 ** 32 + 3 * 2 ** 20;
    const handle = openSync(path, 'w');
    // Holes take no room.
    ftruncateSync(handle, start);
    writeSync(handle, Buffer.from('\nfirst ü\nsecond\nthird'), 0, undefined, start);
    closeSync(handle);
    const { size, mtimeNs } = statSync(path, { bigint: true });
    const iterator = new LineIterator(path);
    iterator.loadStateDict({ offset: start + 1, file: { size: Number(size), modified: `${mtimeNs}` } });
    expect(await take(iterator, 1)).toEqual(['first ü']);
    expect(iterator.stateDict().offset).toBe(start + 10);
    const resumed = new LineIterator(path);
    resumed.loadStateDict(JSON.parse(JSON.stringify(iterator.stateDict())));
    expect(await all(resumed)).toEqual(['second', 'third']);
  });

  test('one that changed is noticed, on resumption and while it is read', async () => {
    const path = file('a\nb\nc\n');
    const iterator = new LineIterator(path);
    await take(iterator, 1);
    const state = iterator.stateDict();
    const { atime, mtime } = statSync(path);
    utimesSync(path, atime, new Date(mtime.getTime() + 1000));
    expect(() => new LineIterator(path).loadStateDict(state)).toThrow(
      /\.txt changed since its items were taken: it was 6 bytes of \d{4}.* and is 6 bytes of \d{4}/,
    );
    const accepting = new LineIterator(path, { acceptChanged: true });
    accepting.loadStateDict(state);
    expect(await all(accepting)).toEqual(['b', 'c']);

    const reading = new LineIterator(path);
    appendFileSync(path, 'd\n');
    await expect(reading.next()).rejects.toThrow('changed since its items were taken: it was 6 bytes');
    const shorter = new LineIterator(path, { acceptChanged: true });
    expect(() => shorter.loadStateDict({ ...state, offset: 9 })).toThrow('Expected at most 8 for offset');
  });

  test('a compressed one says that it is read over', async () => {
    const path = file(gzipSync('one\ntwo\n'), 'gz');
    const iterator = new LineIterator(path);
    await take(iterator, 1);
    warn.mockClear();
    const resumed = new LineIterator(path);
    resumed.loadStateDict(iterator.stateDict());
    expect(await all(resumed)).toEqual(['two']);
    expect(warn.mock.calls.map(([message]) => message)).toEqual([
      `${path} is compressed: to go on, 4 bytes of its text are read over`,
    ]);
    await iterator.close();
    expect(await take(iterator, 1)).toEqual(['two']);
    await iterator.close();
  });

  test('JSON on each line, empty lines left out; an error names the line', async () => {
    const path = file('{"a":1}\n\n[2, "é"]\r\n{"a":\n');
    const iterator = new JsonlIterator<unknown>(path);
    expect(await take(iterator, 2)).toEqual([{ a: 1 }, [2, 'é']]);
    await expect(iterator.next()).rejects.toThrow(/\.txt, line 4: .*JSON/);
    const good = file('1\n\n2\n\n\n3\n\n');
    await expectResumable(() => new JsonlIterator(good), 8, 4);
  });

  test('fields by the names of their columns', async () => {
    const path = file('q1\twhat is é\t0.5\nq2\t\t-1\n\nq3\tonly two\n');
    const iterator = new TsvIterator(path, ['id', 'text', 'score']);
    expect(await take(iterator, 2)).toEqual([
      { id: 'q1', text: 'what is é', score: '0.5' },
      { id: 'q2', text: '', score: '-1' },
    ]);
    await expect(iterator.next()).rejects.toThrow('.txt, line 4: expected 3 fields between tabs, received 2');
    const good = file('1\ta\n2\tb\n3\tc');
    await expectResumable(() => new TsvIterator(good, ['n', 'l']), 8, 4);
    expect(() => new TsvIterator(path, ['a', 'a'])).toThrow('Expected different names for columns');
  });

  test('what is no text in UTF-8, and what is no file', async () => {
    const iterator = new LineIterator(file(Buffer.from([0x61, 0x0a, 0xff, 0x0a])));
    expect(await take(iterator, 1)).toEqual(['a']);
    await expect(iterator.next()).rejects.toThrow(', line 2: expected text in UTF-8');
    expect(() => new LineIterator(join(directory, 'missing'))).toThrow(
      /^Expected a file that can be read at .*missing/,
    );
    mkdirSync(join(directory, 'folder'));
    expect(() => new LineIterator(join(directory, 'folder'))).toThrow(
      /^Expected a file that can be read at .*folder/,
    );
  });

  test('a truncated compressed file is an error, not an early end', async () => {
    const whole = gzipSync(Array.from({ length: 1000 }, (_, i) => `${Math.sin(i)}\n`).join(''));
    const iterator = new LineIterator(file(whole.subarray(0, whole.length - 100), 'gz'));
    await expect(all(iterator)).rejects.toThrow('unexpected end of file');
  });

  test.each([
    [null],
    [{ offset: 1 }],
    [{ offset: -1, file: { size: 1, modified: '1' } }],
    [{ offset: 0, file: { size: 1, modified: 1 } }],
  ])('refuses the state %j', (state) => {
    const iterator = new LineIterator(file('a\n'));
    expect(() => iterator.loadStateDict(state as never)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT' }) as never,
    );
  });
});

describe('samplers over files', () => {
  const records = Array.from({ length: 7 }, (_, i) => ({ id: i, text: `text ${i}` }));
  const random = () => RandomState.fromSeed(0);

  test('in the order of the file, pass after pass, also made ahead in a thread', async () => {
    const sampler = new JsonlSampler({ file: file(records.map((each) => JSON.stringify(each)).join('\n')) });
    const batches = new EndlessIterator(sampler.batches(random(), 3));
    const expected = [records.slice(0, 3), records.slice(3, 6), records.slice(6), records.slice(0, 3)];
    expect(await take(batches, 4)).toEqual(expected);
    const ahead = prefetchBatches(sampler, { random: random(), batchSize: 3, capacity: 2 });
    expect(await take(ahead, 4)).toEqual(expected);
    expect(ahead.stateDict()).toEqual(batches.stateDict());
    await ahead.close();
  });

  test('of lines and of fields', async () => {
    const path = file('a\t1\nb\t2\n');
    const read = (sampler: { iterate(): SerializableIterator<unknown> }) => all(sampler.iterate());
    expect(await read(new LineSampler({ file: path }))).toEqual(['a\t1', 'b\t2']);
    expect(await read(new TsvSampler({ file: path, columns: ['k', 'v'] }))).toEqual([
      { k: 'a', v: '1' },
      { k: 'b', v: '2' },
    ]);
    expect(() => new LineSampler({ file: '' })).toThrow('lineSampler.file: expected a path');
  });
});
