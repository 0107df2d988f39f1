/** Gradients by GradCache against those of one graph. */
import { describe, expect, test } from '@jest/globals';
import {
  type BatchwiseRecord,
  BatchwiseTrainer,
  batchwise,
  cacheGradients,
  FlopsRegularizer,
  GradCacheTrainer,
} from '../../lib/letor/index.ts';
import { autocast } from '../../lib/torch/amp.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { getRngState, manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { HashCross, HashDual, learn, PAIRS, seeded, shuffled, words } from './toy.ts';

const topics = PAIRS.map(({ topic }) => topic.text);
const documents = [
  ...PAIRS.map(({ positive }) => positive.text),
  ...PAIRS.map(({ negative }) => negative.text),
];
const infoNce = new batchwise.InfoNCELoss({ temperature: 0.5 });

interface Side {
  readonly texts: readonly string[];
  readonly encode: (model: HashDual, part: Tensor) => Tensor;
}

const SIDES: readonly Side[] = [
  { texts: topics, encode: (model, part) => model.encodeTopics(part) },
  { texts: documents, encode: (model, part) => model.encodeDocuments(part) },
];

/** What encodes parts of `size`, of either side. */
function partsOf(model: HashDual, size: number): (() => Tensor)[][] {
  return SIDES.map(({ texts, encode }) => {
    const starts = Array.from({ length: Math.ceil(texts.length / size) }, (_, i) => i * size);
    return starts.map((at) => {
      const inputs = words(texts.slice(at, at + size));
      return () => encode(model, inputs);
    });
  });
}

function lossOf(model: HashDual, [t, d]: readonly Tensor[]): Tensor {
  const relevances = F.eye(10, 20).to('float32');
  return infoNce.compute(model.scoreProduct(t!, d!).to('float32'), relevances);
}

interface Outcome {
  readonly loss: number;
  readonly gradients: unknown[];
  readonly random: unknown;
}

type Loss = (model: HashDual, vectors: readonly Tensor[]) => Tensor;
type Way = (model: HashDual, parts: (() => Tensor)[][], loss: Loss, scoped: <T>(fn: () => T) => T) => number;

const byCache: Way = (model, parts, loss, scoped) => {
  let value = Number.NaN;
  const learnFrom = (vectors: readonly Tensor[]) => {
    const found = loss(model, vectors);
    found.backward();
    value = Number(found.item());
  };
  scoped(() => cacheGradients(parts, learnFrom, 'cpu'));
  return value;
};

/** One graph over the same parts; each casts the weights for itself. */
const byGraph: Way = (model, parts, loss, scoped) => {
  const vectors = parts.map((side) => F.cat(side.map((encode) => scoped(encode))));
  const found = scoped(() => loss(model, vectors));
  found.backward();
  return Number(found.item());
};

interface Options {
  readonly size?: number;
  readonly dropout?: number;
  readonly amp?: boolean;
  readonly double?: boolean;
  readonly Model?: typeof HashDual;
  readonly loss?: Loss;
}

function gradientsOf(way: Way, options: Options = {}): Outcome {
  const { size = 4, dropout = 0, amp = false, double = false, Model = HashDual, loss = lossOf } = options;
  return tidy(() => {
    const model = seeded(() => new Model({ dropout }));
    if (double) model.to('float64');
    manualSeed(5);
    const scoped = <T>(fn: () => T) => (amp ? autocast('cpu', fn) : fn());
    const value = way(model, partsOf(model, size), loss, scoped);
    const gradients = model.parameters().map(({ grad }) => grad!.tolist());
    return { loss: value, gradients, random: getRngState().tolist() };
  });
}

