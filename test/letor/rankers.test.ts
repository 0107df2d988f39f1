/** Documents ranked by models: again, by their vectors, and while a model is being trained. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { FullRetriever, OpenAdhoc, OpenDocuments, RunRetriever, retrieveRun } from '../../lib/ir/index.ts';
import type { Document, Topic } from '../../lib/ir/types.ts';
import { getOptimizers, Learner, Random, SGD, ValidationListener } from '../../lib/learning/index.ts';
import {
  DotDense,
  DualScorer,
  MeanWordsEncoder,
  RetrievalEvaluator,
  type ScoredPairs,
  Scorer,
  TwoStageRetriever,
  VectorIndex,
  VectorRetriever,
} from '../../lib/letor/index.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { loadSafetensors } from '../../lib/torch/io/safetensors.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { memory } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { ToyTrainer, toyModel, toySampler } from '../learning/toy.ts';
import { initialized, newFolder, someDocuments, someEmbeddings, someTopics } from './models.ts';

beforeAll(() => setNumThreads(1));

const topic: Topic = { id: 'q', text: 'a topic' };
const textsOf = (documents: readonly Document[]) =>
  new OpenDocuments(new Map(documents.map((document) => [document.id, document])));

/** Scores a document by the number that is its text, times its weight. */
class Reading extends Scorer<Tensor> {
  readonly linear = new Linear(1, 1, { bias: false });
  readonly seen: string[][] = [];
  readonly modes: boolean[] = [];

  override collate({ documents }: ScoredPairs): Tensor {
    this.seen.push(documents.map(({ id }) => id));
    return tensor(documents.map(({ text }) => [Number(text.replaceAll('x', ''))]));
  }

  override forward(inputs: Tensor): Tensor {
    this.modes.push(this.training);
    return this.linear.forward(inputs).squeeze(1);
  }
}

function reading(weight = 1): Reading {
  const scorer = new Reading();
  noGrad(() => scorer.linear.weight.fill_(weight));
  return scorer;
}

describe('a second stage', () => {
  const documents = [
    { id: 'a', text: '1' },
    { id: 'b', text: '3xxxxx' },
    { id: 'c', text: '2x' },
    { id: 'd', text: '3xx' },
    { id: 'e', text: '9' },
  ];
  const first = new RunRetriever(new Map([['q', new Map(Object.entries({ a: 5, b: 4, c: 3, d: 2, e: 1 }))]]));

  test('ranks what the first one found, by length in batches, in evaluation mode', async () => {
    const scorer = reading();
    const values = { retriever: first, scorer, documents: textsOf(documents) };
    const retriever = new TwoStageRetriever({ ...values, topK: 4, batchSize: 3 });
    expect(await retriever.retrieve(topic)).toEqual([
      { id: 'd', score: 3 },
      { id: 'b', score: 3 },
      { id: 'c', score: 2 },
      { id: 'a', score: 1 },
    ]);
    expect(scorer.seen).toEqual([['a', 'c', 'd'], ['b']]);
    expect([scorer.modes, scorer.training]).toEqual([[false, false], true]);
    expect(await retriever.retrieve({ id: 'none', text: 'x' })).toEqual([]);
    const full = new TwoStageRetriever({ ...values, retriever: new FullRetriever(['a', 'e']) });
    expect(await retrieveRun(full, [topic])).toEqual(
      new Map([
        [
          'q',
          new Map([
            ['e', 9],
            ['a', 1],
          ]),
        ],
      ]),
    );
  });

  test('leaves no tensors', async () => {
    const scorer = reading();
    const retriever = new TwoStageRetriever({ retriever: first, scorer, documents: textsOf(documents) });
    await retriever.retrieve(topic);
    const before = memory().tensors;
    for (let i = 0; i < 20; i++) await retriever.retrieve(topic);
    expect(memory().tensors).toBe(before);
  });

  test('tells what is wrong, and where', async () => {
    const values = { retriever: first, scorer: reading(), documents: textsOf(documents.slice(0, 4)) };
    await expect(new TwoStageRetriever(values).retrieve(topic)).rejects.toThrow('text of document e');
    const wrong = { ...values, documents: textsOf([...documents.slice(0, 4), { id: 'e', text: 'not' }]) };
    await expect(new TwoStageRetriever(wrong).retrieve(topic)).rejects.toThrow(
      'Expected a number for the score of document e for topic q but received NaN',
    );
    await expect(new TwoStageRetriever({ ...values, batchSize: 0 }).retrieve(topic)).rejects.toThrow(
      'batchSize',
    );
    class Flat extends Reading {
      override forward(inputs: Tensor): Tensor {
        return super.forward(inputs).sum();
      }
    }
    const flat = { ...values, scorer: new Flat(), documents: textsOf(documents) };
    await expect(new TwoStageRetriever(flat).retrieve(topic)).rejects.toThrow(
      'scores of shape [5] from Flat',
    );
  });
});

