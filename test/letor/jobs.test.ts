/** First stage and hard negatives in the process of a job. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { FileAdhoc, IndexFileRetriever, InvertedIndex } from '../../lib/ir/index.ts';
import { RandomState } from '../../lib/learning/index.ts';
import {
  JSONLPairwiseSampleDataset,
  ModelBasedHardNegativeSampler,
  PairwiseDatasetTripletBasedSampler,
  type PairwiseSample,
  RetrieverRankings,
} from '../../lib/letor/index.ts';
import { begin, newPlace } from '../experiment/support.ts';
import { take } from '../learning/iteratorContract.ts';
import { newDirectory } from '../learning/toy.ts';

test('a job searches an index for hard negatives, and returns the dataset', async () => {
  const folder = newDirectory();
  const texts = ['a river', 'a river bank', 'the bank of a river', 'a boat', 'river river'];
  const index = await InvertedIndex.build(
    texts.map((text, i) => ({ id: `d${i}`, text })),
    join(folder, 'index'),
  );
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const task = new ModelBasedHardNegativeSampler({
    source: new RetrieverRankings({
      retriever: new IndexFileRetriever({ indexId: 'five', directory: join(folder, 'index') }),
      dataset: new FileAdhoc({
        datasetId: 'one',
        topics: file('topics.tsv', 'q1\triver bank\n'),
        qrels: file('qrels.txt', 'q1 0 d1 1\n'),
      }),
    }),
    count: 2,
  });
  const xp = begin(newPlace());
  const dataset = task.submit();
  expect(dataset).toBeInstanceOf(JSONLPairwiseSampleDataset);
  await xp.wait();
  const hard = index.search('river bank', 5).flatMap(({ id }) => (id === 'd1' ? [] : [id]));
  expect(await take(dataset.iterate(), 1)).toEqual([
    {
      topics: [{ id: 'q1', text: 'river bank' }],
      positives: [{ id: 'd1' }],
      negatives: { model: hard.slice(0, 2).map((id) => ({ id })) },
    },
  ]);
  const sampler = new PairwiseDatasetTripletBasedSampler({ dataset, negativeAlgo: 'model' });
  const [pair] = await take(sampler.iterate(RandomState.fromSeed(0)), 1);
  expect(hard.slice(0, 2)).toContain((pair as PairwiseSample).negative.id);
});
