/** Compiled functions at shapes that never come again. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import * as torch from '../../lib/torch/index.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { type Draw, numbers, padded, Ranker, Recurrent } from '../learning/paddedNets.ts';

const { nn } = torch;

beforeAll(() => torch.setNumThreads(1));

interface Ran {
  /** Calls of the function in JavaScript. */
  readonly calls: number;
  readonly warnings: readonly string[];
}

/** Runs both ways from the same random states and expects the same bits; gradients too where there are any. */
async function agrees(
  fn: (...args: Tensor[]) => Tensor,
  batches: readonly (readonly Tensor[])[],
  module?: InstanceType<typeof nn.Module>,
): Promise<Ran> {
  let calls = 0;
  const warnings: string[] = [];
  const compiled = torch.compile(
    (...args: Tensor[]) => {
      calls++;
      return fn(...args);
    },
    { warn: (message) => warnings.push(message), modules: module ? [module] : [] },
  );
  const parameters = module ? [...module.parameters()] : [];
  const gradients = (loss: Tensor) => {
    if (parameters.length === 0) return [];
    const found = torch.grad([loss.sum()], parameters);
    return found.map((each) => each!.tolist());
  };
  for (const args of batches) {
    const state = torch.getRngState();
    const expected = fn(...args);
    const wanted = [expected.tolist(), gradients(expected)];
    torch.setRngState(state);
    const result = await compiled(...args);
    expect([result.tolist(), gradients(result)]).toEqual(wanted);
    await torch.tidy(() => {});
  }
  return { calls, warnings };
}

const shapes = (count: number, make: (draw: Draw) => readonly Tensor[]) => {
  const draw = numbers(7);
  torch.manualSeed(5);
  return Array.from({ length: count }, () => make(draw));
};

describe('numbers that follow from sizes', () => {
  test.each<[string, (x: Tensor, y: Tensor) => Tensor]>([
    ['a size', (x) => x.view([x.shape[1]!, x.shape[0]!])],
    ['a product', (x) => x.reshape([x.shape[0]! * x.shape[1]!]).cumsum(0)],
    ['a sum', (x, y) => torch.cat([x.select(0, 0), y]).narrow(0, 1, x.shape[1]! + y.shape[0]! - 2)],
    ['a difference', (x, y) => torch.cat([x.flatten(), y]).narrow(0, 1, y.shape[0]! - 1)],
    [
      'several of them',
      (x, y) =>
        torch
          .arange(2 * x.shape[0]! + 1)
          .sum()
          .add(torch.zeros([y.shape[0]!, 3 * x.shape[1]!]).sum()),
    ],
    ['a share', (x) => x.mul(1 / x.shape[0]!)],
    [
      'an inverse root',
      (x, y) =>
        x
          .div(Math.sqrt(x.shape[1]!))
          .sum()
          .mul(1 / Math.sqrt(y.shape[0]!)),
    ],
    ['halves, whole and not', (x) => x.mul(x.shape[0]! / 2).add(x.shape[1]! / 4)],
    ['none', (x, y) => x.sum().mul(y.sum())],
  ])('%s', async (_, fn) => {
    const batches = shapes(60, (draw) => [
      torch.randn([draw(2, 9), draw(2, 30)]),
      torch.randn([draw(3, 40)]),
    ]);
    const { calls, warnings } = await agrees(fn, batches);
    expect(warnings).toEqual([]);
    expect(calls).toBeLessThan(55);
  });
});

describe('models over texts padded to the longest', () => {
  const seeded = <M>(Model: new () => M): M => {
    torch.manualSeed(2);
    return new Model();
  };

  test('attention with masks and dropout over queries and documents', async () => {
    const net = seeded(Ranker);
    const batches = shapes(150, (draw) => {
      const rows = draw(2, 4);
      return [...padded(rows, draw(2, 8), draw), ...padded(rows, draw(5, 24), draw)];
    });
    const { calls, warnings } = await agrees(
      (...args) => net.forward(...(args as [Tensor, Tensor, Tensor, Tensor])),
      batches,
      net,
    );
    expect(warnings).toEqual([]);
    expect(calls).toBeLessThan(75);
  });

  test('the same in bfloat16', async () => {
    const net = seeded(Ranker);
    const batches = shapes(80, (draw) => [...padded(3, draw(2, 8), draw), ...padded(3, draw(5, 24), draw)]);
    const { calls, warnings } = await agrees(
      (...args) =>
        torch
          .autocast('cpu', () => net.forward(...(args as [Tensor, Tensor, Tensor, Tensor])))
          .to({ dtype: 'float32' }),
      batches,
      net,
    );
    expect(warnings).toEqual([]);
    expect(calls).toBeLessThan(60);
  });

  test('a recurrent network', async () => {
    const net = seeded(Recurrent);
    const batches = shapes(150, (draw) => [torch.randint(0, 50, [draw(2, 5), draw(2, 30)])]);
    const { calls, warnings } = await agrees((text) => net.forward(text!), batches, net);
    expect(warnings).toEqual([]);
    expect(calls).toBeLessThan(75);
  });
});

