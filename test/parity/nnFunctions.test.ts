/** Functions, initializers, clipping and loading errors against PyTorch. */

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { backward } from '../../lib/torch/autograd.ts';
import { F } from '../../lib/torch/functions.ts';
import * as nn from '../../lib/torch/nn/index.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { getNumThreads, setNumThreads } from '../../lib/torch/threads.ts';
import { comparison, type RecordedOn } from '../support/cpu.ts';
import { loadFixture, type TensorEntry, toTensor } from '../support/fixtures.ts';
import { buildModule, flattenOutput, Inputs, type ModuleSpec } from '../support/nnCases.ts';

interface Call {
  readonly name: string;
  readonly fn: string;
  readonly args: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
}

interface FunctionCase extends Call {
  readonly seed: number;
  readonly outputs: readonly TensorEntry[];
  readonly gradOutputs: readonly TensorEntry[];
  readonly inputGrads: readonly (TensorEntry | null)[];
}

interface InitCase extends Call {
  readonly seed: number;
  readonly shape: readonly number[];
  readonly filled: TensorEntry;
}

interface ClipCase extends Call {
  readonly grads: readonly TensorEntry[];
  readonly total: TensorEntry | null;
  readonly clipped: readonly TensorEntry[];
}

interface LoadCase {
  readonly module: { readonly $module: ModuleSpec };
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly options: { readonly strict?: boolean };
  readonly message: string | null;
  readonly missingKeys: readonly string[];
  readonly unexpectedKeys: readonly string[];
}

interface Fixture extends RecordedOn {
  readonly functions: readonly FunctionCase[];
  readonly inits: readonly InitCase[];
  readonly clips: readonly ClipCase[];
  readonly loads: readonly LoadCase[];
}

type Functions = Readonly<Record<string, (...args: unknown[]) => unknown>>;

const fixture = loadFixture<Fixture>('nn-functions.json.gz');
const expectEqual = comparison(fixture);
let threads = 1;

beforeAll(() => {
  threads = getNumThreads();
  setNumThreads(1);
});

afterAll(() => setNumThreads(threads));

/** Arguments in order, then the options if there are any. */
function argumentsOf({ args, options }: Call, inputs: Inputs): unknown[] {
  const given = inputs.all(args);
  const named = Object.entries(options).map(([key, value]) => [key, inputs.take(value)] as const);
  return named.length > 0 ? [...given, Object.fromEntries(named)] : given;
}

describe('torch.nn.functional', () => {
  test.each(fixture.functions.map((one) => [one.name, one] as const))('%s', (_, one) => {
    tidy(() => {
      const inputs = new Inputs();
      const given = argumentsOf(one, inputs);
      manualSeed(one.seed);
      const call = (nn.functional as unknown as Functions)[one.fn]!;
      const outputs = flattenOutput(call(...given)) as Tensor[];
      expect(outputs.length).toBe(one.outputs.length);
      for (const [i, output] of outputs.entries()) expectEqual(output, one.outputs[i]!, `output ${i}`);
      const targets = outputs.filter(({ requiresGrad }) => requiresGrad);
      expect(targets.length).toBe(one.gradOutputs.length);
      if (targets.length > 0) backward(targets, one.gradOutputs.map(toTensor));
      for (const [i, { grad }] of inputs.leaves.entries()) {
        const entry = one.inputGrads[i]!;
        expect(grad === null).toBe(entry === null);
        if (grad !== null) expectEqual(grad, entry, `gradient of input ${i}`);
      }
    });
  });
});

describe('torch.nn.init draws what PyTorch draws', () => {
  test.each(fixture.inits.map((one) => [one.name, one] as const))('%s', (_, one) => {
    tidy(() => {
      const tensor = F.empty(one.shape);
      manualSeed(one.seed);
      const filled = (nn.init as unknown as Functions)[one.fn]!(tensor, ...argumentsOf(one, new Inputs()));
      expect(filled).toBe(tensor);
      expectEqual(tensor, one.filled, one.name);
    });
  });
});

describe('torch.nn.utils clips as PyTorch does', () => {
  test.each(fixture.clips.map((one) => [one.name, one] as const))('%s', (_, one) => {
    tidy(() => {
      const parameters = one.grads.map(({ shape }) => new nn.Parameter(F.zeros(shape)));
      for (const [i, parameter] of parameters.entries()) parameter.grad = toTensor(one.grads[i]!);
      const withoutGrad = new nn.Parameter(F.zeros([2]));
      const clip = (nn.utils as unknown as Functions)[one.fn]!;
      const total = clip([...parameters, withoutGrad], ...argumentsOf(one, new Inputs()));
      if (one.total !== null) expectEqual(total as Tensor, one.total, 'total norm');
      for (const [i, { grad }] of parameters.entries()) expectEqual(grad!, one.clipped[i]!, `gradient ${i}`);
      expect(withoutGrad.grad).toBeNull();
    });
  });
});

describe('loadStateDict says what PyTorch says', () => {
  test.each(fixture.loads.map((one, i) => [`state dict ${i}: ${Object.keys(one.shapes)}`, one] as const))(
    '%s',
    (_, one) => {
      tidy(() => {
        const module = buildModule(one.module.$module);
        const state = Object.fromEntries(
          Object.entries(one.shapes).map(([key, shape]) => [key, F.zeros(shape)]),
        );
        if (one.message !== null) {
          expect(() => module.loadStateDict(state, one.options)).toThrow(
            expect.objectContaining({ message: one.message, code: 'ERR_STATE_DICT' }),
          );
          return;
        }
        const { missingKeys, unexpectedKeys } = module.loadStateDict(state, one.options);
        expect(missingKeys).toEqual(one.missingKeys);
        expect(unexpectedKeys).toEqual(one.unexpectedKeys);
        const shared = Object.keys(state).filter((key) => module.stateDict().has(key));
        for (const key of shared) expect(module.stateDict().get(key)!.abs().sum().item()).toBe(0);
      });
    },
  );
});
