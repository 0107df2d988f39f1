import { describe, expect, test } from '@jest/globals';
import * as torch from '../../lib/torch/index.ts';

const leaf = (values: number[]) => torch.tensor(values, { requiresGrad: true });

describe('backward and grad', () => {
  test('sums into grad; grad() touches none', () => {
    const x = leaf([1, 2]);
    x.square().sum().backward();
    x.square().sum().backward();
    expect(x.grad?.tolist()).toEqual([4, 8]);
    expect(torch.grad(x.pow(3).sum(), [x])[0]?.tolist()).toEqual([3, 12]);
    expect(x.grad?.tolist()).toEqual([4, 8]);
  });

  test('second derivatives, unused inputs, freed graphs', () => {
    const x = leaf([3]);
    const [first] = torch.grad(x.pow(3).sum(), [x], { createGraph: true });
    expect(torch.grad(first!.sum(), [x])[0]?.tolist()).toEqual([18]);
    const y = leaf([1]);
    expect(torch.grad(x.sum(), [y], { allowUnused: true })).toEqual([null]);
    const once = x.square().sum();
    once.backward();
    expect(() => once.backward()).toThrow(/backward through the graph a second time/);
  });

  test('grad accepts only its own shape and dtype', () => {
    const x = leaf([1, 2]);
    expect(() => {
      x.grad = torch.ones([3]);
    }).toThrow('Expected float32 of shape [2] on cpu for grad but received float32 of shape [3] on cpu');
    x.grad = torch.ones([2]);
    x.grad = null;
    expect(x.grad).toBeNull();
  });
});

describe('modes follow the flow', () => {
  test('noGrad, enableGrad and inferenceMode nest', () => {
    const x = leaf([1]);
    torch.noGrad(() => {
      expect(x.mul(2).requiresGrad).toBe(false);
      torch.enableGrad(() => expect(x.mul(2).requiresGrad).toBe(true));
      expect(torch.isGradEnabled()).toBe(false);
    });
    expect(torch.isGradEnabled()).toBe(true);
    const made = torch.inferenceMode(() => x.mul(2));
    expect(() => made.mul(x)).toThrow(/[Ii]nference tensors cannot be saved for backward/);
  });

  test('an await inside does not leak into another flow', async () => {
    const x = leaf([1]);
    const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
    const quiet = torch.noGrad(async () => {
      await pause();
      return x.mul(2).requiresGrad;
    });
    expect(x.mul(2).requiresGrad).toBe(true);
    expect(await quiet).toBe(false);
  });
});

