/** Every layer and loss against PyTorch: text, initial state, outputs, gradients, and what a call changes. */

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { backward } from '../../lib/torch/autograd.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import * as nn from '../../lib/torch/nn/index.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { getNumThreads, setNumThreads } from '../../lib/torch/threads.ts';
import { comparison, type RecordedOn } from '../support/cpu.ts';
import { loadFixture, type TensorEntry, toTensor } from '../support/fixtures.ts';
import { type AnyModule, buildModule, flattenOutput, Inputs, type ModuleCase } from '../support/nnCases.ts';

const fixture = loadFixture<RecordedOn & { readonly modules: readonly ModuleCase[] }>('nn.json.gz');
const cases = fixture.modules;
const expectEqual = comparison(fixture);
let threads = 1;

beforeAll(() => {
  threads = getNumThreads();
  setNumThreads(1);
});

afterAll(() => setNumThreads(threads));

describe('torch.nn as PyTorch records it', () => {
  test('no two cases are the same, and every exported layer and loss has one', () => {
    expect(new Set(cases.map(({ seed }) => seed)).size).toBe(cases.length);
    const recorded = new Set(cases.map(({ cls }) => cls));
    const missing = Object.entries(nn)
      .filter(([, value]) => typeof value === 'function' && value.prototype instanceof nn.Module)
      .map(([name]) => name)
      .filter((name) => !recorded.has(name));
    // Containers without a forward, which test/nn covers.
    expect(missing.sort()).toEqual(['ModuleDict', 'ModuleList', 'ParameterList']);
  });

  test.each(cases.map((one) => [one.name, one] as const))('%s', (_, one) => tidy(() => replay(one)));
});

function replay(one: ModuleCase): void {
  manualSeed(one.seed);
  const module = buildModule(one);
  expect(String(module)).toBe(one.text);
  expectState(module, one.initial, Object.keys(one.initial));

  const inputs = new Inputs();
  manualSeed(one.seed + 1);
  const outputs = forward(module, one, inputs);
  expectAll(outputs, one.train, 'output in training');
  const targets = outputs.filter((output): output is Tensor => output?.requiresGrad === true);
  expect(targets.length).toBe(one.gradOutputs.length);
  if (targets.length > 0) backward(targets, one.gradOutputs.map(toTensor));
  for (const [name, entry] of Object.entries(one.parameterGrads)) {
    const { grad } = module.getParameter(name);
    expectSame(one.sparse && grad !== null ? grad.toDense() : grad, entry, `gradient of ${name}`);
  }
  const inputGrads = inputs.leaves.map(({ grad }) => grad);
  expectAll(inputGrads, one.inputGrads, 'gradient of input');
  expectState(module, { ...one.initial, ...one.stateAfter }, Object.keys(one.initial));

  module.eval();
  manualSeed(one.seed + 2);
  expectAll(forward(module, one, new Inputs()), one.eval, 'output in evaluation');
  const { inference } = one;
  if (inference)
    noGrad(() => expectAll(forward(module, one, new Inputs()), inference, 'output without gradients'));
}

function forward(module: AnyModule, one: ModuleCase, inputs: Inputs): (Tensor | null)[] {
  const call = Object.entries(one.call).map(([key, value]) => [key, inputs.take(value)] as const);
  const given = inputs.all(one.inputs, one.clone);
  return flattenOutput(module.forward(...given, ...(call.length > 0 ? [Object.fromEntries(call)] : [])));
}

function expectState(module: AnyModule, state: Readonly<Record<string, TensorEntry>>, order: string[]): void {
  const ours = module.stateDict();
  expect([...ours.keys()]).toEqual(order);
  for (const [key, tensor] of ours) expectEqual(tensor, state[key]!, key);
}

function expectAll(ours: (Tensor | null)[], theirs: readonly (TensorEntry | null)[], label: string): void {
  expect(ours.length).toBe(theirs.length);
  for (const [i, tensor] of ours.entries()) expectSame(tensor, theirs[i]!, `${label} ${i}`);
}

function expectSame(ours: Tensor | null, theirs: TensorEntry | null, label: string): void {
  if (ours === null && theirs === null) return;
  if (ours === null || theirs === null)
    throw new Error(
      `${label}: ${ours ? 'a tensor' : 'null'} where PyTorch has ${theirs ? 'a tensor' : 'None'}`,
    );
  expectEqual(ours, theirs, label);
}