describe('GradCache', () => {
  test.each([
    ['', {}],
    ['of parts that do not divide', { size: 7 }],
    ['with dropout, whose random numbers are drawn again', { dropout: 0.4 }],
    ['in bfloat16', { amp: true }],
    ['in bfloat16 with dropout', { amp: true, dropout: 0.4 }],
    ['in float64', { double: true, dropout: 0.4 }],
    ['where a part is all', { size: 100 }],
  ])(
    'loss, gradients and random state are to the bit those of one graph over the same parts %s',
    (_, options) => {
      const cached = gradientsOf(byCache, options);
      expect(cached).toEqual(gradientsOf(byGraph, options));
      expect(JSON.stringify(cached.gradients)).toMatch(/[1-9]/);
    },
  );

  test('whatever the parts are, they are the gradients of the whole batch, to the rounding of sums', () => {
    const whole = gradientsOf(byGraph, { size: 100, double: true }).gradients.flat(3) as number[];
    for (const size of [1, 3, 4, 10]) {
      const parts = gradientsOf(byCache, { size, double: true }).gradients.flat(3) as number[];
      for (const [i, wanted] of whole.entries()) expect(Math.abs(parts[i]! - wanted)).toBeLessThan(1e-14);
    }
  });

  test('dropout draws part after part: as in one piece where there is one layer of it, and otherwise not', () => {
    class Twice extends HashDual {
      override encodeTopics(inputs: unknown): Tensor {
        return F.dropout(super.encodeTopics(inputs), 0.4, true);
      }

      override encodeDocuments(inputs: unknown): Tensor {
        return this.encodeTopics(inputs);
      }
    }
    const difference = (Model: typeof HashDual) => {
      const options = { dropout: 0.4, double: true, Model };
      const whole = gradientsOf(byGraph, { ...options, size: 100 });
      expect(gradientsOf(byCache, { ...options, size: 100 })).toEqual(whole);
      const parts = gradientsOf(byCache, { ...options, size: 4 });
      expect(parts).toEqual(gradientsOf(byGraph, { ...options, size: 4 }));
      return Math.abs(parts.loss - whole.loss);
    };
    expect(difference(HashDual)).toBeLessThan(1e-14);
    expect(difference(Twice)).toBeGreaterThan(1e-3);
  });

  test('what the loss draws is drawn once, and goes on from there', () => {
    const dropped: Loss = (model, vectors) => F.dropout(lossOf(model, vectors).expand([8]), 0.5, true).sum();
    const cached = gradientsOf(byCache, { dropout: 0.4, loss: dropped });
    expect(cached).toEqual(gradientsOf(byGraph, { dropout: 0.4, loss: dropped }));
  });

  test('weights that autocast cast without a graph are not used with one', () => {
    const { gradients } = gradientsOf(byCache, { amp: true });
    // Of the layer, whose product autocast casts.
    expect((gradients[1] as number[][]).flat().some((each) => each !== 0)).toBe(true);
  });

  const PRODUCTS: readonly BatchwiseRecord[] = PAIRS.map(({ topic, positive, negative }) => ({
    topic,
    documents: [positive, negative],
    relevances: [1, 0],
  }));
  const values = { sampler: shuffled(PRODUCTS), batchSize: 8, lossfn: infoNce };
  const hooks = () => [new FlopsRegularizer({ lambdaQ: 0.1, lambdaD: 0.1 })];

  test('a run of a GradCacheTrainer is that of a BatchwiseTrainer where a part is all', async () => {
    const run = async (trainer: BatchwiseTrainer) => {
      const model = seeded(() => new HashDual({}));
      const told = await learn({ model, trainer, hooks: hooks(), compile: false });
      return { ...told, weight: model.table.weight.tolist() };
    };
    const whole = await run(new BatchwiseTrainer(values));
    expect(await run(new GradCacheTrainer({ ...values, miniBatchSize: 16 }))).toEqual(whole);
    const { steps } = await run(new GradCacheTrainer({ ...values, miniBatchSize: 3 }));
    for (const [i, step] of whole.steps.entries())
      for (const [name, value] of Object.entries(step)) expect(steps[i]![name]).toBeCloseTo(value, 4);
  });

  test.each([{ useFp16: true }, { precision: 'bf16-true' as const }])(
    'it trains with %j, and what it cannot encode is refused',
    async (options) => {
      const trainer = new GradCacheTrainer({ ...values, miniBatchSize: 3 });
      const model = seeded(() => new HashDual({ dropout: 0.1 }));
      const { steps, warnings } = await learn({ model, trainer, hooks: hooks(), maxEpochs: 6, ...options });
      expect(steps.at(-1)!['info-nce']).toBeLessThan(steps[0]!['info-nce']!);
      expect(warnings).toEqual([]);
      await expect(learn({ model: new HashCross({}), trainer })).rejects.toThrow(
        'Expected a DualScorer for the model of GradCacheTrainer',
      );
    },
  );

  test('a score that is not finite ends the run', async () => {
    const model = seeded(() => new HashDual({}));
    tidy(() =>
      model.layer.bias!.detach().copy_(tensor(Array.from({ length: 8 }, () => Number.POSITIVE_INFINITY))),
    );
    const trainer = new GradCacheTrainer({ ...values, miniBatchSize: 3 });
    await expect(learn({ model, trainer })).rejects.toThrow(
      'loss info-nce: expected a finite number, received NaN in step 1 of epoch 1: parameter layer.bias is not finite',
    );
  });
});