describe('an index of vectors', () => {
  const documents = someDocuments(100);
  const topics = someTopics(7);
  const dense = async () => {
    const embeddings = await someEmbeddings();
    return initialized(new DotDense({ encoder: new MeanWordsEncoder({ embeddings }) }));
  };
  const place = () => join(newFolder(), 'index');

  /** The k best by a plain product. */
  const plainly = (model: DotDense, k: number) =>
    noGrad(() => {
      const encoded = model.encodeDocuments(model.collateDocuments(documents));
      const scores = model.encodeTopics(model.collateTopics(topics)).mm(encoded.t());
      const [values, rows] = scores.topk(k, 1);
      return [values.tolist(), rows.tolist()] as [number[][], number[][]];
    });

  test.each([1, 7, 33, 1000])('is searched exactly, in blocks of %i', async (blockSize) => {
    const model = await dense();
    using index = await VectorIndex.build(model, documents, place(), { batchSize: 3 });
    const run = await index.searchTopics(model, topics, 10, { blockSize });
    const [scores, rows] = plainly(model, 10);
    expect([...run.keys()]).toEqual(topics.map(({ id }) => id));
    for (const [i, found] of [...run.values()].entries()) {
      expect([...found.keys()].sort()).toEqual(rows[i]!.map((row) => `d${row}`).sort());
      for (const [j, score] of [...found.values()].entries()) expect(score).toBeCloseTo(scores[i]![j]!, 4);
    }
  });

  test('is a safetensors file whose rows have the order of the documents', async () => {
    const model = await dense();
    const directory = place();
    async function* stream() {
      yield* documents;
    }
    const told: number[] = [];
    using index = await VectorIndex.build(model, stream(), directory, {
      batchSize: 2,
      progress: (n) => told.push(n),
    });
    expect(told).toEqual([32, 64, 96, 100]);
    expect([index.size, readdirSync(dirname(directory))]).toEqual([100, ['index']]);
    const vectors = (await loadSafetensors(join(directory, 'vectors.safetensors'))).get('vectors')!;
    const encoded = noGrad(() => model.encodeDocuments(model.collateDocuments(documents)));
    expect(vectors.sub(encoded).abs().max().item()).toBeLessThan(1e-5);
    (await VectorIndex.open(directory, { verify: true })).close();
    const retriever = new VectorRetriever({ scorer: model, indexId: 'test', directory, topK: 5 });
    const own = await retriever.retrieve(topics[0]!);
    expect(own.map(({ id }) => id).sort()).toEqual(
      plainly(model, 5)[1][0]!
        .map((row) => `d${row}`)
        .sort(),
    );
  });

  test('in float16 takes half the room', async () => {
    const model = await dense();
    using half = await VectorIndex.build(model, documents, place(), { dtype: 'float16' });
    expect(half.manifest.files['vectors.safetensors'].size).toBe(100 * 8 * 2);
    const [scores] = plainly(model, 3);
    const run = await half.searchTopics(model, topics, 3);
    for (const [j, score] of [...run.get('q0')!.values()].entries())
      expect(score).toBeCloseTo(scores[0]![j]!, 1);
  });

  test('is there whole or not at all', async () => {
    const model = await dense();
    const directory = place();
    const build = (given: readonly Document[]) =>
      VectorIndex.build(model, given, directory, { batchSize: 1 });
    await expect(build([])).rejects.toThrow('at least one document');
    await expect(build([...documents, documents[3]!])).rejects.toThrow('d3 is there twice');
    await expect(build([...documents, { id: 'a\nb', text: '' }])).rejects.toThrow('on one line');
    await expect(
      VectorIndex.build(model, documents, directory, { signal: AbortSignal.abort() }),
    ).rejects.toThrow('aborted');
    noGrad(() => model.parameters()[0]!.select(0, 2).fill_(Number.NaN));
    await expect(build(documents)).rejects.toThrow('the vector of document d');
    expect(readdirSync(dirname(directory))).toEqual([]);
    (await VectorIndex.build(await dense(), textsOf(documents), directory)).close();
    await expect(build(documents)).rejects.toThrow('not there yet');
  });

  test('that is damaged is refused', async () => {
    const damage = async (file: string, change: (bytes: Buffer) => Buffer) => {
      const directory = place();
      (await VectorIndex.build(await dense(), documents, directory)).close();
      const path = join(directory, file);
      writeFileSync(path, change(readFileSync(path)));
      return VectorIndex.open(directory, { verify: true });
    };
    const flip = (bytes: Buffer) => {
      bytes[bytes.length - 20]! ^= 1;
      return bytes;
    };
    await expect(damage('vectors.safetensors', flip)).rejects.toThrow('damaged');
    await expect(damage('vectors.safetensors', (bytes) => bytes.subarray(0, 1000))).rejects.toThrow(
      'damaged',
    );
    await expect(damage('ids.txt', flip)).rejects.toThrow('damaged');
    await expect(damage('manifest.json', (bytes) => bytes.subarray(0, 30))).rejects.toThrow('no JSON');
    await expect(damage('manifest.json', () => Buffer.from('{"version":1}'))).rejects.toThrow('does not say');
    await expect(VectorIndex.open(place())).rejects.toThrow('cannot be read');
    expect(existsSync('ids.txt')).toBe(false);
  });

  test('refuses vectors that are none of its own, and models without one a text', async () => {
    const model = await dense();
    using index = await VectorIndex.build(model, documents, place());
    await expect(index.search(F.zeros([1, 3]), 2)).rejects.toThrow('a tensor [T, 8]');
    await expect(index.search(F.full([1, 8], Number.NaN), 2)).rejects.toThrow('finite');
    await expect(index.search(F.zeros([1, 8]), 0)).rejects.toThrow('topK');
    await expect(index.searchTopics(model, [], 2)).rejects.toThrow('at least one topic');
    class Late extends DualScorer<Tensor> {
      collateTopics = () => F.zeros([1]);
      collateDocuments = () => F.zeros([1]);
      encodeTopics = () => F.zeros([1, 2, 3]);
      encodeDocuments = () => F.zeros([100, 2, 3]);
    }
    await expect(VectorIndex.build(new Late(), documents, place(), { batchSize: 100 })).rejects.toThrow(
      'vectors [100, D]',
    );
  });
});

