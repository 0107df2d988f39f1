/** TorchScript models against PyTorch: text, state, outputs and gradients of each call. See scripts/fixtures/jit.py. */

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as torch from '../../lib/torch/index.ts';
import { comparison, type RecordedOn } from '../support/cpu.ts';
import { loadFixture, type TensorEntry, toTensor } from '../support/fixtures.ts';

interface ModelCase {
  readonly name: string;
  readonly archive: string;
  readonly eval: boolean;
  readonly inputs: readonly TensorEntry[];
  readonly calls: readonly {
    readonly output: TensorEntry;
    readonly grads: Readonly<Record<string, TensorEntry | null>>;
  }[];
  readonly text: string;
  readonly state: Readonly<Record<string, TensorEntry>>;
  readonly parameters: readonly [name: string, requiresGrad: boolean][];
  readonly stateAfter: Readonly<Record<string, TensorEntry>>;
}

interface Fixture extends RecordedOn {
  readonly archives: Readonly<Record<string, string>>;
  readonly models: readonly ModelCase[];
  readonly ids: TensorEntry;
  readonly encoded: TensorEntry;
  readonly weighted: TensorEntry;
  readonly evaluated: TensorEntry;
}

const fixture = loadFixture<Fixture>('jit.json.gz');
const expectEqual = comparison(fixture);
const load = (archive: string) => torch.jit.load(Buffer.from(fixture.archives[archive]!, 'base64'));
let threads = 1;

beforeAll(() => {
  threads = torch.getNumThreads();
  torch.setNumThreads(1);
});

afterAll(() => torch.setNumThreads(threads));

describe('models that PyTorch wrote', () => {
  test.each(fixture.models.map((one) => [one.name, one] as const))('%s', (_, one) => {
    const model = load(one.archive);
    expect(String(model)).toBe(one.text);
    expect(model.namedParameters().map(([name, { requiresGrad }]) => [name, requiresGrad])).toEqual(
      one.parameters,
    );
    expectState(model, one.state);
    model.train(!one.eval);
    for (const { output, grads } of one.calls) {
      model.zeroGrad();
      torch.manualSeed(11);
      const result = model.forward(...one.inputs.map(toTensor));
      expectEqual(result, output, 'output');
      result.square().sum().backward();
      for (const [name, { grad }] of model.namedParameters()) {
        const entry = grads[name]!;
        expect(grad === null).toBe(entry === null);
        if (grad !== null) expectEqual(grad, entry, `gradient of ${name}`);
      }
    }
    expectState(model, one.stateAfter);
  });

  test('exported methods and keyword arguments', () => {
    const model = load('ranker');
    const ids = toTensor(fixture.ids);
    expect(model.methods).toEqual(['forward', 'encode']);
    expectEqual(model.call('encode', ids, true), fixture.encoded, 'encode');
    model.eval();
    expectEqual(model.forward(ids, { weight: 2.5 }), fixture.weighted, 'forward with weight');
    expectEqual(model.forward(ids, 2.5), fixture.weighted, 'forward with weight by position');
  });

  test('a frozen one', () => {
    const model = load('frozen');
    expect(model.namedParameters()).toEqual([]);
    expectEqual(model.eval().forward(toTensor(fixture.ids)), fixture.evaluated, 'output');
  });
});

function expectState(model: torch.jit.ScriptModule, state: Readonly<Record<string, TensorEntry>>): void {
  const ours = model.stateDict();
  expect([...ours.keys()]).toEqual(Object.keys(state));
  for (const [key, tensor] of ours) expectEqual(tensor, state[key]!, key);
}
