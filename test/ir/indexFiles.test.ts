import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { buildOnDisk, type IndexingProgress } from '../../lib/ir/firststage/build.ts';
import { InvertedIndex } from '../../lib/ir/firststage/invertedIndex.ts';
import { DamagedError } from '../../lib/learning/damaged.ts';
import { disk } from '../../lib/learning/disk.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const DOCUMENTS = Array.from({ length: 500 }, (_, i) => ({
  id: `D${i}`,
  text: Array.from({ length: 1 + (i % 30) }, (__, j) => `w${(i * j + 3 * j) % 97}`).join(' '),
}));
async function* stream(documents: Iterable<(typeof DOCUMENTS)[number]>) {
  for (const document of documents) {
    await Promise.resolve();
    yield document;
  }
}
const contents = (directory: string) =>
  Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'base64')]),
  );

describe('an index on the disk', () => {
  test('finds what one in memory does, however many runs it was merged from', async () => {
    const directory = temporaryDirectory();
    const inMemory = InvertedIndex.of(DOCUMENTS);
    const built: Record<string, string>[] = [];
    for (const bufferedPostings of [10, 1000, 1_000_000]) {
      const path = join(directory, `index-${bufferedPostings}`);
      const index = await InvertedIndex.build(stream(DOCUMENTS), path, { bufferedPostings });
      expect(index.statistics).toEqual(inMemory.statistics);
      for (const query of ['w1 w2 w3', 'w0', 'w96 w50 nowhere'])
        expect(index.search(query, 20)).toEqual(inMemory.search(query, 20));
      built.push(contents(path));
    }
    expect(built[1]).toEqual(built[0]);
    expect(built[2]).toEqual(built[0]);
    expect(readdirSync(directory)).toHaveLength(3);
  });

  test('is opened with its analyzer', async () => {
    const path = join(temporaryDirectory(), 'index');
    const analyzer = { tokenizer: 'identifiers', stopWords: ['of'], stemmer: 'porter2' } as const;
    await InvertedIndex.build([{ id: 'a', text: 'readFileSync of Größe' }], path, { analyzer });
    const index = await InvertedIndex.open(path);
    expect(index.analyzer.options).toMatchObject(analyzer);
    expect(index.search('fileSYNC größe', 1)).toHaveLength(1);
    expect(index.documentNumber('a')).toBe(0);
  });

  test('of nothing, and of empty documents', async () => {
    const directory = temporaryDirectory();
    const empty = await InvertedIndex.build([], join(directory, 'a'));
    expect([empty.size, empty.search('a', 1)]).toEqual([0, []]);
    const blank = await InvertedIndex.build([{ id: 'a', text: '' }], join(directory, 'b'));
    expect([blank.size, blank.search('a', 1)]).toEqual([1, []]);
  });

  test('a document of 10 MB lets others have their turn', async () => {
    const text = Array.from({ length: 1_700_000 }, (_, i) => `w${i % 5000}`).join(' ');
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const path = join(temporaryDirectory(), 'index');
    const index = await InvertedIndex.build([{ id: 'a', text: `${text} ${'x'.repeat(10_000_000)}` }], path);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
    expect(index.statistics.tokens).toBe(1_700_000);
    expect(index.termStatistics('w7')).toEqual({ documents: 1, tokens: 340 });
  });

  test('is not replaced unless that is asked for', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'index');
    await InvertedIndex.build(DOCUMENTS, path);
    await expect(InvertedIndex.build([], path)).rejects.toThrow('is there already');
    expect((await InvertedIndex.open(path)).size).toBe(500);
    const replaced = await InvertedIndex.build([], path, { overwrite: true });
    expect(replaced.size).toBe(0);
    expect(readdirSync(directory)).toEqual(['index']);
  });

  test('tells how far it is', async () => {
    const seen: IndexingProgress[] = [];
    const path = join(temporaryDirectory(), 'index');
    await InvertedIndex.build(DOCUMENTS, path, { progress: (each) => seen.push(each) });
    expect(seen.at(-1)).toMatchObject({ documents: 500 });
    expect(seen.some(({ phase }) => phase === 'documents')).toBe(true);
  });
});

