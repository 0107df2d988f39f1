import { gzipSync } from 'node:zlib';
import { describe, expect, jest, test } from '@jest/globals';
import {
  type RecordIterator,
  readHardNegatives,
  readPairs,
  readScoredTriples,
  readTextTriples,
  readTriples,
} from '../../../lib/ir/collections/training.ts';
import { all, expectResumable } from '../../learning/iteratorContract.ts';
import { file } from './files.ts';

/** A compressed file says that it is read over. */
jest.spyOn(process, 'emitWarning').mockImplementation(() => {});

type Read = (path: string, options?: object) => RecordIterator<unknown>;
const READERS: Readonly<Record<string, [Read, name: string, text: string, records: readonly object[]]>> = {
  pairs: [
    readPairs,
    'pairs.tsv',
    'q1\td1\nq1\td2\nq2\td1\n',
    [
      { topic: 'q1', document: 'd1' },
      { topic: 'q1', document: 'd2' },
      { topic: 'q2', document: 'd1' },
    ],
  ],
  'pairs with grades': [
    readPairs,
    'pairs.csv',
    'topic,document,grade,by\nq1,d1,1,me\nq1,d2,-2,me\nq2,d1,0,me\n',
    [
      { topic: 'q1', document: 'd1', grade: 1 },
      { topic: 'q1', document: 'd2', grade: -2 },
      { topic: 'q2', document: 'd1', grade: 0 },
    ],
  ],
  triples: [
    readTriples,
    'qidpidtriples.tsv',
    '1\t2\t3\n1\t2\t4\n5\t6\t7\n',
    [
      { topic: '1', positive: '2', negative: '3' },
      { topic: '1', positive: '2', negative: '4' },
      { topic: '5', positive: '6', negative: '7' },
    ],
  ],
  'triples of texts': [
    readTextTriples,
    'triples.tsv',
    'what is é\tgood\tbad\nq 2\t"quoted\tworse\nq\tp\t\n',
    [
      { query: 'what is é', positive: 'good', negative: 'bad' },
      { query: 'q 2', positive: '"quoted', negative: 'worse' },
      { query: 'q', positive: 'p', negative: '' },
    ],
  ],
  'triples with scores': [
    readScoredTriples,
    'scores.tsv',
    '9.5\t-1e-1\t1\t2\t3\n0\t0\t1\t2\t4\n1\t2\t5\t6\t7\n',
    [
      { positiveScore: 9.5, negativeScore: -0.1, topic: '1', positive: '2', negative: '3' },
      { positiveScore: 0, negativeScore: 0, topic: '1', positive: '2', negative: '4' },
      { positiveScore: 1, negativeScore: 2, topic: '5', positive: '6', negative: '7' },
    ],
  ],
  'hard negatives': [
    readHardNegatives,
    'negatives.jsonl',
    '{"qid":1,"pos":[2],"neg":{"bm25":[3,4],"dense":[]}}\n' +
      '{"qid":"q","pos":[],"neg":{}}\n{"qid":5,"pos":[{"pid":6,"ce-score":1}],"neg":{"bm25":[{"pid":"7"}]}}\n',
    [
      { topic: '1', positives: ['2'], negatives: { bm25: ['3', '4'], dense: [] } },
      { topic: 'q', positives: [], negatives: {} },
      { topic: '5', positives: ['6'], negatives: { bm25: ['7'] } },
    ],
  ],
};

describe.each(Object.entries(READERS))('%s', (_, [read, name, text, records]) => {
  test('read whole, and resumed after any', async () => {
    expect(await all(read(file(text, name)))).toEqual(records);
    expect(await all(read(file(gzipSync(text), `${name}.gz`)))).toEqual(records);
    const path = file(text, name);
    await expectResumable(() => read(path), 9, 5);
  });

  test('options by other names are refused', () => {
    expect(() => read(file(text, name), { acceptChange: true })).toThrow('did you mean acceptChanged?');
  });
});

describe('what is not there', () => {
  const topics = new Set(['1']);
  const documents = new Set(['2', '3']);
  const path = () => file('1\t2\t3\n1\t2\t4\n5\t2\t3\n', 'triples.tsv');

  test('is an error with file, line and identifier', async () => {
    await expect(all(readTriples(path(), { documents }))).rejects.toThrow(
      /triples\.tsv, line 2: document "4" is not in the collection$/,
    );
    await expect(all(readTriples(path(), { topics }))).rejects.toThrow(
      'line 3: topic "5" is not in the collection',
    );
  });

  test('is dropped and counted where that was asked for', async () => {
    const triples = readTriples(path(), { topics, documents, missing: 'drop' });
    expect(await all(triples)).toEqual([{ topic: '1', positive: '2', negative: '3' }]);
    expect(triples.dropped).toEqual({ records: 2, topics: 1, documents: 1 });
  });

  test('needs what says what is there', () => {
    expect(() => readTriples(path(), { topics: ['1'] as never })).toThrow(
      'Expected something with has(id) for topics',
    );
    expect(() => readTriples(path(), { missing: 'ignore' as never })).toThrow(
      'Expected refuse or drop for missing',
    );
    expect(() => readTriples(path(), { format: 'trec' as never })).toThrow('Expected one of jsonl, tsv, csv');
  });
});
