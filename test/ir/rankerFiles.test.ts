import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { identifier } from '../../lib/experiment/identifier.ts';
import { copy } from '../../lib/experiment/task.ts';
import { DocumentStore } from '../../lib/ir/collections/documentStore.ts';
import { InvertedIndex } from '../../lib/ir/firststage/invertedIndex.ts';
import { OpenDocuments } from '../../lib/ir/rankers/documentProvider.ts';
import {
  FileAdhoc,
  FileDocuments,
  FileTopics,
  IndexFileRetriever,
  RunFileRetriever,
  StoredDocuments,
} from '../../lib/ir/rankers/files.ts';
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

test('documents and topics by identifier, from files, a store or a Map', async () => {
  const folder = temporaryDirectory();
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const all = [
    { id: 'd1', text: 'one', title: 'First' },
    { id: 'd2', text: 'two' },
  ];
  const store = await DocumentStore.build(join(folder, 'store'), all);
  const lines = '{"_id":"d1","text":"one","title":"First"}\n{"_id":"d2","text":"two"}\n';
  for (const provider of [
    new OpenDocuments(store),
    new OpenDocuments(new Map(all.map((each) => [each.id, each]))),
    new StoredDocuments({ documentsId: 'two', directory: store.directory }),
    new FileDocuments({ documentsId: 'two', file: file('documents.jsonl', lines) }),
  ]) {
    const texts = await provider.open();
    expect([texts.get('d1'), texts.get('d3'), ...texts.ids()]).toEqual([all[0], undefined, 'd1', 'd2']);
    const read: unknown[] = [];
    for await (const document of provider) read.push(document);
    expect(read).toEqual(all);
  }
  store.close();
  const topics = new FileTopics({ topicsId: 'one', file: file('topics.tsv', 'q1\twhich?\n') });
  expect((await topics.open()).get('q1')!.text).toBe('which?');
  await expect(
    new FileDocuments({ documentsId: 'bad', file: file('bad.tsv', 'd1\tone\nd2\n') }).open(),
  ).rejects.toThrow('bad.tsv, line 2: expected 2 fields (id text), received 1');
  expect(() => new OpenDocuments({} as never)).toThrow('Expected something with get(id) for texts');
  expect(() => new OpenDocuments({ get: () => all[0] }).open().ids()).toThrow('something with ids()');
});

test('an index in a directory, whose similarity is in the identity', async () => {
  const directory = join(temporaryDirectory(), 'index');
  const texts = ['a river', 'a river and a bank of the river', 'a boat'];
  const built = await InvertedIndex.build(
    texts.map((text, i) => ({ id: `d${i}`, text })),
    directory,
  );
  const values = { indexId: 'three', directory };
  const topic = { id: 'q', text: 'river bank' };
  const usual = new IndexFileRetriever(values);
  expect(await usual.retrieve(topic)).toEqual(built.search('river bank', 1000));
  expect(usual.similarity).toBe('{"name":"bm25","k1":1.2,"b":0.75,"variant":"lucene"}');
  const dirichlet = new IndexFileRetriever({ ...values, similarity: { name: 'dirichlet', mu: 10 }, topK: 1 });
  expect(await dirichlet.retrieve(topic)).toEqual(
    built.search('river bank', 1, { similarity: { name: 'dirichlet', mu: 10 } }),
  );
  const named = new IndexFileRetriever({
    ...values,
    similarity: { variant: 'lucene', k1: 1.2, name: 'bm25' },
  });
  expect(identifier(named)).toBe(identifier(usual));
  expect(identifier(copy(dirichlet))).toBe(identifier(dirichlet));
  expect(identifier(dirichlet)).not.toBe(identifier(usual));
  const other = new IndexFileRetriever({ ...values, similarity: { name: 'bm25', k1: 0.9 } });
  expect(identifier(other)).not.toBe(identifier(usual));
  expect(() => new IndexFileRetriever({ ...values, similarity: { name: 'tfidf' } as never })).toThrow(
    'Expected a similarity named bm25, dirichlet or jelinek-mercer',
  );
  expect(() => new IndexFileRetriever({ ...values, topK: 0 }).validate()).toThrow('topK');
});
