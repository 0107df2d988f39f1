import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import * as nn from '../../lib/torch/nn/index.ts';
import { memory, tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';

class Tied extends nn.Module {
  embedding = new nn.Embedding(4, 3);
  head = new nn.Linear(3, 4, { bias: false });
  scale = new nn.Parameter(F.ones([1]));
  mean = this.registerBuffer('mean', F.zeros([3]));
  scratch = this.registerBuffer('scratch', F.zeros([2]), { persistent: false });
  nothing = this.registerBuffer('nothing', null);
  loose = F.zeros([5]);
  list = [new nn.Linear(1, 1)];

  constructor() {
    super();
    this.head.weight = this.embedding.weight;
  }

  forward(input: Tensor): Tensor {
    return this.head.forward(this.embedding.forward(input)).mul(this.scale);
  }
}

describe('what a module finds', () => {
  test('fields in order: own parameters, own persistent buffers, then children; a shared one under both names', () => {
    expect([...new Tied().stateDict().keys()]).toEqual(['scale', 'mean', 'embedding.weight', 'head.weight']);
  });

  test('a shared parameter counts once, under its first name', () => {
    const model = new Tied();
    expect(model.namedParameters().map(([name]) => name)).toEqual(['scale', 'embedding.weight']);
    expect(model.parameters()[1]).toBe(model.head.weight);
    const all = model.namedParameters({ removeDuplicate: false }).map(([name]) => name);
    expect(all).toEqual(['scale', 'embedding.weight', 'head.weight']);
    expect(model.namedParameters({ recurse: false, prefix: 'net' }).map(([name]) => name)).toEqual([
      'net.scale',
    ]);
  });

  test('buffers, persistent or not; null ones are only reserved', () => {
    const model = new Tied();
    expect(model.namedBuffers().map(([name]) => name)).toEqual(['mean', 'scratch']);
    expect(model.buffers()[0]).toBe(model.mean);
    expect(model.buffers()).toHaveLength(2);
    model.nothing = F.ones([1]) as unknown as null;
    expect(model.namedBuffers().map(([name]) => name)).toEqual(['mean', 'scratch', 'nothing']);
  });

  test('modules depth first, a shared one once in named modules but twice in the state dict', () => {
    const shared = new nn.Linear(2, 2);
    const model = new nn.Sequential(shared, new nn.ReLU(), shared);
    expect(model.namedModules().map(([name]) => name)).toEqual(['', '0', '1']);
    expect(model.namedModules({ removeDuplicate: false }).map(([name]) => name)).toEqual(['', '0', '1', '2']);
    expect(model.namedChildren().map(([name]) => name)).toEqual(['0', '1']);
    expect([...model.stateDict().keys()]).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(model.parameters()).toHaveLength(2);
  });

  test('by path', () => {
    const model = new nn.Sequential({ block: new nn.Sequential(new nn.BatchNorm1d(2)) });
    expect(model.getSubmodule('')).toBe(model);
    expect(model.getSubmodule('block.0')).toBeInstanceOf(nn.BatchNorm1d);
    expect(model.getParameter('block.0.weight').shape).toEqual([2]);
    expect(model.getBuffer('block.0.running_mean').shape).toEqual([2]);
    expect(() => model.getSubmodule('block.1')).toThrow(
      'Expected one of: 0 for submodule of Sequential but received "1"',
    );
    expect(() => model.getParameter('block.0.running_mean')).toThrow(ArgumentError);
  });

  test('names that cannot be keys, or are taken, are refused', () => {
    const model = new Tied();
    const buffer = F.zeros([1]);
    for (const name of ['', 'a.b', 'forward', 'loose', 'head']) {
      expect(() => model.registerBuffer(name, buffer)).toThrow(ArgumentError);
      expect(() => model.registerParameter(name, null)).toThrow(ArgumentError);
    }
    expect(() => model.registerBuffer('x', 3 as never)).toThrow(
      'Expected a Tensor or null for buffer x but received 3',
    );
    expect(() => model.registerParameter('x', buffer as never)).toThrow(ArgumentError);
    model.registerParameter('late', new nn.Parameter(buffer));
    expect(model.namedParameters({ recurse: false }).map(([name]) => name)).toEqual(['scale', 'late']);
  });
});

describe('what a module does', () => {
  test('train and eval reach every child, and a child may refuse', () => {
    class Frozen extends nn.BatchNorm1d {
      override train(): this {
        return super.train(false);
      }
    }
    const model = new nn.Sequential(new nn.Dropout(0.1), new Frozen(2));
    model.train();
    expect(model.modules().map(({ training }) => training)).toEqual([true, true, false]);
    expect(
      model
        .eval()
        .modules()
        .every(({ training }) => !training),
    ).toBe(true);
    expect(() => model.train('yes' as never)).toThrow('Expected a boolean for mode');
  });

  test('apply visits children first', () => {
    const seen: string[] = [];
    new nn.Sequential(new nn.ReLU(), new nn.Sequential(new nn.Tanh())).apply((module) =>
      seen.push(module.constructor.name),
    );
    expect(seen).toEqual(['ReLU', 'Tanh', 'Sequential', 'Sequential']);
  });

  test('zeroGrad drops gradients, or fills them with zeros', () => {
    const layer = new nn.Linear(2, 1);
    const run = () =>
      layer
        .forward(F.ones([1, 2]))
        .sum()
        .backward();
    run();
    layer.zeroGrad({ setToNone: false });
    expect(layer.weight.grad!.tolist()).toEqual([[0, 0]]);
    run();
    expect(layer.weight.grad!.tolist()).toEqual([[1, 1]]);
    layer.zeroGrad();
    expect(layer.parameters().every(({ grad }) => grad === null)).toBe(true);
  });

  test('requiresGrad_ freezes everything below', () => {
    const model = new Tied().requiresGrad_(false);
    expect(model.parameters().some(({ requiresGrad }) => requiresGrad)).toBe(false);
    expect(model.forward(tensor([1], { dtype: 'int64' })).requiresGrad).toBe(false);
  });

  test('to converts parameters, gradients and floating buffers in place, and nothing else', () => {
    const layer = new nn.BatchNorm1d(2);
    const { weight, running_mean } = layer;
    layer
      .forward(F.randn([4, 2]))
      .sum()
      .backward();
    expect(layer.to('float64')).toBe(layer);
    expect(layer.weight).toBe(weight);
    expect([weight!.dtype, weight!.grad!.dtype, layer.running_mean!.dtype]).toEqual([
      'float64',
      'float64',
      'float64',
    ]);
    expect(layer.running_mean).not.toBe(running_mean);
    expect(layer.num_batches_tracked!.dtype).toBe('int64');
    expect(weight!.requiresGrad && weight!.isLeaf).toBe(true);
    expect(layer.forward(F.randn([4, 2], { dtype: 'float64' })).dtype).toBe('float64');
    expect(layer.to(F.zeros([1])).running_var!.dtype).toBe('float32');
    expect(layer.to({ device: 'cpu' }).weight!.device).toBe('cpu');
    expect(() => layer.to('int64')).toThrow(
      'Expected a floating point or complex dtype for dtype but received "int64"',
    );
    expect(() => layer.to(3 as never)).toThrow(ArgumentError);
  });

  test('a recurrent layer works on after a conversion', () => {
    const layer = new nn.LSTM(2, 3).to('float64');
    expect(layer.forward(F.zeros([4, 1, 2], { dtype: 'float64' }))[0].dtype).toBe('float64');
  });

  test('prints itself on the console as PyTorch does', () => {
    expect(inspect(new nn.Sequential(new nn.Linear(1, 2)))).toBe(
      'Sequential(\n  (0): Linear(in_features=1, out_features=2, bias=True)\n)',
    );
    class Net extends nn.Module {
      layers = new nn.ModuleList([new nn.Linear(2, 2), new nn.Linear(2, 2), new nn.Tanh()]);
      byName = new nn.ModuleDict({ a: new nn.ReLU() });
      weights = new nn.ParameterList([F.zeros([2, 3])]);
      forward(): void {}
      override extraRepr(): string {
        return 'two\nlines';
      }
    }
    expect(String(new Net())).toBe(`Net(
  two
  lines
  (layers): ModuleList(
    (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)
    (2): Tanh()
  )
  (byName): ModuleDict(
    (a): ReLU()
  )
  (weights): ParameterList(  (0): Parameter containing: [torch.float32 of size 2x3])
)`);
  });
});

describe('lifetime', () => {
  test('parameters and buffers outlive the scope they are made in; nothing else does', () => {
    const before = memory().tensors;
    const model = tidy(() => {
      F.randn([3]);
      return new nn.Sequential(
        new nn.Linear(2, 2),
        new nn.BatchNorm1d(2),
        new nn.Embedding(3, 2, { paddingIdx: 0 }),
      );
    });
    expect(memory().tensors - before).toBe(2 + 5 + 1);
    expect(model.stateDict().size).toBe(8);
  });

  test('a parameter shares the storage of its data and owns its reference', () => {
    const data = F.zeros([2]);
    const parameter = new nn.Parameter(data);
    data.add_(1);
    data.dispose();
    expect(parameter.tolist()).toEqual([1, 1]);
    expect(parameter.requiresGrad && parameter.isLeaf).toBe(true);
    expect(new nn.Parameter(parameter, false).requiresGrad).toBe(false);
  });

  test('steps inside a scope leave nothing behind', () => {
    const model = new nn.Sequential(
      new nn.Linear(4, 4),
      new nn.BatchNorm1d(4),
      new nn.Dropout(0.5),
      new nn.Linear(4, 1),
    );
    const step = () =>
      tidy(() => {
        model.zeroGrad();
        model
          .forward(F.randn([3, 4]))
          .square()
          .mean()
          .backward();
        nn.utils.clipGradNorm_(model.parameters(), 1).dispose();
      });
    step();
    const before = memory().tensors;
    for (let i = 0; i < 20; i++) step();
    expect(memory().tensors).toBe(before);
  });
});
