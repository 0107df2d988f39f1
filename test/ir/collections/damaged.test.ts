import { gzipSync } from 'node:zlib';
import { describe, expect, jest, test } from '@jest/globals';
import { readDocuments } from '../../../lib/ir/collections/documents.ts';
import { readQrels } from '../../../lib/ir/collections/qrels.ts';
import { readRun } from '../../../lib/ir/collections/runs.ts';
import { readTopics } from '../../../lib/ir/collections/topics.ts';
import {
  readHardNegatives,
  readPairs,
  readScoredTriples,
  readTextTriples,
  readTriples,
} from '../../../lib/ir/collections/training.ts';
import { all } from '../../learning/iteratorContract.ts';
import { file } from './files.ts';

jest.spyOn(process, 'emitWarning').mockImplementation(() => {});

/** Reads a whole file. */
type Read = (path: string) => Promise<unknown>;
const documents: Read = (path) => all(readDocuments(path));
const triples: Read = (path) => all(readTriples(path));
const negatives: Read = (path) => all(readHardNegatives(path));
const scored: Read = (path) => all(readScoredTriples(path));

const long = 'x'.repeat(10_000_000);
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));
/** Does not compress, so that most of it is behind the cut. */
const noise = Array.from({ length: 20_000 }, (_, i) => `1 0 ${Math.sin(i)} 1\n`).join('');
const cut = gzipSync(noise).subarray(0, -1000);
const altered = gzipSync(noise);
altered[altered.length - 8] = (altered.at(-8) as number) ^ 1;

