import { describe, expect, jest, test } from '@jest/globals';
import * as torch from '../../lib/torch/index.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { itCuda } from '../support/cuda.ts';

const { nn } = torch;

/** Normalisation with running statistics, dropout, and a number that is no tensor. */
class Net extends nn.Module {
  readonly first = new nn.Linear(8, 16);
  readonly norm = new nn.BatchNorm1d(16);
  readonly dropout = new nn.Dropout(0.5);
  readonly last = new nn.Linear(16, 1);

  forward(x: Tensor): { readonly y: Tensor; readonly rows: number; readonly parts: readonly Tensor[] } {
    const hidden = this.dropout.forward(this.norm.forward(this.first.forward(x)).relu());
    return { y: this.last.forward(hidden), rows: x.shape[0] as number, parts: hidden.split(8, 1) };
  }
}

function seeded(): Net {
  torch.manualSeed(1);
  return new Net();
}

const quiet = { warn: (message: string) => expect(message).toBe('never') };
const batch = (rows = 4) => torch.randn([rows, 8]);

async function warned(fn: (...args: Tensor[]) => unknown, calls: readonly (readonly Tensor[])[]) {
  const warnings: string[] = [];
  const results: unknown[] = [];
  const compiled = torch.compile(fn, { warn: (message) => warnings.push(message) });
  for (const args of calls) results.push(await compiled(...args));
  return { warnings, results };
}

