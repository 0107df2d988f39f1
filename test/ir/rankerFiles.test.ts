import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { identifier } from '../../lib/experiment/identifier.ts';
import { DocumentStore } from '../../lib/ir/collections/documentStore.ts';
import { FileAdhoc, RunFileRetriever, StoredDocuments } from '../../lib/ir/rankers/files.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('what a job opens in its own process', async () => {
  const folder = temporaryDirectory();
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const store = join(folder, 'store');
  (await DocumentStore.build(store, [{ id: 'd1', text: 'a river' }])).close();
  const documents = await new StoredDocuments({ documentsId: 'test', directory: store }).open();
  expect(documents.get('d1')!.text).toBe('a river');
  documents.close();

  const adhoc = new FileAdhoc({
    datasetId: 'test',
    topics: file('topics.tsv', 'q1\triver\n'),
    qrels: file('qrels.txt', 'q1 0 d1 1\n'),
  });
  const { topics, qrels } = await adhoc.open();
  expect([...topics].map(({ id, text }) => [id, text])).toEqual([['q1', 'river']]);
  expect(qrels.get('q1')!.get('d1')).toBe(1);

  const run = file('bm25.run', 'q1 Q0 d2 2 0.5 x\nq1 Q0 d1 1 3 x\n');
  const retriever = new RunFileRetriever({ runId: 'bm25', file: run });
  expect(await retriever.retrieve({ id: 'q1', text: '' })).toEqual([
    { id: 'd1', score: 3 },
    { id: 'd2', score: 0.5 },
  ]);
  const moved = new RunFileRetriever({ runId: 'bm25', file: join(folder, 'moved.run') });
  expect(identifier(moved)).toBe(identifier(retriever));
  await expect(moved.retrieve({ id: 'q1', text: '' })).rejects.toThrow('moved.run');
});
