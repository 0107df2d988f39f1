/** Trainers of rankers: what they compare, that their steps compile, what ends a run. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PowerAdaptativeBatcher, TrainerValidationLoss } from '../../lib/learning/index.ts';
import {
  type BatchwiseRecord,
  BatchwiseTrainer,
  batchwise,
  DistillationListwiseTrainer,
  DistillationPairwiseTrainer,
  DuoPairwiseTrainer,
  distillation,
  FlopsRegularizer,
  type PairwiseRecord,
  PairwiseTrainer,
  PointwiseTrainer,
  pairwise,
  pointwise,
  productOf,
  ScheduledFlopsRegularizer,
  ScorerOutputType,
  TripletBasedSampler,
} from '../../lib/letor/index.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import type { Module } from '../../lib/torch/nn/module.ts';
import { compiledSteps } from '../learning/compiledNet.ts';
import { newDirectory } from '../learning/toy.ts';
import { HashCross, HashDual, HashDuo, learn, PAIRS, seeded, shuffled } from './toy.ts';

const POINTS = PAIRS.flatMap(({ topic, positive, negative }) => [
  { topic, document: positive, relevance: 2 },
  { topic, document: negative, relevance: 0 },
]);
const TAUGHT = PAIRS.map((pair, i) => ({ ...pair, positiveScore: 5 - (i % 3), negativeScore: i % 2 }));
const LISTS = PAIRS.map(({ topic, positive, negative }, i) => ({
  topic,
  documents: [positive, negative, ...(i % 2 === 0 ? [PAIRS[(i + 5) % 10]!.positive] : [])],
  scores: [4, 1, ...(i % 2 === 0 ? [0.5] : [])],
}));
const PRODUCTS: readonly BatchwiseRecord[] = PAIRS.map(({ topic, positive, negative }) => ({
  topic,
  documents: [positive, negative],
  relevances: [1, 0],
}));

const batchSize = 5;
const { REAL, PROBABILITY, LOG_PROBABILITY } = ScorerOutputType;
const kinds = [REAL, PROBABILITY, LOG_PROBABILITY];

const cases: readonly [string, () => Parameters<typeof learn>[0]][] = [
  [
    'point-mse',
    () => ({
      model: new HashCross({}),
      trainer: new PointwiseTrainer({ sampler: shuffled(POINTS), batchSize }),
    }),
  ],
  ...kinds.map(
    (kind) =>
      [
        `point-bce`,
        () => ({
          model: new HashCross({ kind }),
          trainer: new PointwiseTrainer({
            sampler: shuffled(POINTS),
            batchSize,
            lossfn: new pointwise.BinaryCrossEntropyLoss(),
          }),
        }),
      ] as [string, () => Parameters<typeof learn>[0]],
  ),
  ...[
    new pairwise.CrossEntropyLoss(),
    new pairwise.HingeLoss(),
    new pairwise.PointwiseCrossEntropyLoss(),
  ].map(
    (lossfn) =>
      [
        lossfn.lossName,
        () => ({
          model: new HashDual({}),
          trainer: new PairwiseTrainer({ sampler: shuffled(PAIRS), batchSize, lossfn }),
        }),
      ] as [string, () => Parameters<typeof learn>[0]],
  ),
  ...[
    new batchwise.CrossEntropyLoss(),
    new batchwise.SoftmaxCrossEntropy(),
    new batchwise.InfoNCELoss({ temperature: 0.5, bothDirections: true }),
  ].map(
    (lossfn) =>
      [
        lossfn.lossName,
        () => ({
          model: new HashDual({}),
          trainer: new BatchwiseTrainer({ sampler: shuffled(PRODUCTS), batchSize, lossfn }),
        }),
      ] as [string, () => Parameters<typeof learn>[0]],
  ),
  ...[new distillation.MSEDifferenceLoss(), new distillation.DistillationKLLoss()].map(
    (lossfn) =>
      [
        lossfn.lossName,
        () => ({
          model: new HashCross({}),
          trainer: new DistillationPairwiseTrainer({ sampler: shuffled(TAUGHT), batchSize, lossfn }),
        }),
      ] as [string, () => Parameters<typeof learn>[0]],
  ),
  [
    'listwise-Distil-KL',
    () => ({
      model: new HashCross({}),
      trainer: new DistillationListwiseTrainer({ sampler: shuffled(LISTS), batchSize }),
    }),
  ],
  [
    'duo-logproba',
    () => ({
      model: new HashDuo({}),
      trainer: new DuoPairwiseTrainer({ sampler: shuffled(PAIRS), batchSize }),
    }),
  ],
];

describe('trainers of rankers', () => {
  test.each(cases)('%s: the loss falls, and compiled steps give the same bits', async (name, make) => {
    const run = async (compile: boolean) => {
      const values = seeded(make);
      const { steps, warnings } = await learn({ ...values, compile, maxEpochs: 3, stepsPerEpoch: 12 });
      return { steps, warnings, weights: (values.model as Module).parameters().map((each) => each.tolist()) };
    };
    const eager = await run(false);
    let compiled = eager;
    const count = await compiledSteps(async () => {
      compiled = await run(true);
    });
    expect(compiled).toEqual(eager);
    expect(compiled.warnings).toEqual([]);
    expect(count).toBeGreaterThan(10);
    const losses = eager.steps.map((step) => step[name]!);
    const mean = (part: number[]) => part.reduce((sum, each) => sum + each, 0) / part.length;
    expect(mean(losses.slice(-6))).toBeLessThan(mean(losses.slice(0, 6)));
  });

  test('accuracy is how often the first is greater', async () => {
    const trainer = new PairwiseTrainer({ sampler: shuffled(PAIRS), batchSize: 10 });
    const { steps } = await learn({
      model: seeded(() => new HashDual({})),
      trainer,
      maxEpochs: 8,
      stepsPerEpoch: 10,
    });
    expect(steps.at(-1)!.accuracy).toBe(1);
    for (const { accuracy } of steps) expect(Math.round(accuracy! * 10)).toBeCloseTo(accuracy! * 10, 5);
  });

  test.each(kinds)('a duo of scores that are %s learns to tell either order', async (kind) => {
    const trainer = new DuoPairwiseTrainer({ sampler: shuffled(PAIRS), batchSize: 10 });
    const model = seeded(() => new HashDuo({ kind }));
    const { steps } = await learn({ model, trainer, maxEpochs: 20, stepsPerEpoch: 10 });
    expect(steps.at(-1)!.accuracy).toBe(1);
  });

  test.each([new pairwise.HingeLoss(), new pairwise.CrossEntropyLoss()])(
    'a score that is not finite ends the run, and says where it began',
    async (lossfn) => {
      const model = new HashCross({});
      noGrad(() => model.layer.bias!.fill_(Number.POSITIVE_INFINITY));
      const trainer = new PairwiseTrainer({ sampler: shuffled(PAIRS), batchSize, lossfn });
      const run = learn({ model, trainer }, { path: newDirectory() });
      await expect(run).rejects.toThrow(
        new RegExp(
          `loss ${lossfn.lossName}: expected a finite number, received NaN in step 1 .*layer.bias is not finite`,
        ),
      );
    },
  );

  test('records of another kind are told by trainer and field', async () => {
    const positives = PAIRS.map(({ topic, positive }) => ({ topic, positive }) as never);
    const pairwise = new PairwiseTrainer({ sampler: shuffled(positives), batchSize });
    await expect(learn({ model: new HashDual({}), trainer: pairwise })).rejects.toThrow(
      'PairwiseTrainer: expected records with topic, positive, negative, but its sampler gives none of negative: it gives topic, positive',
    );
    const points = PAIRS.map(({ topic, positive }) => ({ topic, document: positive }) as never);
    const pointwise = new PointwiseTrainer({ sampler: shuffled(points), batchSize });
    await expect(learn({ model: new HashDual({}), trainer: pointwise })).rejects.toThrow(
      'PointwiseTrainer: expected records with topic, document, relevance, but its sampler gives none of relevance',
    );
  });

  test('a model of another kind, a text that nobody fetched, and a batcher that cuts products are refused', async () => {
    const trainer = new PairwiseTrainer({ sampler: shuffled(PAIRS), batchSize });
    await expect(learn({ model: new HashDuo({}), trainer })).rejects.toThrow(
      'Expected a Scorer for the model of PairwiseTrainer but received an object (HashDuo)',
    );
    const bare = PAIRS.map((pair) => ({ ...pair, negative: { id: 'd7' } as never }));
    await expect(
      learn({ model: new HashDual({}), trainer: new PairwiseTrainer({ sampler: shuffled(bare) }) }),
    ).rejects.toThrow(
      'Expected a text, which a SampleHydrator fetches, for document d7 but received undefined',
    );
    const cutting = new BatchwiseTrainer({
      sampler: shuffled(PRODUCTS),
      batcher: new PowerAdaptativeBatcher(),
    });
    await expect(learn({ model: new HashDual({}), trainer: cutting })).rejects.toThrow('batcher');
  });

  test('the loss of other data is measured with the same trainer', async () => {
    const trainer = new DuoPairwiseTrainer({ sampler: shuffled(PAIRS), batchSize });
    const listener = new TrainerValidationLoss({ id: 'v', data: shuffled(PAIRS), batchSize: 4, trainer });
    await learn({ model: new HashDuo({}), trainer, listeners: [listener] }, { path: newDirectory() });
  });
});

describe('the product of a batch', () => {
  const doc = (id: string) => ({ id, text: `text of ${id}` });
  const topic = (id: string) => ({ id, text: `topic ${id}` });

  test('has the positives first, and [I, 0] of triples', () => {
    const { documents, relevances } = productOf(PRODUCTS.slice(0, 2));
    expect(documents.map(({ id }) => id)).toEqual(['d0', 'd1', 'd3', 'd4']);
    expect([...relevances]).toEqual([1, 0, 0, 0, 0, 1, 0, 0]);
  });

  test('knows what another record says of the same topic', () => {
    const { relevances } = productOf([
      { topic: topic('a'), documents: [doc('1'), doc('9')], relevances: [1, 0] },
      { topic: topic('a'), documents: [doc('2'), doc('9')], relevances: [3, 0] },
      { topic: topic('b'), documents: [doc('1')], relevances: [1] },
    ]);
    // Documents: 1, 2, 1, 9, 9.
    expect([...relevances]).toEqual([1, 3, 1, 0, 0, 1, 3, 1, 0, 0, 1, 0, 1, 0, 0]);
  });

  test('needs a relevant document for each topic', () => {
    expect(() => productOf([{ topic: topic('a'), documents: [doc('1')], relevances: [0] }])).toThrow(
      'Expected a relevant document for topic a but received none',
    );
  });
});

describe('regularisers', () => {
  const trainer = () => new PairwiseTrainer({ sampler: shuffled(PAIRS), batchSize });

  test('FLOPS is the sum of squared mean activations; it and its metrics are part of compiled steps', async () => {
    const run = async (compile: boolean) => {
      const model = seeded(() => new HashDual({}));
      const hooks = [new FlopsRegularizer({ lambdaQ: 0.5, lambdaD: 0.25 })];
      const { steps, warnings } = await learn({
        model,
        trainer: trainer(),
        hooks,
        compile,
        stepsPerEpoch: 10,
      });
      return { steps, warnings, weight: model.layer.weight.tolist() };
    };
    const eager = await run(false);
    let compiled = eager;
    expect(
      await compiledSteps(async () => {
        compiled = await run(true);
      }),
    ).toBeGreaterThan(5);
    expect(compiled).toEqual(eager);
    expect(compiled.warnings).toEqual([]);
    for (const step of eager.steps)
      expect(step.flops).toBeCloseTo(0.5 * step.flops_q! + 0.25 * step.flops_d!, 6);
    expect(Object.keys(eager.steps[0]!)).toEqual(
      expect.arrayContaining(['flops+pair-cross-entropy', 'sparsity_q', 'sparsity_d']),
    );
  });

  test('the ramp is quadratic, compiled or not', async () => {
    const run = async (compile: boolean) => {
      const model = seeded(() => new HashDual({}));
      const hooks = [
        new ScheduledFlopsRegularizer({
          lambdaQ: 0.5,
          lambdaD: 0.25,
          minLambdaD: 0.125,
          lambdaWarmupSteps: 15,
        }),
      ];
      const { steps, warnings } = await learn({
        model,
        trainer: trainer(),
        hooks,
        compile,
        stepsPerEpoch: 10,
      });
      return { steps, warnings, weight: model.layer.weight.tolist() };
    };
    const eager = await run(false);
    let compiled = eager;
    expect(
      await compiledSteps(async () => {
        compiled = await run(true);
      }),
    ).toBeGreaterThan(5);
    expect(compiled.warnings).toEqual([]);
    expect(compiled).toEqual(eager);
    for (const [i, step] of eager.steps.entries()) {
      const ramp = Math.min(1, ((i + 1) / 15) ** 2);
      expect(step.flops).toBeCloseTo(0.5 * ramp * step.flops_q! + (0.125 + 0.125 * ramp) * step.flops_d!, 6);
    }
  });

  test('what has no vectors is refused', async () => {
    const hooks = [new FlopsRegularizer({ lambdaQ: 1, lambdaD: 1 })];
    await expect(learn({ model: new HashCross({}), trainer: trainer(), hooks })).rejects.toThrow(
      'FlopsRegularizer: expected a DualScorer, which has vectors to look at, but HashCross showed none',
    );
  });
});

test('a run that reads ahead in a thread, stopped and begun again, ends with the bits of one that was not', async () => {
  const file = join(newDirectory(), 'triples.tsv');
  const line = ({ topic, positive, negative }: PairwiseRecord) =>
    `${topic.text}\t${positive.text}\t${negative.text}\n`;
  writeFileSync(file, PAIRS.map(line).join(''));
  const run = async (path: string, ends: readonly number[]) => {
    let weights: unknown;
    for (const maxEpochs of ends) {
      const model = seeded(() => new HashDual({}));
      const sampler = new TripletBasedSampler({ file, texts: true });
      const trainer = new PairwiseTrainer({ sampler, batchSize: 3, prefetch: 2 });
      await learn({ model, trainer, maxEpochs }, { path });
      weights = model.parameters().map((each) => each.tolist());
    }
    return weights;
  };
  expect(await run(newDirectory(), [1, 3])).toEqual(await run(newDirectory(), [3]));
});