describe('compile', () => {
  test('gives the bits of the function, with its random numbers and running statistics, and its gradients', async () => {
    const eager = seeded();
    const expected = Array.from({ length: 6 }, () => {
      const { y, parts } = eager.forward(batch());
      y.sum().backward();
      return [y.tolist(), parts.map((each) => each.tolist()), eager.first.weight.grad!.tolist()];
    });
    const net = seeded();
    const compiled = torch.compile(net, quiet);
    for (const each of expected) {
      const { y, parts, rows } = await compiled(batch());
      expect(rows).toBe(4);
      y.sum().backward();
      expect([y.tolist(), parts.map((part) => part.tolist()), net.first.weight.grad!.tolist()]).toEqual(each);
    }
    const state = (module: Net) => [...module.stateDict().values()].map((each) => each.tolist());
    expect(state(net)).toEqual(state(eager));
  });

  test('training and evaluation, shapes and grad modes are told apart', async () => {
    const net = seeded();
    const compiled = torch.compile(net, quiet);
    for (let i = 0; i < 4; i++) {
      net.train(i % 2 === 0);
      for (const rows of [2, 5]) {
        const x = batch(rows);
        const state = torch.getRngState();
        const { y } = await torch.noGrad(() => compiled(x));
        torch.setRngState(state);
        expect(y.requiresGrad).toBe(false);
        if (!net.training) expect(y.tolist()).toEqual(torch.noGrad(() => net.forward(x).y).tolist());
        expect((await compiled(x)).y.requiresGrad).toBe(true);
      }
    }
  });

  test('JavaScript goes on meanwhile', async () => {
    const x = torch.randn([400, 400]);
    const compiled = torch.compile((a: Tensor) => {
      let product = a;
      for (let i = 0; i < 10; i++) product = product.mm(a).div(20);
      return product;
    }, quiet);
    for (let i = 0; i < 3; i++) await compiled(x);
    let turns = 0;
    let isDone = false;
    const running = compiled(x).then(() => {
      isDone = true;
    });
    while (!isDone) {
      turns++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await running;
    expect(turns).toBeGreaterThan(10);
  });

  test('an error of an operator is the error of the call', async () => {
    const compiled = torch.compile((a: Tensor, i: Tensor) => a.indexSelect(0, i), quiet);
    const good = torch.tensor([0, 1], { dtype: 'int64' });
    for (let i = 0; i < 3; i++) await compiled(torch.ones([3]), good);
    const bad = torch.tensor([0, 7], { dtype: 'int64' });
    await expect(compiled(torch.ones([3]), bad)).rejects.toBeInstanceOf(torch.TorchError);
    expect((await compiled(torch.ones([3]), good)).tolist()).toEqual([1, 1]);
  });

  test('with verify every call is compared', async () => {
    let scale = 1;
    const warnings: string[] = [];
    const compiled = torch.compile((x: Tensor) => x.mul(scale), {
      verify: true,
      warn: (message) => warnings.push(message),
    });
    for (let i = 0; i < 5; i++) await compiled(torch.ones([2]));
    expect(warnings).toEqual([]);
    scale = 3;
    expect((await compiled(torch.ones([2]))).tolist()).toEqual([3, 3]);
    expect(warnings).toEqual([expect.stringContaining('aten::mul: other was 1, and then 3')]);
  });
});

describe('what cannot be compiled runs as it is, and one warning says why', () => {
  const x = torch.tensor([1, 2]);
  let calls = 0;
  class Ring extends nn.Module {
    readonly weight = new nn.Parameter(torch.ones([2]));
    forward(a: Tensor): Tensor {
      return a.mul(this.weight);
    }
  }
  const ring = new Ring();

  test.each<[string, (a: Tensor) => unknown, RegExp]>([
    [
      'a number that changes',
      (a) => a.mul(++calls),
      /depends on values: aten::mul: other was \d, and then \d/,
    ],
    [
      'a value that is read',
      (a) => a.mul(a.sum().item() as number),
      /reads a value with aten::item, at .*compile\.test/,
    ],
    [
      'values that are read',
      (a) => a.mul((a.tolist() as number[])[0]!),
      /reads the values of a tensor, at .*compile\.test/,
    ],
    [
      'a tensor made from values',
      (a) => a.add(torch.tensor([1, 2])),
      /makes a tensor from values of JavaScript: make it once outside, .*compile\.test/,
    ],
    ['gradients inside', (a) => ring.forward(a).sum().backward(), /computes gradients, at .*compile\.test/],
    ['a hook', (a) => ring.forward(a).registerHook((g) => g), /registers a hook, at .*compile\.test/],
    ['an argument that changes', (a) => a.clone().copy_(a) && a.add_(0), /changes its arguments in place/],
    ['a function that waits', async (a) => a.add(1), /is asynchronous/],
    [
      'another number of operators',
      (a) => (++calls % 2 === 0 ? a.add(1).add(1) : a.add(2)),
      /depends on values: /,
    ],
  ])('%s', async (_, fn, why) => {
    const { warnings } = await warned(fn as (a: Tensor) => unknown, [[x], [x], [x], [x]]);
    expect(warnings).toEqual([expect.stringMatching(why)]);
  });

  test('the warning is one of the process by default', async () => {
    const emit = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    await torch.compile(async function later(a: Tensor) {
      return a;
    })(x);
    expect(emit.mock.calls).toEqual([
      ['later is not compiled, as it is asynchronous', { code: 'XPMIR_COMPILE' }],
    ]);
    emit.mockRestore();
  });

  test('only functions and modules can be compiled', () => {
    expect(() => torch.compile(3 as never)).toThrow('Expected a function or a module for fn but received 3');
  });
});

test('a number that is added to a tensor may be made anew each time', async () => {
  const { warnings, results } = await warned(
    (a) => a.add(1).mul(0.5),
    [1, 2, 3, 4].map((i) => [torch.ones([1]).mul(i)]),
  );
  expect(warnings).toEqual([]);
  expect(results.map((each) => (each as Tensor).item())).toEqual([1, 1.5, 2, 2.5]);
});

test('where a view begins is a value: it is not compiled', async () => {
  const warnings: string[] = [];
  const compiled = torch.compile((a: Tensor) => a.asStrided([2], [1], a.storageOffset()), {
    warn: (message) => warnings.push(message),
  });
  const x = torch.tensor([0, 1, 2, 3, 4, 5]);
  for (const at of [0, 0, 0, 0, 2, 4])
    expect((await compiled(x.narrow(0, at, 2))).tolist()).toEqual([at, at + 1]);
  expect(warnings).toEqual([expect.stringContaining('reads a value with aten::storage_offset')]);
});

describe('on a device', () => {
  itCuda('results are there for the stream of the caller, and gradients flow back', async () => {
    torch.manualSeed(1);
    const model = new nn.Linear(64, 64).to('cuda');
    const compiled = torch.compile((x: Tensor) => model.forward(x).relu().sum(), quiet);
    const side = new torch.cuda.Stream();
    const expected = (x: Tensor) => model.forward(x).relu().sum().item();
    for (let i = 0; i < 6; i++) {
      const x = torch.randn([32, 64], { device: 'cuda' });
      const found = (await compiled(x)).item();
      expect(found).toBeCloseTo(expected(x), 2);
    }
    side.waitStream(torch.cuda.currentStream());
    await torch.cuda.withStream(side, async () => {
      const x = torch.randn([32, 64], { device: 'cuda' });
      const sum = await compiled(x);
      expect(sum.item()).toBeCloseTo(expected(x), 2);
      sum.backward();
    });
    torch.cuda.currentStream().waitStream(side);
    expect(model.weight.grad!.abs().sum().item()).toBeGreaterThan(0);
  });

  itCuda('a function with a stream of its own is not compiled', async () => {
    const side = new torch.cuda.Stream();
    const { warnings } = await warned(
      (x) => torch.cuda.withStream(side, () => x.mul(2)),
      [[torch.ones([2], { device: 'cuda' })]],
    );
    expect(warnings.join()).toContain('computes on a stream of its own');
  });
});