describe('validation by retrieval', () => {
  const documents = [
    { id: 'good', text: '1' },
    { id: 'bad', text: '2' },
  ];
  const qrels = new Map([
    ['q', new Map([['good', 1]])],
    ['r', new Map([['bad', 1]])],
  ]);
  const topics = ['q', 'r', 'unjudged'].map((id) => ({ id, text: id }));

  test('measures a model in training topic by topic, and lets others have a turn', async () => {
    const scorer = reading(-1);
    const retriever = new TwoStageRetriever({
      retriever: new FullRetriever(['good', 'bad']),
      scorer,
      documents: textsOf(documents),
    });
    const evaluator = new RetrievalEvaluator({
      retriever,
      dataset: new OpenAdhoc(topics, qrels),
      measures: ['RR', 'R@1'],
    });
    let turns = 0;
    const interval = setInterval(() => turns++, 0);
    const values = await evaluator.evaluate();
    clearInterval(interval);
    expect(values).toEqual(
      new Map([
        [
          'RR',
          new Map([
            ['q', 1],
            ['r', 0.5],
          ]),
        ],
        [
          'R@1',
          new Map([
            ['q', 1],
            ['r', 0],
          ]),
        ],
      ]),
    );
    expect(turns).toBeGreaterThan(0);
    const listener = new ValidationListener({
      id: 'bestval',
      evaluator,
      metrics: { RR: true, 'R@1': false },
    });
    const metrics: unknown[] = [];
    await new Learner({
      random: new Random(),
      model: toyModel(),
      trainer: new ToyTrainer({ sampler: toySampler(), batchSize: 2 }),
      optimizers: getOptimizers(new SGD()),
      listeners: [listener],
      maxEpochs: 2,
      stepsPerEpoch: 1,
    }).run({
      path: newFolder(),
      progress: (event) => {
        if (event.type === 'validation') metrics.push([...event.values.keys()]);
      },
    });
    expect(metrics).toEqual([
      ['RR', 'R@1'],
      ['RR', 'R@1'],
    ]);
  });

  test('refuses what cannot be measured', async () => {
    const retriever = new FullRetriever(['good']);
    const of = (dataset: OpenAdhoc, measures: string[]) =>
      new RetrievalEvaluator({ retriever, dataset, measures });
    const dataset = new OpenAdhoc(topics, qrels);
    expect(() => of(dataset, []).validate()).toThrow('at least one measure');
    expect(() => of(dataset, ['nothing']).validate()).toThrow('nothing');
    await expect(of(new OpenAdhoc([], qrels), ['RR']).evaluate()).rejects.toThrow('at least one topic');
    const empty = { retriever: new RunRetriever(new Map([['q', new Map()]])), dataset, measures: ['RR'] };
    await expect(new RetrievalEvaluator(empty).evaluate()).rejects.toThrow(
      'Expected documents for some topic of 2 from RunRetriever but received none (topics such as "q")',
    );
    await expect(of(new OpenAdhoc([...topics, topics[0]!], qrels), ['RR']).evaluate()).rejects.toThrow(
      'twice',
    );
  });
});
