import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DocumentStore, MemoryDocuments } from '../../../lib/ir/collections/documentStore.ts';
import { readDocuments } from '../../../lib/ir/collections/documents.ts';
import { IdTable } from '../../../lib/ir/collections/idTable.ts';
import { DamagedError } from '../../../lib/learning/damaged.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { file } from './files.ts';

const DOCUMENTS = [
  { id: 'd1', title: 'A', text: 'naïve' },
  { id: 'é🙂', text: '' },
  { id: 'd3', text: 'x'.repeat(3_000_000), url: 'u' },
  { id: 'd4', text: 'after a long one' },
];

const newStore = () => join(temporaryDirectory(), 'deep', 'store');

describe('a document store', () => {
  test('gives documents by identifier and number, also when it is opened again', async () => {
    const directory = newStore();
    const built = await DocumentStore.build(directory, DOCUMENTS);
    built.close();
    for (const verify of [false, true]) {
      const store = await DocumentStore.open(directory, { verify });
      expect(store.size).toBe(4);
      expect([...store]).toEqual(DOCUMENTS);
      expect([...store.ids()]).toEqual(['d1', 'é🙂', 'd3', 'd4']);
      for (const [number, document] of DOCUMENTS.entries()) {
        expect(store.get(document.id)).toEqual(document);
        expect(store.at(number)).toEqual(document);
        expect(store.numberOf(document.id)).toBe(number);
        expect(store.text(document.id)).toBe(document.text);
      }
      expect([store.has('d1'), store.has('d'), store.has('')]).toEqual([true, false, false]);
      expect(store.get('d2')).toBeUndefined();
      expect(() => store.text('d2')).toThrow('There is no document "d2" in');
      expect(() => store.at(4)).toThrow('Expected an integer from 0 to 3 for number but received 4');
      store.close();
      expect(() => store.get('d1')).toThrow('is closed');
      store.close();
    }
  });

  test('of many documents, read from a file', async () => {
    const count = 20_000;
    const lines = Array.from({ length: count }, (_, i) => `${i * 7}\ttext of ${i}\n`).join('');
    using store = await DocumentStore.build(newStore(), readDocuments(file(lines, 'docs.tsv')));
    expect(store.size).toBe(count);
    expect(store.source).toMatchObject({ size: lines.length });
    const numbers = Array.from({ length: count }, (_, i) => i);
    expect(numbers.filter((i) => store.numberOf(`${i * 7}`) !== i)).toEqual([]);
    expect(store.text(`${7 * 12_345}`)).toBe('text of 12345');
    expect(store.has('1')).toBe(false);
  });

  test('of nothing', async () => {
    using store = await DocumentStore.build(newStore(), []);
    expect([store.size, store.has('a'), [...store]]).toEqual([0, false, []]);
  });

  test.each([
    [
      'an identifier that is there twice',
      'a\t1\nb\t2\na\t3\n',
      /docs\.tsv, line 3: document "a" is there twice/,
    ],
    ['what cannot be read', 'a\t1\nb\n', /docs\.tsv, line 2: expected 2 fields/],
  ])('is not made of %s, and leaves nothing', async (_, text, message) => {
    const directory = newStore();
    await expect(DocumentStore.build(directory, readDocuments(file(text, 'docs.tsv')))).rejects.toThrow(
      message,
    );
    expect(readdirSync(join(directory, '..'))).toEqual([]);
  });

  test('is not made of other things', async () => {
    const build = (documents: unknown) => DocumentStore.build(newStore(), documents as never);
    await expect(
      build([
        { id: 'a', text: 'x' },
        { id: 'a', text: 'x' },
      ]),
    ).rejects.toThrow('document 2: document "a" is there twice');
    await expect(build([{ id: 'a' }])).rejects.toThrow('Expected a document with id and text');
    await expect(build([{ id: '\ud800', text: '' }])).rejects.toThrow('half a character');
  });

  test('is not made where something is', async () => {
    const directory = newStore();
    mkdirSync(directory, { recursive: true });
    await expect(DocumentStore.build(directory, DOCUMENTS)).rejects.toThrow('where a store is to be made');
  });

  const flip = (path: string) => {
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    writeFileSync(path, bytes);
  };
  const DAMAGES: Readonly<Record<string, [(directory: string) => void, string]>> = {
    'without its manifest': [(at) => rmSync(join(at, 'store.json')), 'store.json is missing'],
    'without its documents': [(at) => rmSync(join(at, 'documents.jsonl')), 'documents.jsonl is missing'],
    'of another length': [
      (at) => appendFileSync(join(at, 'offsets.f64'), 'x'),
      'offsets.f64 has 41 bytes instead of 40',
    ],
    'with another table': [(at) => flip(join(at, 'id-buckets.u32')), 'the content of id-buckets.u32 is not'],
    'with a manifest that is none': [
      (at) => writeFileSync(join(at, 'store.json'), '{}'),
      'store.json is none',
    ],
    'with a manifest cut off': [(at) => writeFileSync(join(at, 'store.json'), '{'), 'store.json is no JSON'],
  };
  test.each(Object.entries(DAMAGES))('%s is refused', async (_, [damage, message]) => {
    const directory = newStore();
    (await DocumentStore.build(directory, DOCUMENTS)).close();
    damage(directory);
    await expect(DocumentStore.open(directory)).rejects.toThrow(message);
    await expect(DocumentStore.open(directory)).rejects.toBeInstanceOf(DamagedError);
  });

  test('whose documents changed is refused when it is verified, or when such a one is read', async () => {
    const directory = newStore();
    (await DocumentStore.build(directory, DOCUMENTS)).close();
    const path = join(directory, 'documents.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"id":"d4"', '"id":"d5"'));
    await expect(DocumentStore.open(directory, { verify: true })).rejects.toThrow(
      'the content of documents.jsonl',
    );
    using store = await DocumentStore.open(directory);
    expect(store.get('d1')).toEqual(DOCUMENTS[0]);
    expect(() => store.get('d4')).toThrow('is damaged: documents.jsonl at byte');
  });

  test('that is not there is no store', async () => {
    await expect(DocumentStore.open(newStore())).rejects.toThrow('store.json is missing');
    await expect(DocumentStore.open(newStore(), { verfy: true } as never)).rejects.toThrow(
      'did you mean verify?',
    );
  });
});

test('documents in memory are the same', async () => {
  const documents = await MemoryDocuments.read(DOCUMENTS);
  expect([documents.size, [...documents.ids()], [...documents]]).toEqual([
    4,
    DOCUMENTS.map(({ id }) => id),
    DOCUMENTS,
  ]);
  expect(documents.get('d4')?.text).toBe('after a long one');
  expect([documents.has('d1'), documents.has('d2')]).toEqual([true, false]);
  expect(() => documents.text('d2')).toThrow('There is no document "d2" in the collection');
  const twice = readDocuments(file('a\t1\na\t2\n', 'docs.tsv'));
  await expect(MemoryDocuments.read(twice)).rejects.toThrow('docs.tsv, line 2: document "a" is there twice');
});

test('a table of identifiers is a Map', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 4 })), (ids) => {
      const table = new IdTable();
      const map = new Map<string, number>();
      for (const id of ids) {
        expect(table.add(id)).toBe(!map.has(id));
        if (!map.has(id)) map.set(id, map.size);
      }
      for (const opened of [table, new IdTable(table.arrays())]) {
        for (const [id, number] of map) expect([opened.find(id), opened.at(number)]).toEqual([number, id]);
        expect(opened.find('none of them')).toBeUndefined();
      }
    }),
  );
});