/** What reads it, the name of the file, what stands in it, and what is said of it, after the path. */
type Damage = [read: Read, name: string, content: string | Buffer, message: string | RegExp];
const DAMAGES: Readonly<Record<string, Damage>> = {
  // Bytes
  'invalid UTF-8': [
    readQrels,
    'qrels',
    bytes('1 0 a 1\n1 0 ', [0xff], ' 1\n'),
    ', line 2: expected text in UTF-8',
  ],
  'half a character': [
    documents,
    'd.tsv',
    bytes('1\ta\n2\t', [0xe2, 0x82], '\n'),
    ', line 2: expected text in UTF-8',
  ],
  'UTF-16': [documents, 'd.tsv', Buffer.from('\ufeff1\ta\n', 'utf16le'), ', line 1: expected text in UTF-8'],
  NUL: [
    readRun,
    'run',
    `1 Q0 a 1 1 t\n1 Q0 b 2 ${'\0'.repeat(40)}`,
    ', line 2: expected text, received a NUL byte',
  ],
  'an absurd line': [
    readQrels,
    'qrels',
    `1 0 a 1\n${long}`,
    ', line 2: expected a line of at most 8388608 bytes',
  ],
  'an absurd line that ends': [
    documents,
    'd.tsv',
    `1\t${long}\n`,
    ', line 1: expected a line of at most 8388608',
  ],
  'an absurd line, compressed': [
    documents,
    'd.jsonl.gz',
    gzipSync(`{"_id":"1","text":"${long}"}`),
    ', line 1: expected a',
  ],
  'gzip cut off': [readQrels, 'qrels.gz', cut, /, line \d{3,}: unexpected end of file$/],
  'gzip altered': [readQrels, 'qrels.gz', altered, /, line \d{3,}: incorrect data check$/],
  'no gzip but its name': [readQrels, 'qrels.gz', '1 0 a\n', ', line 1: expected 4 fields'],
  // Nothing
  'empty judgements': [readQrels, 'qrels', '', ': expected at least one judgement, received none'],
  'only a header': [readQrels, 'q.tsv', 'query-id\tcorpus-id\tscore\n', ': expected at least one judgement'],
  'an empty run': [readRun, 'run', '\n \n', ': expected at least one line, received none'],
  'empty topics': [readTopics, 't.tsv', '', ': expected at least one topic, received none'],
  'empty compressed topics': [readTopics, 't.tsv.gz', gzipSync(''), ': expected at least one topic'],
  // Judgements
  'three fields': [
    readQrels,
    'qrels',
    '1 0 a 1\n\n1 0 b\n',
    ', line 3: expected 4 fields (topic iteration document grade), received 3',
  ],
  'five fields': [
    readQrels,
    'qrels',
    '1 0 a 1 x\n',
    ', line 1: expected 4 fields (topic iteration document grade), received 5',
  ],
  'a grade of 1.0': [
    readQrels,
    'qrels',
    '1 0 a 1.0\n',
    ', line 1: expected an integer as the grade, received "1.0"',
  ],
  'a grade of 0x1': [
    readQrels,
    'qrels',
    '1 0 a 0x1\n',
    ', line 1: expected an integer as the grade, received "0x1"',
  ],
  'a huge grade': [
    readQrels,
    'qrels',
    '1 0 a 99999999999999999999\n',
    ', line 1: expected an integer as the grade',
  ],
  'a judgement twice': [
    readQrels,
    'qrels',
    '1 0 a 1\n2 0 a 1\n1 0 a 0\n',
    ', line 3: document "a" is there twice for topic "1"',
  ],
  'a header of others': [readQrels, 'q.tsv', 'query-id\tdoc-id\tscore\n', ', line 1: expected 4 fields'],
  'BEIR without a column': [
    readQrels,
    'q.tsv',
    'query-id\tcorpus-id\tscore\nq\td\n',
    ', line 2: expected 3 fields',
  ],
  'BEIR with a score of 0.5': [
    readQrels,
    'q.tsv',
    'query-id\tcorpus-id\tscore\nq\td\t0.5\n',
    ', line 2: expected an integer',
  ],
  // Runs
  'a run of three fields': [
    readRun,
    'run',
    '1 a 1\n',
    ', line 1: expected 6 fields (topic Q0 document rank score tag), received 3',
  ],
  'a run without tags': [readRun, 'run', '1 Q0 a 1 1\n', ', line 1: expected 6 fields'],
  ...Object.fromEntries(
    ['nan', 'NaN', 'inf', '-Infinity', '1e999', '0x10', '1,5', '--1', '.'].map((score): [string, Damage] => [
      `a score of ${score}`,
      [
        readRun,
        'run',
        `1 Q0 a 1 ${score} t\n`,
        `, line 1: expected a finite number as the score, received "${score}"`,
      ],
    ]),
  ),
  'a document twice': [
    readRun,
    'run',
    '1 Q0 a 1 2 t\n1 Q0 a 2 1 t\n',
    ', line 2: document "a" is there twice for topic "1"',
  ],
  'a rank of 0': [
    (path) => readRun(path, { format: 'msmarco' }),
    'run',
    '1\ta\t0\n',
    ', line 1: expected a positive integer as the rank',
  ],
  // Documents
  'JSON cut off': [documents, 'd.jsonl', '{"_id":"1","text":""}\n{"_id":"2"', ', line 2: Expected'],
  'a list': [documents, 'd.jsonl', '[1]\n', ', line 1: expected an object, received [1]'],
  'no _id': [
    documents,
    'd.jsonl',
    '{"id":"1","text":"x"}\n',
    ', line 1: expected an identifier in "_id", received only "id", "text"',
  ],
  'an _id of null': [
    documents,
    'd.jsonl',
    '{"_id":null,"text":"x"}\n',
    ', line 1: expected an identifier in "_id", received null',
  ],
  'an empty _id': [
    documents,
    'd.jsonl',
    '{"_id":"","text":"x"}\n',
    ', line 1: expected an identifier in "_id", received ""',
  ],
  'no text': [
    documents,
    'd.jsonl',
    '{"_id":"1"}\n',
    ', line 1: expected a text in "text", received only "_id"',
  ],
  'a text that is none': [
    documents,
    'd.jsonl',
    '{"_id":"1","text":["x"]}\n',
    ', line 1: expected a text in "text", received ["x"]',
  ],
  'a field too few': [
    documents,
    'd.tsv',
    '1\ta\r\n2\r\n',
    ', line 2: expected 2 fields (id text), received 1',
  ],
  'a field too many': [documents, 'd.tsv', '1\ta\tb\n', ', line 1: expected 2 fields (id text), received 3'],
  'CSV without names': [
    documents,
    'd.csv',
    '1,a\n2,b\n',
    ', line 2: expected an identifier in "id", received only "1", "a"',
  ],
  'CSV with equal names': [documents, 'd.csv', 'id,id\n', ', line 1: expected different names of columns'],
  'CSV, a field too few': [
    documents,
    'd.csv',
    'id,text\n1\n',
    ', line 2: expected 2 fields (id text), received 1',
  ],
  'CSV, a quote inside': [
    documents,
    'd.csv',
    'id,text\n1,a"b"\n',
    ', line 2: a field with a quote in it must be quoted',
  ],
  'CSV, text after a quote': [
    documents,
    'd.csv',
    'id,text\n1,"a"b\n',
    ', line 2: expected a comma after a closing quote',
  ],
  'CSV, a quote left open': [
    documents,
    'd.csv',
    'id,text\n1,"a\n2,b\n',
    ', line 3: the file ends inside quotes, in the row of its last 2 lines',
  ],
  'CSV, an absurd row': [
    documents,
    'd.csv',
    `id,text\n1,"${`${'x'.repeat(4_000_000)}\n`.repeat(3)}"\n`,
    /, line 4: what begins 2 lines above is longer than 8388608/,
  ],
  'no <DOC>': [documents, 'd.trec', 'text\n', ', line 1: expected <DOC>'],
  'no </DOC>': [
    documents,
    'd.trec',
    '<DOC>\n<DOCNO>1</DOCNO>\n',
    ', line 2: <DOC> does not end, in the last 2 lines',
  ],
  'a <DOC> in another': [
    documents,
    'd.trec',
    '<DOC>\n<DOCNO>1</DOCNO>\n<DOC>\n',
    ', line 3: <DOC>, 2 lines above, does not end',
  ],
  'no <DOCNO>': [
    documents,
    'd.trec',
    '<DOC>\n</DOC>\n',
    ', line 2: expected one <DOCNO> in <DOC>, received 0',
  ],
  'an empty <DOCNO>': [
    documents,
    'd.trec',
    '<DOC>\n<DOCNO> </DOCNO>\n</DOC>\n',
    ', line 3: expected an identifier in "id"',
  ],
  'two documents on a line': [
    documents,
    'd.trec',
    '<DOC><DOCNO>1</DOCNO></DOC><DOC></DOC>\n',
    ', line 1: expected a new line after </DOC>',
  ],
  'a <TEXT> left open': [
    documents,
    'd.trec',
    '<DOC>\n<DOCNO>1</DOCNO>\n<TEXT>\n</DOC>\n',
    ', line 4: <TEXT> does not end',
  ],
  // Topics
  'a topic twice': [readTopics, 't.tsv', '1\ta\n1\ta\n', ', line 2: topic "1" is there twice'],
  'a topic without a number': [
    readTopics,
    't.trec',
    '<top>\n<title> x\n</top>\n',
    ', line 3: expected an identifier in "num"',
  ],
  'a topic with two titles': [
    readTopics,
    't.trec',
    '<top>\n<num> 1 <title> x <title> y\n</top>\n',
    ', line 3: expected one <title> in <top>',
  ],
  'a topic left open': [
    readTopics,
    't.trec',
    '<top>\n<num> 1 <title> x\n<top>\n',
    ', line 3: <top>, 2 lines above, does not end',
  ],
  // What is learnt from
  'a pair of one': [
    (path) => all(readPairs(path)),
    'p.tsv',
    '1\t2\n3\n',
    ', line 2: expected 2 fields (topic document), received 1',
  ],
  'an empty identifier': [
    triples,
    't.tsv',
    '1\t\t3\n',
    ', line 1: expected an identifier in "positive", received ""',
  ],
  'a triple of texts with a tab': [
    (path) => all(readTextTriples(path)),
    't.tsv',
    'a\tb\tc\td\n',
    ', line 1: expected 3 fields',
  ],
  'a teacher without a score': [
    scored,
    's.tsv',
    'nan\t1\t1\t2\t3\n',
    ', line 1: expected a finite number as the score, received "nan"',
  ],
  'negatives without lists': [
    negatives,
    'n.jsonl',
    '{"qid":1,"pos":[],"neg":[]}\n',
    ', line 1: expected lists by name in "neg", received []',
  ],
  'positives that are no list': [
    negatives,
    'n.jsonl',
    '{"qid":1,"pos":2,"neg":{}}\n',
    ', line 1: expected a list in "pos", received 2',
  ],
  'a negative that is none': [
    negatives,
    'n.jsonl',
    '{"qid":1,"pos":[],"neg":{"bm25":[1.5]}}\n',
    ', line 1: expected an identifier in "bm25", received 1.5',
  ],
};

