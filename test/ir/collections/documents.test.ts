import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { readDocuments, titleAndText } from '../../../lib/ir/collections/documents.ts';
import { csvFieldsOf } from '../../../lib/ir/collections/tables.ts';
import { readTopics } from '../../../lib/ir/collections/topics.ts';
import { all, expectResumable } from '../../learning/iteratorContract.ts';
import { itPython, runPython } from '../../support/python.ts';
import { file, SHARED } from './files.ts';

/** A compressed file says that it is read over. */
jest.spyOn(process, 'emitWarning').mockImplementation(() => {});

interface Case {
  readonly name: string;
  readonly text: string;
  readonly documents: readonly object[];
}

const CASES: Readonly<Record<string, Case>> = {
  'BEIR’s JSONL': {
    name: 'corpus.jsonl',
    text:
      '{"_id":"d1","title":"Café","text":"one","metadata":{"url":"u"}}\n\n' +
      '{"_id":2,"text":"two\\nlines","title":""}\n{"_id":"d3","text":"🙂"}\n{"_id":"d4","text":"4"}',
    documents: [
      { id: 'd1', title: 'Café', text: 'one', metadata: { url: 'u' } },
      { id: '2', title: '', text: 'two\nlines' },
      { id: 'd3', text: '🙂' },
      { id: 'd4', text: '4' },
    ],
  },
  'passages between tabs': {
    name: 'collection.tsv',
    text: '0\tthe "first" one\r\n1\tnaïve\r\n2\t\r\n3\tlast\r\n',
    documents: [
      { id: '0', text: 'the "first" one' },
      { id: '1', text: 'naïve' },
      { id: '2', text: '' },
      { id: '3', text: 'last' },
    ],
  },
  'CSV with quotes': {
    name: 'documents.csv',
    text: '\uFEFFid,title,text\r\na,"T, 1","says ""x""\r\nin two lines"\r\nb,,\r\n\r\nc,é,"q"\nd,"",end',
    documents: [
      { id: 'a', title: 'T, 1', text: 'says "x"\nin two lines' },
      { id: 'b', title: '', text: '' },
      { id: 'c', title: 'é', text: 'q' },
      { id: 'd', title: '', text: 'end' },
    ],
  },
  'TREC’s SGML': {
    name: 'docs.trec',
    text:
      '<DOC>\n<DOCNO> FT-1 </DOCNO>\n<DATE>1994</DATE>\n<HEADLINE>A &amp; B</HEADLINE>\n<TEXT>\nFirst <P>para\n' +
      '<!-- a\ncomment -->second\n</TEXT>\n<TEXT>More</TEXT>\n</DOC>\n\n<doc>\n<docno>2</docno>\nall of it é\n</doc>\n' +
      '<DOC><DOCNO>3</DOCNO><TITLE>t</TITLE>x &lt; y</DOC>\n<DOC>\n<DOCNO>4</DOCNO>\n</DOC>\n',
    documents: [
      { id: 'FT-1', title: 'A & B', text: 'First  para\n second\nMore' },
      { id: '2', text: 'all of it é' },
      { id: '3', title: 't', text: 'x < y' },
      { id: '4', text: '' },
    ],
  },
};

describe.each(Object.entries(CASES))('documents of %s', (_, { name, text, documents }) => {
  test.each([
    ['plain', name, text],
    ['compressed', `${name}.gz`, gzipSync(text)],
  ])('%s: read whole, and resumed after any', async (_how, path, content) => {
    const made = file(content, path);
    expect(await all(readDocuments(made))).toEqual(documents);
    await expectResumable(() => readDocuments(made), 11, 5);
  });
});

