/** Compiled steps of models that Python saved. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { AdamW, LossTrainer } from '../../lib/learning/index.ts';
import { compile } from '../../lib/torch/compile/compile.ts';
import { fromTypedArray } from '../../lib/torch/factories.ts';
import * as torch from '../../lib/torch/index.ts';
import { Module } from '../../lib/torch/nn/module.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { loadFixture } from '../support/fixtures.ts';
import { compiledSteps, one, outcome } from './compiledNet.ts';
import { EXAMPLES, type Example, toySampler } from './toy.ts';

beforeAll(() => setNumThreads(1));

const { archives } = loadFixture<{ archives: Record<string, string> }>('jit.json.gz');
const load = (name: string) => torch.jit.load(Buffer.from(archives[name]!, 'base64'));

/** One with dropout, and one with running statistics. */
class Scripted extends Module {
  readonly ranker = load('ranker');
  readonly plain = load('plain');
  forward(): never {
    throw new Error('not called');
  }
}

interface Batch {
  readonly ids: Tensor;
  readonly x: Tensor;
}

class ScriptedTrainer extends LossTrainer<Example, Batch> {
  constructor() {
    super({ sampler: toySampler(EXAMPLES), batchSize: 2 });
  }

  protected override collate(records: readonly Example[]): Batch {
    const ids = BigInt64Array.from(
      records.flatMap(({ x }) => [BigInt(x[0]), 1n]),
      (id) => id,
    );
    const x = Float32Array.from({ length: records.length * 12 }, (_, i) =>
      Math.fround(records[0]!.y / (i + 1)),
    );
    return {
      ids: fromTypedArray(ids, [records.length, 2]),
      x: fromTypedArray(x, [records.length, 2, 6]),
    };
  }

  protected override trainBatch({ ids, x }: Batch): void {
    const { ranker, plain } = this.trainedModel as Scripted;
    this.context.addLoss('ranker', ranker.forward(ids, 0.5).square().mean());
    this.context.addLoss('plain', plain.forward(x).square().mean(), 0.3);
  }
}

describe('a model that Python saved', () => {
  const made = {
    model: () => new Scripted(),
    trainer: () => new ScriptedTrainer(),
    optimizers: () => one(new AdamW({ lr: 1e-2 })),
    stepsPerEpoch: 50,
  };

  test('is trained by compiled steps to the same bits, dropout and running statistics included', async () => {
    const eager = await outcome(made, false, [2]);
    const compiled: { value?: typeof eager } = {};
    const steps = await compiledSteps(async () => {
      compiled.value = await outcome(made, true, [2]);
    });
    expect(compiled.value).toEqual(eager);
    expect(steps).toBeGreaterThan(90);
    expect(await outcome(made, 'verify', [2])).toEqual(eager);
    expect(eager.warnings).toEqual([]);
  });

  test('is compiled as a function, with what it returns however it nests', async () => {
    const model = load('ranker').eval();
    const ids = fromTypedArray(BigInt64Array.of(1n, 2n, 3n), [1, 3]);
    const fast = compile((x: Tensor) => model.call('encode', x, true));
    for (let i = 0; i < 5; i++)
      expect((await fast(ids)).tolist()).toEqual(model.call('encode', ids, true).tolist());

    const nested = load('nested');
    const warnings: string[] = [];
    const pick = compile(
      (x: Tensor) => nested.call<[Record<string, Tensor>]>('forward', [x, x], { a: x }, [2, 0.5], 'x')[0],
      { warn: (message) => warnings.push(message), name: 'pick' },
    );
    const x = fromTypedArray(Float32Array.of(1, 2), [2]);
    for (let i = 0; i < 4; i++) expect((await pick(x)).total?.tolist()).toEqual([5.5, 10.5]);
    expect(warnings).toEqual([
      expect.stringMatching(/^pick is not compiled, as it gives tensors inside of a/),
    ]);
  });
});