describe('what is damaged', () => {
  test.each(Object.entries(DAMAGES))('%s', async (_, [read, name, content, message]) => {
    const path = file(content, name);
    const error = await read(path).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ code: 'ERR_FILE' });
    expect(error?.message.startsWith(path)).toBe(true);
    const told = error?.message.slice(path.length);
    if (typeof message === 'string') expect(told?.slice(0, message.length)).toBe(message);
    else expect(told).toMatch(message);
  });

  test('what may be longer is read where that was said', async () => {
    const path = file(`1\t${long}\n`, 'd.tsv');
    expect(await all(readDocuments(path, { longestLine: 2 ** 24 }))).toEqual([{ id: '1', text: long }]);
  });

  test.each([
    ['carriage returns', '1 0 a 1\r\n1 0 b 0\r\n'],
    ['a byte order mark', '\uFEFF1 0 a 1\n1 0 b 0\n'],
    ['no line feed at the end', '1 0 a 1\n1 0 b 0'],
  ])('%s are no damage', async (_, text) => {
    expect((await readQrels(file(text, 'qrels'))).get('1')).toEqual(new Map(Object.entries({ a: 1, b: 0 })));
  });

  test('zstd is read where Node has it, and named where it has not', async () => {
    // The frame of 'q1\tx\n', stored as it is, which needs no compressor; twice, of which Node itself reads one.
    const frame = (text: string) =>
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x29, 0, 0, ...Buffer.from(text)]);
    const read = readTopics(file(Buffer.concat([frame('q1\tx\n'), frame('q2\ty\n')]), 't.tsv.zst'));
    if ('createZstdDecompress' in (await import('node:zlib'))) expect((await read).get('q2')?.text).toBe('y');
    else
      await expect(read).rejects.toThrow(
        /t\.tsv\.zst is compressed with zstd, which Node .* cannot read: Node 22\.15/,
      );
  });
});
