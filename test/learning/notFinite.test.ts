import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { tensor } from '../../lib/torch/factories.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { Sequential } from '../../lib/torch/nn/layers/containers.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { Module } from '../../lib/torch/nn/module.ts';
import { memory } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { type Example, newDirectory, ToyTrainer, toyLearner, toySampler } from './toy.ts';

/** 1 / x, which is infinite at 0. */
class Reciprocal extends Module {
  forward(x: Tensor): Tensor {
    return x.reciprocal();
  }
}

class Net extends Module {
  readonly encoder = new Sequential(new Linear(2, 2), new Reciprocal());
  readonly head = new Linear(2, 1);
  forward(x: Tensor): Tensor {
    return this.head.forward(this.encoder.forward(x));
  }
}

async function messageOf(model: Module, records: readonly Example[], path?: string): Promise<string> {
  const trainer = new ToyTrainer({ sampler: toySampler(records), batchSize: 1 });
  const error = await toyLearner({ model, trainer })
    .run({ progress: false, path })
    .then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
  expect(error?.name).toBe('NotFiniteError');
  return error!.message;
}

const ONE: readonly Example[] = [{ x: [1, 1], y: 0 }];

describe('a loss that is not finite ends the run and names', () => {
  test('the module in which it began, and keeps the batch', async () => {
    const model = new Net();
    noGrad(() => {
      (model.encoder.children()[0] as Linear).weight.zero_();
      (model.encoder.children()[0] as Linear).bias!.zero_();
      model.head.weight.fill_(1);
    });
    const path = newDirectory();
    expect(await messageOf(model, ONE, path)).toBe(
      'loss mse: expected a finite number, received Infinity in step 1 of epoch 1: ' +
        'module encoder.1 (Reciprocal) has an output that is not finite, computed from finite inputs; ' +
        `the batch is in ${join(path, 'not-finite-step-00000001.json')}`,
    );
    expect(JSON.parse(readFileSync(join(path, 'not-finite-step-00000001.json'), 'utf8'))).toEqual({
      version: 1,
      epoch: 1,
      steps: 1,
      batch: [{ x: [1, 1], y: 0 }],
    });
    // The modules are as they were.
    expect(Object.getOwnPropertyNames(model.head)).not.toContain('forward');
  });

  test('the parameter that is not finite', async () => {
    const model = new Net();
    noGrad(() => model.head.weight.copy_(tensor([[1, Number.NaN]])));
    expect(await messageOf(model, ONE)).toBe(
      'loss mse: expected a finite number, received NaN in step 1 of epoch 1: parameter head.weight is not finite',
    );
  });

  test('the data, where a module was given what is not finite', async () => {
    expect(await messageOf(new Linear(2, 1), [{ x: [1, Number.POSITIVE_INFINITY], y: 0 }])).toMatch(
      /: the model \(Linear\) has an output that is not finite, and so is what it was given$/,
    );
  });

  test('nothing but the loss, where no module is the cause', async () => {
    expect(await messageOf(new Linear(2, 1), [{ x: [1, 1], y: Number.NaN }])).toMatch(
      /received NaN in step 1 of epoch 1: no parameter and no output of a module is the cause$/,
    );
  });

  test('and leaves no tensor behind, and no checkpoint of what is broken', async () => {
    const path = newDirectory();
    const records = [{ x: [1, 1] as const, y: Number.NaN }];
    const model = new Linear(2, 1);
    await messageOf(model, records);
    const before = memory().tensors;
    await messageOf(model, records, path);
    expect(memory().tensors).toBe(before);
    expect(readdirSync(join(path, 'checkpoints'))).toEqual([]);
  });

  test('the parameters that a finite loss left without finite numbers, before they are saved', async () => {
    /** √0, whose gradient is infinite. */
    class Roots extends ToyTrainer {
      protected override trainBatch(): void {
        const root = (this.trainedModel as Linear).weight.mul(0).sqrt();
        this.context.addLoss('root', root.sum());
      }
    }
    const path = newDirectory();
    const run = toyLearner({ trainer: new Roots(), maxEpochs: 1, stepsPerEpoch: 1 }).run({
      path,
      progress: false,
    });
    await expect(run).rejects.toThrow(
      'parameters: expected finite numbers after step 1 of epoch 1, received others in weight: the loss was finite',
    );
    expect(readdirSync(join(path, 'checkpoints'))).toEqual([]);
  });
});
