import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readBeir, readCollection } from '../../../lib/ir/collections/collection.ts';
import { DocumentStore } from '../../../lib/ir/collections/documentStore.ts';
import { readQrels } from '../../../lib/ir/collections/qrels.ts';
import { readRun } from '../../../lib/ir/collections/runs.ts';
import { temporaryDirectory, writeFiles } from '../../support/temporary.ts';
import { file, nested } from './files.ts';

const HEADER = 'query-id\tcorpus-id\tscore\n';

function beir(more = ''): string {
  const directory = temporaryDirectory();
  writeFiles(directory, {
    'corpus.jsonl': '{"_id":"d1","title":"T","text":"one"}\n{"_id":"d2","title":"","text":"two"}\n',
    'queries.jsonl': '{"_id":"q1","text":"first"}\n{"_id":"q2","text":"of another split"}\n',
    'qrels/test.tsv': `${HEADER}q1\td1\t1\nq1\td2\t0\n${more}`,
    'qrels/train.tsv': `${HEADER}q2\td1\t1\n`,
  });
  return directory;
}

describe('a collection of BEIR', () => {
  test('has the documents, and topics and judgements of a split', async () => {
    const directory = beir();
    const test = await readBeir(directory);
    expect([...test.topics.values()]).toEqual([{ id: 'q1', text: 'first' }]);
    expect(nested(test.qrels)).toEqual({ q1: { d1: 1, d2: 0 } });
    expect(test.documents.text('d2')).toBe('two');
    expect(test.dropped).toEqual({ records: 0, topics: 0, documents: 0 });
    expect([...(await readBeir(directory, 'train')).topics.keys()]).toEqual(['q2']);
    await expect(readBeir(directory, 'dev')).rejects.toThrow(
      /Expected dev\.tsv in .*qrels but received "test\.tsv"/,
    );
    await expect(readBeir(join(directory, 'none'))).rejects.toThrow('but received no directory');
  });

  test('keeps its documents in a store that is made once, and not taken for another one', async () => {
    const directory = beir();
    const store = join(temporaryDirectory(), 'store');
    for (let i = 0; i < 2; i++) {
      const { documents } = await readBeir(directory, 'test', { store });
      expect(documents).toBeInstanceOf(DocumentStore);
      expect(documents.text('d1')).toBe('one');
      (documents as DocumentStore).close();
    }
    utimesSync(join(directory, 'corpus.jsonl'), 1, 1);
    await expect(readBeir(directory, 'test', { store })).rejects.toThrow(
      /store was made of another file: .*corpus\.jsonl/,
    );
  });

  const MORE = 'q1\td9\t1\nq9\td1\t1\nq9\td9\t0\nq8\td1\t1\n';
  test('whose judgements name what is not there is refused: file, line, identifier, and how many', async () => {
    await expect(readBeir(beir(MORE))).rejects.toThrow(
      /test\.tsv, line 4: document "d9" is not in the collection; in all 2 topics and 1 documents are not, on 4 lines/,
    );
  });

  test('or that is dropped, and counted', async () => {
    const collection = await readBeir(beir(MORE), 'test', { missing: 'drop' });
    expect(nested(collection.qrels)).toEqual({ q1: { d1: 1, d2: 0 } });
    expect(collection.dropped).toEqual({ records: 4, topics: 2, documents: 1 });
  });
});

test('a collection of whose judgements none would be left is refused', async () => {
  const directory = beir();
  writeFiles(directory, { 'qrels/dev.tsv': `${HEADER}q1\tD1\t1\nQ1\td1\t1\n` });
  await expect(readBeir(directory, 'dev', { missing: 'drop' })).rejects.toThrow(
    /dev\.tsv, line 2: document "D1" is not in the collection; nor .* nothing would be left of 2 lines/,
  );
});

test('a collection of parts', async () => {
  const documents = [{ id: 'd', text: 't' }];
  const topics = new Map([['1', { id: '1', text: 'q' }]]);
  const qrels = file('1 0 d 1\n');
  const first = await readCollection({ documents, topics, qrels });
  const again = await readCollection({ documents: first.documents, topics, qrels });
  expect(again.documents).toBe(first.documents);
  expect(nested(again.qrels)).toEqual({ '1': { d: 1 } });
  await expect(readCollection({ documents: 'd.tsv', topics, qrels } as never)).rejects.toThrow(
    'for documents but received "d.tsv"',
  );
  await expect(readCollection({ documents, topics: 't.tsv', qrels } as never)).rejects.toThrow(
    'for topics but received "t.tsv"',
  );
  await expect(readCollection({ documents, topics, qrels }, { stor: 'x' } as never)).rejects.toThrow(
    'did you mean store?',
  );
});

test('judgements and runs of what is not there', async () => {
  const topics = new Set(['1']);
  const documents = new Set(['a']);
  await expect(readQrels(file('1 0 a 1\n2 0 a 1\n', 'qrels'), { topics })).rejects.toThrow(
    /qrels, line 2: topic "2" is not in the collection; in all 1 topics and 0 documents are not, on 1 lines/,
  );
  const path = file('1 Q0 a 1 2 t\n1 Q0 b 2 1 t\n', 'run');
  await expect(readRun(path, { documents })).rejects.toThrow(
    'run, line 2: document "b" is not in the collection',
  );
  const run = await readRun(path, { documents, missing: 'drop' });
  expect(nested(run)).toEqual({ '1': { a: 2 } });
  expect([run.tag, run.dropped]).toEqual(['t', { records: 1, topics: 0, documents: 1 }]);
});
