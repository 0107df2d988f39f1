import { describe, expect, test } from '@jest/globals';
import * as torch from '../../lib/torch/index.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';

const { nn } = torch;

const quiet = { warn: (message: string) => expect(message).toBe('never') };

class Net extends nn.Module {
  readonly layer = new nn.Linear(4, 3);
  readonly dropout = new nn.Dropout(0);
  readonly list = new nn.ModuleList<InstanceType<typeof nn.Linear>>([new nn.Linear(3, 3)]);
  readonly scales = [1, 2];

  override forward(x: Tensor): Tensor {
    let y = this.dropout.forward(this.layer.forward(x));
    for (const each of this.list) y = each.forward(y);
    return y.mul(this.scales[0] as number);
  }
}

describe('what changes in a module after it was compiled', () => {
  const x = torch.ones([2, 4]);
  test.each<[string, (net: Net) => unknown]>([
    ['a parameter', ({ layer }) => Object.assign(layer, { weight: new nn.Parameter(torch.ones([3, 4])) })],
    ['a number', ({ dropout }) => Object.assign(dropout, { p: 1 })],
    ['its forward', (net) => Object.assign(net, { forward: (a: Tensor) => a.mul(7) })],
    [
      'the forward of a module inside',
      ({ layer }) => Object.assign(layer, { forward: () => torch.ones([2, 3]) }),
    ],
    ['a module', (net) => Object.assign(net, { layer: new nn.Linear(4, 3) })],
    ['a module of a list', ({ list }) => list.set(0, new nn.Linear(3, 3))],
    ['one more module in a list', ({ list }) => list.append(new nn.Linear(3, 3))],
    ['an item of an array', ({ scales }) => scales.splice(0, 1)],
  ])('%s', async (name, change) => {
    const net = new Net();
    const compiled = torch.compile(net, name.startsWith('the forward') ? { warn: () => {} } : quiet);
    for (let i = 0; i < 4; i++) await compiled(x);
    const before = net.forward(x).tolist();
    change(net);
    const after = net.forward(x).tolist();
    expect(after).not.toEqual(before);
    for (let i = 0; i < 5; i++) expect((await compiled(x)).tolist()).toEqual(after);
  });

  test('changes of a module that was put in later are seen too', async () => {
    const net = new Net();
    const compiled = torch.compile(net, quiet);
    const layer = new nn.Linear(4, 3);
    for (let i = 0; i < 4; i++) await compiled(x);
    Object.assign(net, { layer });
    for (let i = 0; i < 4; i++) await compiled(x);
    Object.assign(layer, { bias: new nn.Parameter(torch.ones([3])) });
    expect((await compiled(x)).tolist()).toEqual(net.forward(x).tolist());
    layer.eval();
    expect((await compiled(x)).tolist()).toEqual(net.forward(x).tolist());
  });

  test('what forward puts into fields itself is no change: it runs without JavaScript', async () => {
    let calls = 0;
    class Keeping extends nn.Module {
      last: Tensor | undefined;
      forward(a: Tensor): Tensor {
        calls++;
        this.last = a;
        return a.mul(2);
      }
    }
    const compiled = torch.compile(new Keeping(), quiet);
    for (let i = 0; i < 6; i++) await compiled(x);
    expect(calls).toBe(3);
  });

  test('fields that change all the time are told of, once', async () => {
    const warnings: string[] = [];
    const net = new Net();
    const compiled = torch.compile(net, { name: 'net', warn: (message) => warnings.push(message) });
    for (let i = 1; i < 40; i++) {
      net.scales[0] = i;
      expect((await compiled(x)).tolist()).toEqual(net.forward(x).tolist());
    }
    expect(warnings).toEqual(['net is not compiled, as it has modules whose fields change all the time']);
  });
});

describe('comparing again', () => {
  test('finds what changed late, with a warning, after more and more uses', async () => {
    let calls = 0;
    let scale = 1;
    const warnings: string[] = [];
    const count = async (uses: number) => {
      const before = calls;
      for (let i = 0; i < uses; i++) await compiled(torch.ones([1]));
      return calls - before;
    };
    const compiled = torch.compile(
      (a: Tensor) => {
        calls++;
        return a.mul(scale);
      },
      { name: 'late', warn: (message) => warnings.push(message) },
    );
    const found = [];
    for (const uses of [3, 8, 1, 32, 1, 128, 1, 512, 1, 1000, 1, 1000, 1]) found.push(await count(uses));
    expect(found).toEqual([3, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    scale = 3;
    expect(await count(1000)).toBe(0);
    expect((await compiled(torch.ones([1]))).item()).toBe(3);
    expect(warnings).toEqual([
      'late is not compiled, as it depends on values: aten::mul: other was 1, and then 3',
    ]);
  });

  test('not between calls that are under way, whose random numbers are drawn meanwhile', async () => {
    const compiled = torch.compile((a: Tensor) => torch.nn.functional.dropout(a, { p: 0.5 }), quiet);
    const x = torch.ones([100_000]);
    for (let i = 0; i < 3; i++) await compiled(x);
    for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 7 }, () => compiled(x)));
  });
});

describe('a compiled function inside of another', () => {
  const x = torch.ones([2]);

  test('is awaited', async () => {
    const warnings: string[] = [];
    const inner = torch.compile((a: Tensor) => a.mul(2), quiet);
    const outer = torch.compile(async (a: Tensor) => (await inner(a)).add(1), {
      warn: (message) => warnings.push(message),
    });
    for (let i = 0; i < 5; i++) expect((await await outer(x)).tolist()).toEqual([3, 3]);
    expect(warnings).toEqual([expect.stringContaining('is asynchronous')]);
  });

  test('is not awaited', async () => {
    const inner = torch.compile((a: Tensor) => a.mul(2), quiet);
    const outer = torch.compile((a: Tensor) => {
      void inner(a);
      return a.add(1);
    }, quiet);
    for (let i = 0; i < 5; i++) expect((await outer(x)).tolist()).toEqual([2, 2]);
    for (let i = 0; i < 5; i++) expect((await inner(x)).tolist()).toEqual([2, 2]);
  });

  test('is a module that changed meanwhile', async () => {
    const net = new Net();
    const inner = torch.compile(net, quiet);
    const outer = torch.compile((a: Tensor) => {
      void inner(a);
      return a.add(1);
    }, quiet);
    const rows = torch.ones([2, 4]);
    for (let i = 0; i < 4; i++) await inner(rows);
    net.scales[0] = 3;
    await outer(rows);
    expect((await inner(rows)).tolist()).toEqual(net.forward(rows).tolist());
  });
});
