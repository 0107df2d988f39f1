/** What an optimizer takes: parameters, groups and options, and the sentence for each that it does not. */

import { describe, expect, test } from '@jest/globals';
import { ArgumentError, ArgumentRangeError } from '../../lib/errors.ts';
import { F } from '../../lib/torch/functions.ts';
import { Linear } from '../../lib/torch/nn/index.ts';
import * as optim from '../../lib/torch/optim/index.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';

function param(...shape: number[]): Tensor {
  return F.ones(shape, { requiresGrad: true });
}

describe('parameters and groups', () => {
  test('what may be optimized', () => {
    const leaf = param(2);
    const bad: [unknown, string | RegExp][] = [
      [[], 'optimizer got an empty parameter list'],
      [leaf, /Expected an iterable of Tensors or groups for params/],
      [undefined, /Expected an iterable/],
      [7, /Expected an iterable/],
      [[leaf, 3], /Expected Tensors or groups for an element of params but received 3/],
      [[leaf.mul(2)], "can't optimize a non-leaf Tensor"],
      [[leaf, leaf], /duplicate parameters/],
      [[{ params: [leaf] }, { params: [leaf] }], /more than one parameter group/],
      [[{ params: [leaf] }, leaf], /Expected an object with params/],
      [[{ params: [leaf] }, { params: [['name', param(1)]] }], /with\/without names/],
      [[['name', leaf], param(1)], /Some param names are missing/],
      [[{ params: 5 }], /Expected an iterable/],
    ];
    for (const [params, message] of bad) expect(() => new optim.SGD(params as never)).toThrow(message);
  });

  test('a model, its named parameters, a generator, one tensor in a group', () => {
    const model = new Linear(2, 3);
    expect(new optim.SGD(model.parameters()).paramGroups[0]!.params.length).toBe(2);
    const named = new optim.SGD(model.namedParameters());
    expect(named.paramGroups[0]!.paramNames).toEqual(['weight', 'bias']);
    expect(named.stateDict().param_groups[0]!.param_names).toEqual(['weight', 'bias']);
    expect(new optim.SGD([{ params: model.weight }]).paramGroups[0]!.params[0]).toBe(model.weight);
  });

  test("options of a group are its own, the others the optimizer's", () => {
    const optimizer = new optim.Adam(
      [
        { params: [param(1)], lr: 0.5, name: 'first' },
        { params: [param(1)], betas: [0.5, 0.6] },
      ],
      {
        lr: 0.25,
        eps: undefined,
      },
    );
    optimizer.addParamGroup({ params: [param(1)] });
    expect(optimizer.paramGroups.map((group) => [group.lr, group.betas[0], group.eps])).toEqual([
      [0.5, 0.9, 1e-8],
      [0.25, 0.5, 1e-8],
      [0.25, 0.9, 1e-8],
    ]);
    expect(optimizer.stateDict().param_groups.map((group) => group.params)).toEqual([[0], [1], [2]]);
    optimizer.paramGroups[2]!.lr = 0;
    expect(optimizer.defaults.lr).toBe(0.25);
  });

  test('wrong options', () => {
    const params = [param(1)];
    const bad: [() => unknown, new (...args: never[]) => Error, string | RegExp][] = [
      [() => new optim.SGD(params, { lr: -1 }), ArgumentRangeError, 'Invalid learning rate: -1'],
      [() => new optim.SGD(params, { lr: Number.NaN }), ArgumentRangeError, 'Invalid learning rate: NaN'],
      [
        () => new optim.SGD(params, { lr: '1' as never }),
        ArgumentError,
        'Expected a number for lr but received "1"',
      ],
      [
        () => new optim.SGD(params, { lr: null as never }),
        ArgumentError,
        'Expected a number for lr but received null',
      ],
      [() => new optim.SGD(params, { momentum: -0.1 }), ArgumentRangeError, 'Invalid momentum value: -0.1'],
      [
        () => new optim.SGD(params, { nesterov: true }),
        ArgumentError,
        /Nesterov momentum requires a momentum/,
      ],
      [
        () => new optim.SGD(params, { nesterov: 1 as never }),
        ArgumentError,
        /Expected true or false for nesterov/,
      ],
      [
        () => new optim.SGD([{ params, momentum: 0 }], { momentum: 1, nesterov: true }),
        ArgumentError,
        /Nesterov/,
      ],
      [
        () => new optim.SGD(params, { weight_decay: 1 } as never),
        ArgumentError,
        /Expected weightDecay for option name of SGD/,
      ],
      [
        () => new optim.SGD([{ params, weightdecay: 1 } as never]),
        ArgumentError,
        /Expected weightDecay for option name/,
      ],
      [
        () => new optim.SGD(params, { betas: [0, 0] } as never),
        ArgumentError,
        /Expected one of lr, momentum/,
      ],
      [() => new optim.SGD(params, null as never), ArgumentError, /Expected an object for options/],
      [
        () => new optim.Adam(params, { betas: [0.9, 1] }),
        ArgumentRangeError,
        'Invalid beta parameter at index 1: 1',
      ],
      [
        () => new optim.Adam(params, { betas: [-0.1, 0.9] }),
        ArgumentRangeError,
        'Invalid beta parameter at index 0: -0.1',
      ],
      [
        () => new optim.Adam(params, { betas: [0.9] as never }),
        ArgumentError,
        /Expected an array of two for betas/,
      ],
      [() => new optim.Adam(params, { eps: -1 }), ArgumentRangeError, 'Invalid epsilon value: -1'],
      [
        () => new optim.AdamW(params, { weightDecay: -1 }),
        ArgumentRangeError,
        'Invalid weightDecay value: -1',
      ],
      [
        () => new optim.NAdam(params, { momentumDecay: -1 }),
        ArgumentRangeError,
        'Invalid momentumDecay value: -1',
      ],
      [() => new optim.NAdam(params, { fused: true } as never), ArgumentError, /option name of NAdam/],
      [() => new optim.RMSprop(params, { alpha: -1 }), ArgumentRangeError, 'Invalid alpha value: -1'],
      [() => new optim.Adagrad(params, { lrDecay: -1 }), ArgumentRangeError, 'Invalid lrDecay value: -1'],
      [
        () => new optim.Adafactor(params, { d: 0.5 }),
        ArgumentRangeError,
        'Clipping threshold d should be >= 1 but is: 0.5',
      ],
      [
        () => new optim.Adafactor(params, { beta2Decay: 1 }),
        ArgumentRangeError,
        'beta2Decay should be <= 0 but is: 1',
      ],
      [
        () => new optim.Adafactor(params, { lr: -1 }),
        ArgumentRangeError,
        'Learning rate should be >= 0 but is: -1',
      ],
      [
        () => new optim.RelativeStepAdafactor(params, { lr: 1 }),
        ArgumentError,
        /Cannot combine manual lr and relativeStep/,
      ],
      [() => new optim.RelativeStepAdafactor(params, { relativeStep: false }), ArgumentError, /requires lr/],
      [
        () => new optim.RelativeStepAdafactor(params, { lr: 1, relativeStep: false, warmupInit: true }),
        ArgumentError,
        /warmupInit: true requires relativeStep: true/,
      ],
    ];
    for (const [make, kind, message] of bad) {
      expect(make).toThrow(kind);
      expect(make).toThrow(message);
    }
  });

  test('complex parameters where the algorithm or the fused operator has none', () => {
    const complex = F.zeros([2], { dtype: 'complex64', requiresGrad: true });
    complex.grad = F.ones([2], { dtype: 'complex64' });
    expect(() => new optim.Adafactor([complex]).step()).toThrow(
      'Adafactor does not support complex parameters',
    );
    expect(() => new optim.AdamW([complex], { fused: true }).step()).toThrow(/floating point/);
  });

  test('a parameter that was disposed', () => {
    const one = param(2);
    const optimizer = new optim.SGD([one]);
    one.dispose();
    expect(() => optimizer.step()).toThrow(ArgumentError);
    expect(() => optimizer.zeroGrad()).toThrow(ArgumentError);
  });

  test('AdamW decays apart from the gradient whatever state is loaded', () => {
    const params = [param(2)];
    const dict = new optim.Adam(params).stateDict();
    const optimizer = new optim.AdamW(params);
    optimizer.loadStateDict(dict);
    expect(optimizer.paramGroups[0]!.decoupledWeightDecay).toBe(true);
  });

  test("PyTorch's options that ours has not are kept for the way back", () => {
    const params = [param(2)];
    const optimizer = new optim.AdamW(params);
    const group = {
      ...optimizer.stateDict().param_groups[0]!,
      foreach: null,
      capturable: false,
      differentiable: false,
      fused: null,
    };
    optimizer.loadStateDict({ state: {}, param_groups: [group] });
    expect(optimizer.stateDict().param_groups[0]).toEqual({ ...group, fused: false });
  });

  test('prints like PyTorch', () => {
    expect(String(new optim.SGD([param(1)], { lr: 0.5 }))).toBe(
      'SGD (\nParameter Group 0\n    dampening: 0\n    fused: false\n    lr: 0.5\n    maximize: false\n    momentum: 0\n    nesterov: false\n    weightDecay: 0\n)',
    );
  });
});
