/** Compiled steps of batches whose texts are padded to the longest: hardly any two have the same shape. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { AdamW, LossTrainer, ParameterOptimizer } from '../../lib/learning/index.ts';
import type { Module } from '../../lib/torch/nn/module.ts';
import { getRngState, manualSeed } from '../../lib/torch/random.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { Net } from './compiledNet.ts';
import { type Draw, numbers, padded, Ranker, Recurrent } from './paddedNets.ts';
import { type Example, newDirectory, toyLearner, toySampler } from './toy.ts';

beforeAll(() => setNumThreads(1));

interface Kind {
  readonly model: new () => Module;
  /** Of a batch, made with a generator of its own. */
  readonly tensors: (draw: Draw) => readonly Tensor[];
  readonly forward: (model: Module, tensors: readonly Tensor[]) => Tensor;
  readonly useFp16?: boolean;
}

/** Batches of shapes that are drawn; counts the steps that were made in JavaScript. */
class Trainer extends LossTrainer<Example, readonly Tensor[]> {
  // Not a field that others see: those that change are what a step depends on.
  #calls = 0;
  readonly #draw = numbers(11);
  readonly #kind: Kind;

  constructor(kind: Kind) {
    super({ sampler: toySampler(), batchSize: 2 });
    this.#kind = kind;
  }

  get calls(): number {
    return this.#calls;
  }

  protected override collate(): readonly Tensor[] {
    return this.#kind.tensors(this.#draw);
  }

  protected override trainBatch(tensors: readonly Tensor[]): void {
    this.#calls++;
    const scores = this.#kind.forward(this.trainedModel as Module, tensors);
    this.context.addMetric('mean', scores.mean());
    this.context.addLoss('squares', scores.square().mean());
    this.context.addLoss('size', scores.sum().mul(1 / (scores.shape[0] as number)), 0.1);
  }
}

async function trained(kind: Kind, compile: boolean, steps = 300) {
  manualSeed(3);
  const path = newDirectory();
  const told: unknown[] = [];
  const warnings: string[] = [];
  const trainer = new Trainer(kind);
  const learner = toyLearner({
    model: new kind.model(),
    trainer,
    optimizers: [new ParameterOptimizer({ optimizer: new AdamW({ lr: 1e-2, fused: true }) })],
    useFp16: kind.useFp16 ?? false,
    compile,
    maxEpochs: 1,
    stepsPerEpoch: steps,
  });
  await learner.run({
    path,
    progress: (event) => {
      if (event.type === 'warning') warnings.push(event.message);
      if (event.type === 'step') told.push([event.state, [...event.metrics], event.samples]);
    },
  });
  const file = readFileSync(join(path, 'checkpoints', 'last', 'model.safetensors'));
  const weights = createHash('sha256').update(file).digest('hex');
  return { calls: trainer.calls, left: { told, warnings, weights, random: getRngState().tolist() } };
}

const ranker: Kind = {
  model: Ranker,
  tensors: (draw) => {
    const rows = draw(1, 8) === 8 ? 3 : 4;
    return [...padded(rows, draw(3, 10), draw), ...padded(rows, draw(6, 30), draw)];
  },
  forward: (model, [query, queryMask, document, documentMask]) =>
    (model as Ranker).forward(query!, queryMask!, document!, documentMask!),
};

describe('steps of ever other shapes are compiled, and leave the bits of those that are not', () => {
  test.each<[string, Kind, number]>([
    [
      'a network over batches of many sizes',
      {
        model: Net,
        tensors: (draw) => [padded(draw(2, 40), 2, draw)[0].to({ dtype: 'float32' })],
        forward: (model, [x]) => (model as Net).forward(x!),
      },
      100,
    ],
    [
      'a recurrent network over texts',
      {
        model: Recurrent,
        tensors: (draw) => [padded(draw(2, 6), draw(3, 40), draw)[0]],
        forward: (model, [text]) => (model as Recurrent).forward(text!),
      },
      120,
    ],
    ['attention with masks over queries and documents', ranker, 120],
    ['the same in bfloat16', { ...ranker, useFp16: true }, 120],
  ])('%s', async (_, kind, most) => {
    const eager = await trained(kind, false);
    const compiled = await trained(kind, true);
    expect(compiled.left).toEqual(eager.left);
    expect(eager.calls).toBe(300);
    expect(eager.left.warnings).toEqual([]);
    expect(compiled.calls).toBeLessThan(most);
  });

  test('a step in JavaScript that takes another way above a length', async () => {
    const kind: Kind = {
      model: Recurrent,
      tensors: (draw) => [padded(4, draw(3, 40), draw)[0]],
      forward: (model, [text]) => {
        const scores = (model as Recurrent).forward(text!);
        return text!.shape[1]! > 25 ? scores.tanh() : scores.mul(text!.shape[1]!);
      },
    };
    const eager = await trained(kind, false);
    const compiled = await trained(kind, true);
    expect(compiled.left).toEqual(eager.left);
    expect(compiled.calls).toBeLessThan(150);
  });
});