describe('documents', () => {
  test('of other columns and fields', async () => {
    const columns = ['id', 'url', 'title', 'text'];
    const passages = file('D1\thttp://a\tA\tbody\n', 'docs.tsv.gz');
    expect(await all(readDocuments(passages, { columns }))).toEqual([
      { id: 'D1', url: 'http://a', title: 'A', text: 'body' },
    ]);
    const headed = file('docno\ttext\n7\tx\n', 'docs.tsv');
    expect(await all(readDocuments(headed, { columns: 'header', fields: { id: 'docno' } }))).toEqual([
      { id: '7', text: 'x' },
    ]);
    const anserini = file('{"id":"a","contents":"c"}', 'docs.json');
    const fields = { id: 'id', text: 'contents' };
    expect(await all(readDocuments(anserini, { format: 'jsonl', fields }))).toEqual([{ id: 'a', text: 'c' }]);
    const led = file('<DOC>\n<DOCNO>1</DOCNO>\n<LP>lead</LP>\n<TEXT>rest</TEXT>\n</DOC>\n', 'ap.trec');
    expect(await all(readDocuments(led, { tags: { text: ['LP', 'TEXT'] } }))).toEqual([
      { id: '1', text: 'lead\nrest' },
    ]);
  });

  test('title and text as one', () => {
    expect(titleAndText({ id: '1', title: 'A', text: 'b' })).toBe('A b');
    expect(titleAndText({ id: '1', title: '', text: 'b' })).toBe('b');
    expect(titleAndText({ id: '1', text: 'b' })).toBe('b');
  });

  test('a name that says nothing, and wrong options, are refused', () => {
    const path = file('x');
    expect(() => readDocuments(path)).toThrow('Expected a name that ends with .jsonl, .ndjson, .tsv, .csv');
    expect(() => readDocuments(path, { format: 'xml' as never })).toThrow(
      'Expected one of jsonl, tsv, csv, trec',
    );
    expect(() => readDocuments(path, { colums: [] } as never)).toThrow('did you mean columns?');
    expect(() => readDocuments(path, { format: 'tsv', columns: ['a', 'a'] })).toThrow(
      'different names for columns',
    );
  });

  test('an error leaves the iterator before what it could not read', async () => {
    const iterator = readDocuments(file('1\ta\n2\n3\tc\n', 'docs.tsv'));
    await iterator.next();
    const state = iterator.stateDict();
    for (let i = 0; i < 2; i++)
      await expect(iterator.next()).rejects.toThrow('line 2: expected 2 fields (id text)');
    expect(iterator.stateDict()).toEqual(state);
  });

  test('any fields survive CSV', () => {
    const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', 'é') }), { minLength: 1 }),
        (row) => {
          expect(csvFieldsOf(row.map(quoted).join(','))).toEqual(row);
        },
      ),
    );
  });

  itPython({ csv: undefined })('CSV is what Python reads', async () => {
    const { text, name } = CASES['CSV with quotes'] as Case;
    const path = file(text, name);
    const printed = runPython(
      `import csv, json, sys
with open(${JSON.stringify(path)}, encoding='utf-8-sig', newline='') as f:
    print(json.dumps(list(csv.DictReader(f))))`,
    );
    const rows = JSON.parse(printed) as Record<string, string>[];
    const ours = await all(readDocuments(path));
    expect(ours).toEqual(rows.map((row) => ({ ...row, text: row.text?.replaceAll('\r\n', '\n') })));
  });
});

describe('topics', () => {
  const OLD = `<top>
<head> Tipster Topic Description
<num> Number: 301
<title> International Organized Crime

<desc> Description:
Identify organizations that participate.

<narr> Narrative:
A relevant document must &quot;as a minimum&quot; identify.
</top>

<top>
<num>2</num><title>
PLAIN
</title>
</top>
`;

  test('of TREC, with tags that are closed and such that are not', async () => {
    const path = file(OLD, 'topics.trec');
    const topics = await readTopics(path);
    expect([...topics.values()]).toEqual([
      {
        id: '301',
        text: 'International Organized Crime',
        title: 'International Organized Crime',
        desc: 'Identify organizations that participate.',
        narr: 'A relevant document must "as a minimum" identify.',
      },
      { id: '2', text: 'PLAIN', title: 'PLAIN' },
    ]);
    const both = file(OLD.slice(0, OLD.indexOf('</top>') + 7), 'topics.trec.gz');
    const described = await readTopics(both, { fields: { text: ['title', 'desc'] } });
    expect(described.get('301')?.text).toBe(
      'International Organized Crime Identify organizations that participate.',
    );
    await expect(readTopics(path, { fields: { text: 'desc' } })).rejects.toThrow(
      'topics.trec, line 17: expected a text in "desc", received only "num", "title"',
    );
  });

  test('of JSONL, between tabs and of CSV', async () => {
    const read = async (text: string, name: string) => [...(await readTopics(file(text, name))).values()];
    expect(await read('{"_id":"q1","text":"what","metadata":{}}', 'queries.jsonl')).toEqual([
      { id: 'q1', text: 'what', metadata: {} },
    ]);
    expect(await read('7\twhat is\n', 'queries.tsv')).toEqual([{ id: '7', text: 'what is' }]);
    expect(await read('id,text\n7,"a, b"\n', 'queries.csv')).toEqual([{ id: '7', text: 'a, b' }]);
  });
});

const VASWANI = join(SHARED, 'vaswani');
(existsSync(VASWANI) ? describe : describe.skip)('the collection of Vaswani', () => {
  test('has all documents and topics, in their order', async () => {
    const documents = await all(readDocuments(join(VASWANI, 'doc-text.trec')));
    expect(documents.map(({ id }) => id)).toEqual(Array.from({ length: 11429 }, (_, i) => `${i + 1}`));
    expect(documents[0]?.text).toBe(
      'compact memories have flexible capacities  a digital data storage\nsystem with capacity up to bits and random ' +
        'and or sequential access\nis described',
    );
    // Not a word is lost or added.
    const words = (text: string) => text.split(/\s+/).filter((word) => word !== '').length;
    const source = readFileSync(join(VASWANI, 'doc-text.trec'), 'utf8');
    const tagged = words(source.replaceAll(/<DOCNO>.*<\/DOCNO>|<\/?DOC>/g, ' '));
    expect(documents.reduce((sum, { text }) => sum + words(text), 0)).toBe(tagged);
    const topics = await readTopics(join(VASWANI, 'query-text.trec'), { format: 'trec' });
    expect(topics.size).toBe(93);
    expect(topics.get('1')?.text).toMatch(/^MEASUREMENT OF DIELECTRIC CONSTANT OF LIQUIDS/);
  });
});