describe('hooks', () => {
  test('see and replace gradients, and come off again', () => {
    const x = leaf([1]);
    const seen: unknown[] = [];
    const handle = x.registerHook((gradient) => {
      seen.push(gradient.tolist());
      return gradient.mul(10);
    });
    x.mul(3).sum().backward();
    expect([seen, x.grad?.tolist()]).toEqual([[[3]], [30]]);
    handle.remove();
    x.mul(3).sum().backward();
    expect(x.grad?.tolist()).toEqual([33]);
  });

  test('what one throws comes out as the same object', () => {
    const problem = new RangeError('on purpose');
    const x = leaf([1]);
    x.registerHook(() => {
      throw problem;
    });
    let caught: unknown;
    try {
      x.mul(3).sum().backward();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(problem);
    expect(torch.ones([1]).add(1).item()).toBe(2);
  });

  test('need a tensor that requires grad', () => {
    expect(() => torch.ones([1]).registerHook(() => null)).toThrow(
      expect.objectContaining({ code: 'ERR_AUTOGRAD' }),
    );
  });
});

test('customFunction runs its own backward', () => {
  const x = leaf([2]);
  const [y] = torch.customFunction([x], { forward: () => x.exp(), backward: ([g]) => g!.mul(100) });
  y!.sum().backward();
  expect(x.grad?.tolist()).toEqual([100]);
});

describe('checkpoint', () => {
  const run = (through: (fn: (x: torch.Tensor) => torch.Tensor, x: torch.Tensor) => torch.Tensor) => {
    torch.setNumThreads(1);
    torch.manualSeed(3);
    const x = torch.randn([4, 8], { requiresGrad: true });
    const w = torch.randn([8, 8], { requiresGrad: true });
    const loss = through((input) => torch.dropout(input.mm(w).tanh(), 0.5, true).mm(w), x)
      .square()
      .sum();
    loss.backward();
    return [loss.item(), x.grad?.tolist(), w.grad?.tolist(), torch.rand([2]).tolist()];
  };

  test('gives the numbers of the plain call to the bit, dropout and later random numbers included', () => {
    const plain = run((fn, x) => fn(x));
    expect(run((fn, x) => torch.checkpoint(fn as never, [x]))).toEqual(plain);
  });

  test('works when only parameters inside require grad, and inside a tidy', () => {
    const w = leaf([2]);
    torch.tidy(() =>
      torch
        .checkpoint((x) => x!.mul(w), [torch.ones([1])])
        .sum()
        .backward(),
    );
    expect(w.grad?.tolist()).toEqual([1]);
  });

  test('refuses grad()', () => {
    const x = leaf([1]);
    const y = torch.checkpoint((input) => input!.square(), [x]);
    expect(() => torch.grad(y.sum(), [x])).toThrow(expect.objectContaining({ code: 'ERR_AUTOGRAD' }));
  });
});

test('anomaly mode names the operator and the line that called it', () => {
  const call = () =>
    torch.detectAnomaly(() => {
      const x = leaf([0]);
      x.mul(0).div(x).sqrt().sum().backward();
    });
  expect(call).toThrow(/Function '\w+Backward0' returned nan values in its 0th output/);
  expect(call).toThrow(/gradients\.test\.ts/);
});

describe('scopes', () => {
  const live = () => torch.memory().tensors;

  test('free what is made inside except the result, however deep it stands', () => {
    const before = live();
    const result = torch.tidy(() => {
      torch.ones([3]);
      return { a: [torch.ones([1])], b: new Map([['x', torch.ones([2])]]) };
    });
    expect(live()).toBe(before + 2);
    result.a[0]?.dispose();
    result.b.get('x')?.dispose();
    expect(live()).toBe(before);
  });

  test('nest, keep, and free when the function throws', () => {
    const before = live();
    let kept: torch.Tensor | undefined;
    expect(() =>
      torch.tidy(() => {
        torch.tidy(() => torch.ones([2]));
        kept = torch.keep(torch.ones([2]));
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');
    expect(live()).toBe(before + 1);
    kept?.dispose();
  });

  test('follow await, two flows apart', async () => {
    const before = live();
    const flow = (value: number) =>
      torch.tidy(async () => {
        const x = torch.full([4], value);
        await new Promise((resolve) => setTimeout(resolve, value));
        return x.mul(2);
      });
    const results = await Promise.all([flow(9), flow(3)]);
    expect(results.map((tensor) => tensor.at(0).item())).toEqual([18, 6]);
    for (const tensor of results) tensor.dispose();
    expect(live() - before).toBeLessThanOrEqual(2); // the two that at() made are the collector's
  });

  test('a view adds no bytes', () => {
    torch.tidy(() => {
      const x = torch.ones([1000]);
      const { bytes } = torch.memory();
      x.view([10, 100]);
      expect(torch.memory().bytes - bytes).toBeLessThan(1000);
    });
  });

  test('what a flow makes after its scope ended is not lost', async () => {
    let late: torch.Tensor | undefined;
    let pending: Promise<void> | undefined;
    torch.tidy(() => {
      pending = Promise.resolve().then(() => {
        late = torch.ones([2]).add(1);
      });
    });
    await pending;
    expect(late?.tolist()).toEqual([2, 2]);
  });
});

test('generators: states go round, seeds are PyTorch’s', () => {
  torch.manualSeed(0);
  expect(torch.rand([2]).tolist()).toEqual([0.49625658988952637, 0.7682217955589294]);
  const generator = new torch.Generator().manualSeed(5);
  const state = generator.getState();
  const first = torch.randn([3], { generator }).tolist();
  generator.setState(state);
  expect(torch.randn([3], { generator }).tolist()).toEqual(first);
  expect(generator.initialSeed()).toBe(5n);
  expect(() => torch.setRngState(torch.ones([3]))).toThrow(/uint8/);
});