describe('nothing is left of one', () => {
  test('that was given up', async () => {
    const directory = temporaryDirectory();
    const controller = new AbortController();
    async function* endless() {
      for (let i = 0; ; i++) {
        if (i === 100) controller.abort(new Error('enough'));
        yield { id: `${i}`, text: 'text' };
      }
    }
    const built = InvertedIndex.build(endless(), join(directory, 'index'), { signal: controller.signal });
    await expect(built).rejects.toThrow('enough');
    expect(readdirSync(directory)).toEqual([]);
  });

  test.each([
    [
      [
        { id: 'a', text: '' },
        { id: 'a', text: '' },
      ],
      'Document 2: its identifier "a"',
    ],
    [[{ id: 'a', text: undefined }], 'text of document 1 (a)'],
  ])('of %j', async (documents, message) => {
    const directory = temporaryDirectory();
    await expect(InvertedIndex.build(documents as never, join(directory, 'index'))).rejects.toThrow(message);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('when the disk is full, wherever that happens', async () => {
    const directory = temporaryDirectory();
    let failed = 0;
    for (let writes = 0; ; writes++) {
      let left = writes;
      const full = {
        ...disk,
        async create(path: string) {
          const file = await disk.create(path);
          return {
            size: 0,
            read: file.read.bind(file),
            sync: () => file.sync(),
            close: () => file.close(),
            write: async (bytes: Uint8Array) => {
              if (left-- === 0) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
              await file.write(bytes);
            },
          };
        },
      };
      const built = buildOnDisk(DOCUMENTS, join(directory, 'index'), { bufferedPostings: 2000 }, full);
      const error = await built.then(
        () => undefined,
        (reason: Error) => reason,
      );
      if (error === undefined) break;
      expect(error.message).toBe('no space left');
      expect(readdirSync(directory)).toEqual([]);
      failed++;
    }
    expect(failed).toBeGreaterThan(10);
    expect((await InvertedIndex.open(join(directory, 'index'))).size).toBe(500);
  });
});

describe('what is no whole index is refused', () => {
  test('by the name of the file that is missing, shorter, or other', async () => {
    const path = join(temporaryDirectory(), 'index');
    await InvertedIndex.build([...DOCUMENTS, { id: 'large', text: 'aa '.repeat(300) }], path);
    for (const name of readdirSync(path)) {
      const file = join(path, name);
      const bytes = readFileSync(file);
      expect(bytes.length).toBeGreaterThan(0);
      const refusal = async () => {
        const error = await InvertedIndex.open(path).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(DamagedError);
        return (error as Error).message;
      };
      const flipped = Buffer.from(bytes);
      const at = name === 'manifest.json' ? bytes.indexOf('"porter"') + 1 : bytes.length >> 1;
      flipped[at] = flipped[at]! ^ 1;
      writeFileSync(file, flipped);
      expect(await refusal()).toContain(name);
      truncateSync(file, bytes.length - 1);
      expect(await refusal()).toContain(name);
      rmSync(file);
      expect(await refusal()).toContain(`${name} is missing`);
      writeFileSync(file, bytes);
    }
    expect((await InvertedIndex.open(path)).size).toBe(501);
  });

  test('where there is none', async () => {
    const directory = temporaryDirectory();
    await expect(InvertedIndex.open(join(directory, 'nowhere'))).rejects.toThrow('manifest.json is missing');
    writeFileSync(join(directory, 'manifest.json'), '{"version": 2}');
    await expect(InvertedIndex.open(directory)).rejects.toThrow('is not that of an index');
    expect(existsSync(join(directory, 'manifest.json'))).toBe(true);
  });

  test('of another version, which says so', async () => {
    const { createHash } = await import('node:crypto');
    const path = join(temporaryDirectory(), 'index');
    await InvertedIndex.build([], path);
    const file = join(path, 'manifest.json');
    const { sha256: _, ...body } = JSON.parse(readFileSync(file, 'utf8'));
    body.version = 2;
    const sha256 = createHash('sha256').update(JSON.stringify(body)).digest('hex');
    writeFileSync(file, JSON.stringify({ ...body, sha256 }));
    await expect(InvertedIndex.open(path)).rejects.toThrow(
      'expected an index of version 1, received version 2; index the collection again',
    );
  });
});
