/** What every optimizer shares: groups, state dicts, errors, scopes. That they compute PyTorch's numbers: test/parity/optim.test.ts. */

import { describe, expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { isGradEnabled, noGrad } from '../../lib/torch/modes.ts';
import { Parameter } from '../../lib/torch/nn/index.ts';
import * as optim from '../../lib/torch/optim/index.ts';
import { memory, tidy } from '../../lib/torch/scope.ts';
import { Tensor } from '../../lib/torch/tensor.ts';

/** Every class, with options that give it all the state it can have. */
const table: Record<string, (params: optim.Params<never>) => optim.Optimizer> = {
  SGD: (params) => new optim.SGD(params, { lr: 0.1, momentum: 0.9 }),
  'SGD fused': (params) => new optim.SGD(params, { lr: 0.1, momentum: 0.9, fused: true }),
  Adam: (params) => new optim.Adam(params, { amsgrad: true }),
  AdamW: (params) => new optim.AdamW(params),
  'AdamW fused': (params) => new optim.AdamW(params, { amsgrad: true, fused: true }),
  NAdam: (params) => new optim.NAdam(params),
  RAdam: (params) => new optim.RAdam(params),
  RMSprop: (params) => new optim.RMSprop(params, { momentum: 0.9, centered: true }),
  Adagrad: (params) => new optim.Adagrad(params),
  'Adagrad fused': (params) => new optim.Adagrad(params, { fused: true }),
  Adafactor: (params) => new optim.Adafactor(params),
  RelativeStepAdafactor: (params) => new optim.RelativeStepAdafactor(params, { beta1: 0.9 }),
};
const names = Object.keys(table);

function param(...shape: number[]): Tensor {
  return F.ones(shape, { requiresGrad: true });
}

/** Gives every parameter a gradient that depends on the step. */
function fill(params: readonly Tensor[], step: number): void {
  tidy(() => {
    for (const [index, one] of params.entries())
      one.grad = F.fullLike(one.detach(), Math.sin(step + index) + 1.5);
  });
}

function values(params: readonly Tensor[]): unknown[] {
  return params.map((one) => one.tolist());
}

function run(optimizer: optim.Optimizer, params: readonly Tensor[], from: number, to: number): void {
  for (let step = from; step < to; step++) {
    fill(params, step);
    optimizer.step();
  }
}

describe.each(names)('%s', (name) => {
  const make = table[name]!;

  test('steps leave no tensors behind once the state is there, and dispose frees the state', () => {
    const params = [param(3, 2), param(4), param()];
    const before = memory().tensors;
    const optimizer = make(params);
    run(optimizer, params, 0, 1);
    const live = memory().tensors;
    tidy(() => run(optimizer, params, 1, 20));
    expect(memory().tensors).toBe(live);
    optimizer.dispose();
    optimizer.zeroGrad();
    expect(memory().tensors).toBe(before);
  });

  test('skips parameters without a gradient', () => {
    const params = [param(2), param(2)];
    const optimizer = make(params);
    params[0]!.grad = F.ones([2]);
    optimizer.step();
    expect(params[0]!.tolist()).not.toEqual([1, 1]);
    expect(params[1]!.tolist()).toEqual([1, 1]);
    expect(Object.keys(optimizer.state.get(params[1]!) ?? {})).toEqual(
      name.startsWith('Adagrad') ? ['step', 'sum'] : [],
    );
  });

  test('goes on from its state dict as if it had not stopped', () => {
    const params = [param(3, 2), param(4), param()];
    const optimizer = make(
      [{ params: params.slice(0, 2) }, { params: params.slice(2), lr: null }].map(withoutNull),
    );
    run(optimizer, params, 0, 5);
    // Through the text that a checkpoint holds, tensors apart.
    const dict = optimizer.stateDict();
    const text = JSON.stringify(dict, (_, value: unknown) => (value instanceof Tensor ? undefined : value));
    const loaded = JSON.parse(text) as optim.OptimizerStateDict;
    for (const [id, state] of Object.entries(dict.state)) {
      for (const [key, value] of Object.entries(state))
        if (value instanceof Tensor) loaded.state[id]![key] = value.clone();
    }
    const others = params.map((one) => one.detach().clone());
    for (const one of others) one.requiresGrad = true;
    const other = make([{ params: others.slice(0, 2) }, { params: others.slice(2) }] as never);
    other.loadStateDict(loaded);
    for (const state of Object.values(loaded.state)) {
      for (const value of Object.values(state)) if (value instanceof Tensor) value.dispose();
    }
    run(optimizer, params, 5, 9);
    run(other, others, 5, 9);
    expect(values(others)).toEqual(values(params));
    expect(other.stateDict().param_groups).toEqual(optimizer.stateDict().param_groups);
  });

  test('updates empty, transposed and expanded-gradient parameters', () => {
    const transposed = new Parameter(F.ones([2, 3]).t());
    const plain = new Parameter(F.ones([3, 2]));
    const params = [new Parameter(F.ones([0, 3])), transposed, plain];
    const optimizer = make(params);
    for (const one of params) one.grad = one.detach().mul(0.5);
    // What `sum().backward()` leaves may be expanded: all elements in one place.
    plain.grad = tensor(0.5).expand([3, 2]).clone();
    optimizer.step();
    expect(params[0]!.shape).toEqual([0, 3]);
    expect(transposed.tolist()).toEqual(plain.tolist());
    expect(plain.at(0, 0).item()).toBeLessThan(1);
  });

  test('updates in any grad mode, of several dtypes at once', () => {
    const params = [param(2), F.ones([2], { dtype: 'float64', requiresGrad: true })];
    const optimizer = make(params);
    fill(params, 1);
    noGrad(() => optimizer.step());
    optimizer.step();
    for (const one of params) {
      expect(one.requiresGrad).toBe(true);
      expect(one.isLeaf).toBe(true);
      expect(one.at(0).item()).toBeLessThan(1);
    }
    for (const state of optimizer.state.values()) {
      for (const value of Object.values(state))
        if (value instanceof Tensor) expect(value.requiresGrad).toBe(false);
    }
  });

  test('says what is wrong with a state dict of another optimizer, and changes nothing', () => {
    const params = [param(2)];
    const optimizer = make(params);
    run(optimizer, params, 0, 1);
    const before = JSON.stringify(optimizer.stateDict());
    const group = { ...optimizer.stateDict().param_groups[0]! };
    const bad: [unknown, RegExp][] = [
      [null, /Expected an object for state dict/],
      [{ state: {} }, /param_groups/],
      [{ state: {}, param_groups: [] }, /different number of parameter groups/],
      [
        { state: {}, param_groups: [{ ...group, params: [0, 1] }] },
        /doesn't match the size of optimizer's group/,
      ],
      [{ state: {}, param_groups: [{ ...group, lr: '0.1' }] }, /Expected a number for lr/],
      [{ state: {}, param_groups: [{ ...group, lr: -1 }] }, /-1/],
      [{ state: { 0: { step: 'x' } }, param_groups: [group] }, /step/],
      [{ state: { 0: 7 }, param_groups: [group] }, /Expected an object for state of a parameter/],
      [{ state: {}, param_groups: [JSON.parse('{"params":[0],"__proto__":{"polluted":1}}')] }, /__proto__/],
      [
        JSON.parse('{"state":{"0":{"__proto__":{"polluted":1}}},"param_groups":[{"params":[0]}]}'),
        /__proto__/,
      ],
    ];
    for (const [dict, message] of bad) expect(() => optimizer.loadStateDict(dict as never)).toThrow(message);
    expect(JSON.stringify(optimizer.stateDict())).toBe(before);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('needs its own state', () => {
    const params = [param(2, 2)];
    const optimizer = make(params);
    const group = optimizer.stateDict().param_groups[0]!;
    optimizer.loadStateDict({ state: { 0: { step: 3, something: F.zeros([2, 2]) } }, param_groups: [group] });
    fill(params, 1);
    if (name.startsWith('SGD')) optimizer.step();
    else expect(() => optimizer.step()).toThrow(ArgumentError);
  });
});

function withoutNull(group: object): never {
  return Object.fromEntries(Object.entries(group).filter(([, value]) => value !== null)) as never;
}

describe('zeroGrad', () => {
  test('forgets gradients, or fills them with zeros', () => {
    const params = [param(2), param(3)];
    const optimizer = new optim.SGD(params);
    params[0]!.mul(2).sum().backward();
    optimizer.zeroGrad({ setToNone: false });
    expect(params[0]!.grad!.tolist()).toEqual([0, 0]);
    expect(params[1]!.grad).toBeNull();
    optimizer.zeroGrad();
    expect(params[0]!.grad).toBeNull();
  });

  test('cuts a gradient that has a graph of its own', () => {
    const one = param(2);
    one.pow(3).sum().backward(undefined, { createGraph: true });
    expect(one.grad!.requiresGrad).toBe(true);
    new optim.SGD([one]).zeroGrad({ setToNone: false });
    expect(one.grad!.requiresGrad).toBe(false);
    expect(one.grad!.tolist()).toEqual([0, 0]);
    one.grad = null;
  });
});

describe('the closure', () => {
  test('runs with gradients on, and its result comes back', () => {
    const one = param(2);
    const optimizer = new optim.SGD([one], { lr: 1 });
    const loss = noGrad(() =>
      optimizer.step(() => {
        expect(isGradEnabled()).toBe(true);
        const value = one.square().sum();
        value.backward();
        return value;
      }),
    );
    expect(loss!.item()).toBe(2);
    expect(one.tolist()).toEqual([-1, -1]);
    expect(optimizer.step()).toBeUndefined();
  });

  test('an error in it changes nothing', () => {
    const one = param(1);
    one.grad = F.ones([1]);
    const optimizer = new optim.AdamW([one]);
    expect(() =>
      optimizer.step(() => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(one.tolist()).toEqual([1]);
    expect(optimizer.state.size).toBe(0);
    expect(optimizer.stepped).toBe(false);
  });

  test('must not be asynchronous', () => {
    const optimizer = new optim.SGD([param(1)]);
    expect(() => optimizer.step(async () => 1)).toThrow(/not asynchronous/);
  });
});

test("an algorithm of one's own", () => {
  interface Signs extends optim.BaseOptions {
    lr: number;
  }
  const signs: optim.Algorithm<Signs> = {
    name: 'Signs',
    defaults: { lr: 0.5 },
    rules: { lr: () => {} },
    start: () => ({ step: 0 }),
    complex: 'none',
    update: (batch, { lr }) => {
      batch.count();
      for (const [row, one] of batch.params.entries()) one.sub_(batch.grads[row]!.sign(), { alpha: lr });
    },
  };
  class SignSGD extends optim.Optimizer<Signs> {
    constructor(params: optim.Params<Signs>, options: Partial<Signs> = {}) {
      super(signs, params, options);
    }
  }
  const one = param(2);
  one.grad = tensor([3, -4]);
  const optimizer = new SignSGD([one]);
  optimizer.step();
  expect(one.tolist()).toEqual([0.5, 1.5]);
  expect(optimizer.stateDict().state).toEqual({ 0: { step: 1 } });
});