describe('what could fool it', () => {
  const texts = (count: number, least = 4, most = 60) =>
    shapes(count, (draw) => [torch.randn([3, draw(least, most)])]);

  test('a branch for long texts: each way has its tape', async () => {
    const { calls, warnings } = await agrees(
      (x) => (x!.shape[1]! > 30 ? x!.tanh().sum() : x!.sum().mul(x!.shape[1]!)),
      texts(200),
    );
    expect(warnings).toEqual([]);
    expect(calls).toBeLessThan(120);
  });

  test('a branch above all lengths that were compared', async () => {
    const fn = (x?: Tensor) => (x!.shape[1]! > 60 ? x!.tanh().sum() : x!.sum().mul(x!.shape[1]!));
    const { warnings } = await agrees(fn, [...texts(100), ...texts(20, 50, 80), ...texts(20)]);
    expect(warnings).toEqual([]);
  });

  test('a branch on the sum of two lengths, and on which is longer', async () => {
    const pairs = (count: number, most: number) =>
      shapes(count, (draw) => [torch.randn([2, draw(3, 30)]), torch.randn([2, draw(3, most)])]);
    const sum = (x?: Tensor, y?: Tensor) =>
      x!.shape[1]! + y!.shape[1]! > 50 ? x!.sum().add(y!.tanh().sum()) : x!.sum().mul(y!.sum());
    const { warnings, calls } = await agrees(sum, [...pairs(100, 20), ...pairs(200, 40), ...pairs(100, 40)]);
    expect(warnings).toEqual([]);
    expect(calls).toBeLessThan(200);
    const longer = (x?: Tensor, y?: Tensor) => (x!.shape[1]! > y!.shape[1]! ? x!.sum() : y!.sum());
    const queriesLast = pairs(100, 20).map(([x, y]) => [x!, torch.cat([x!, y!], 1)]);
    expect((await agrees(longer, [...queriesLast, ...pairs(100, 40)])).warnings).toEqual([]);
  });

  test('a number that no longer grows above a length', async () => {
    const fn = (x?: Tensor) => x!.sum().mul(Math.min(x!.shape[1]!, 40));
    const { warnings } = await agrees(fn, [...texts(80, 4, 40), ...texts(80, 30, 70)]);
    expect(warnings).toEqual([]);
  });

  test('a batch that is as large as its texts are long', async () => {
    const fn = (x?: Tensor) => x!.mul(x!.shape[0]!).sum(0).div(x!.shape[1]!);
    const equal = shapes(30, (draw) => {
      const size = draw(2, 30);
      return [torch.randn([size, size])];
    });
    const others = shapes(80, (draw) => [torch.randn([draw(2, 30), draw(2, 30)])]);
    const { warnings, calls } = await agrees(fn, [...equal, ...others]);
    expect(warnings).toEqual([]);
    expect(calls).toBeLessThan(100);
  });

  test('sizes that are equal by chance are a case of their own', async () => {
    const fn = (x?: Tensor) => (x!.shape[0] === x!.shape[1] ? x!.sum().mul(2) : x!.sum().mul(3));
    const draw = numbers(3);
    const different = Array.from({ length: 60 }, () => [torch.randn([draw(2, 9), draw(10, 20)])]);
    const equal = Array.from({ length: 6 }, (_, i) => [torch.randn([i + 3, i + 3])]);
    await agrees(fn, [...different, ...equal, ...different.slice(0, 9)]);
  });

  test('sizes of 1 and 0', async () => {
    const fn = (x?: Tensor) => (x!.shape[1]! < 2 ? x!.sum().add(1) : x!.sum().mul(x!.shape[1]!));
    const small = [1, 0, 1, 2, 0].map((size) => [torch.randn([3, size])]);
    const { warnings } = await agrees(fn, [...texts(90, 2, 60), ...small, ...texts(20, 2, 60)]);
    expect(warnings).toEqual([]);
  });

  test('a number that does not follow from sizes: shapes have a tape each, as far as they come again', async () => {
    const fn = (x?: Tensor) => x!.mul(((x!.shape[1]! * 2654435761) >>> 7) % 97);
    const few = texts(30, 4, 10);
    const again = await agrees(fn, [...few, ...few, ...few, ...few]);
    expect(again.warnings).toEqual([]);
    const { warnings } = await agrees(
      fn,
      Array.from({ length: 80 }, (_, i) => [torch.randn([1, i + 1])]),
    );
    expect(warnings).toEqual([expect.stringContaining('is called with ever other shapes: pad them')]);
  });

  test('every eighth length goes another way', async () => {
    const fn = (x?: Tensor) => (x!.shape[1]! % 8 === 0 ? x!.sum().mul(5) : x!.sum().mul(3).add(1));
    await agrees(fn, texts(300, 4, 400));
  });

  test('every third length has another number', async () => {
    const fn = (x?: Tensor) => x!.sum().mul(x!.shape[1]! % 3 === 0 ? 7 : 8);
    await agrees(fn, texts(300, 4, 400));
  });

  test('a number that depends on values', async () => {
    let calls = 0;
    const { warnings } = await agrees(() => torch.ones([1]), []);
    expect(warnings).toEqual([]);
    const told: string[] = [];
    const compiled = torch.compile((x: Tensor) => x.mul(++calls), { warn: (message) => told.push(message) });
    for (const [i, [x]] of texts(90).entries()) expect((await compiled(x!)).equal(x!.mul(i + 1))).toBe(true);
    expect(told).toHaveLength(1);
  });

  test('one tensor given twice', async () => {
    const compiled = torch.compile((a: Tensor, b: Tensor) => a.mul(2).add(b));
    const [a, b] = [torch.ones([2]), torch.zeros([2])];
    for (let i = 0; i < 4; i++) await compiled(a, a);
    expect((await compiled(a, b)).tolist()).toEqual([2, 2]);
  });

  test('plain values in results that are sizes', async () => {
    const compiled = torch.compile((x: Tensor) => ({ y: x.sum(), length: x.shape[1]! }));
    for (const [x] of texts(120, 4, 12)) {
      const { y, length } = await compiled(x!);
      expect([y.item(), length]).toEqual([x!.sum().item(), x!.shape[1]]);
    }
  });
});
