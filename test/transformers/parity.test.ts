/** Models of Hugging Face's library against themselves: outputs, hidden states, gradients, dropout, and fine-tuning. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { F } from '../../lib/torch/functions.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { AdamW } from '../../lib/torch/optim/index.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { getNumThreads, setNumThreads } from '../../lib/torch/threads.ts';
import { comparison } from '../support/cpu.ts';
import { type TensorEntry, toTensor } from '../support/fixtures.ts';
import { callOf, classOf, first, fixture, folderOf, type RecordedOutput } from './models.ts';

const expectEqual = comparison(fixture);
let threads = 1;

beforeAll(() => {
  threads = getNumThreads();
  setNumThreads(1);
});

afterAll(() => setNumThreads(threads));

function expectOutput(actual: object, wanted: RecordedOutput, label: string): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(wanted).sort());
  const found = actual as Record<string, Tensor | readonly Tensor[]>;
  for (const [name, entry] of Object.entries(wanted) as [string, TensorEntry | readonly TensorEntry[]][]) {
    const entries = Array.isArray(entry) ? (entry as readonly TensorEntry[]) : [entry as TensorEntry];
    const tensors = [found[name]].flat() as Tensor[];
    expect(tensors.length).toBe(entries.length);
    for (const [i, each] of entries.entries()) expectEqual(tensors[i]!, each, `${label}: ${name} ${i}`);
  }
}

describe.each(fixture.models.map((one) => [one.architecture, one] as const))('%s', (architecture, one) => {
  const load = () => classOf(architecture).fromPretrained(folderOf(one));

  test('outputs and hidden states in evaluation', async () => {
    const model = (await load()).eval();
    for (const [name, { call, output }] of Object.entries(one.runs)) {
      const outputHiddenStates = output.hiddenStates !== undefined;
      tidy(() => {
        const result = noGrad(() => model.forward({ ...callOf(call), outputHiddenStates }));
        expectOutput(result, output, name);
      });
    }
  });

  test('gradients', async () => {
    const model = (await load()).eval();
    tidy(() =>
      first(model.forward(callOf(one.runs.padded!.call)))
        .square()
        .mean()
        .backward(),
    );
    const grads = new Map(model.namedParameters().filter(([, { grad }]) => grad !== null));
    expect([...grads.keys()].sort()).toEqual(Object.keys(one.grads).sort());
    for (const [name, parameter] of grads)
      expectEqual(parameter.grad!, one.grads[name]!, `gradient of ${name}`);
  });

  test('what dropout draws in training', async () => {
    const model = await load();
    expect(model.training).toBe(true);
    for (let round = 0; round < 2; round++) {
      manualSeed(23);
      tidy(() => expectOutput(model.forward(callOf(one.trained.call)), one.trained.output, 'trained'));
    }
  });
});

const tuned = fixture.models.filter((one) => one.losses !== undefined);

test.each(tuned.map((one) => [one.architecture, one] as const))(
  '20 steps of %s',
  async (architecture, one) => {
    const model = (await classOf(architecture).fromPretrained(folderOf(one))).eval();
    const optimizer = new AdamW(model.parameters(), { lr: 3e-3 });
    const call = callOf(one.runs.padded!.call);
    const labels = toTensor(one.labels!);
    const losses: Tensor[] = [];
    for (let step = 0; step < 20; step++) {
      optimizer.zeroGrad();
      losses.push(
        tidy(() => {
          const loss = F.crossEntropyLoss(first(model.forward(call)), labels);
          loss.backward();
          return loss.detach();
        }),
      );
      optimizer.step();
    }
    expectEqual(F.stack(losses), one.losses!, 'losses');
  },
);
