import { describe, expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import * as nn from '../../lib/torch/nn/index.ts';
import { manualSeed } from '../../lib/torch/random.ts';

const net = () => new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3), new nn.Linear(3, 1));

describe('stateDict', () => {
  test('shares storage with the module and is out of the graph', () => {
    const layer = new nn.Linear(1, 1, { bias: false });
    const weight = layer.stateDict().get('weight')!;
    weight.fill_(7);
    expect(layer.weight.item()).toBe(7);
    expect(weight.requiresGrad).toBe(false);
    expect(layer.stateDict({ keepVars: true, prefix: 'x.' }).get('x.weight')).toBe(layer.weight);
  });
});

describe('loadStateDict', () => {
  test('copies values and keeps the parameters themselves', () => {
    const [from, to] = [net(), net()];
    const parameters = to.parameters();
    from.forward(F.randn([4, 2]));
    expect(to.loadStateDict(from.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
    for (const [key, value] of from.stateDict()) expect(to.stateDict().get(key)!.equal(value)).toBe(true);
    expect(to.parameters().every((parameter, i) => parameter === parameters[i])).toBe(true);
    from.parameters()[0]!.data.fill_(9);
    expect(to.parameters()[0]!.eq(9).any().item()).toBe(false);
  });

  test('takes plain objects, converts dtypes, and broadcasts nothing', () => {
    const layer = new nn.Linear(1, 2, { bias: false });
    layer.loadStateDict({ weight: tensor([[1], [2]], { dtype: 'float64' }) });
    expect([layer.weight.dtype, layer.weight.tolist()]).toEqual(['float32', [[1], [2]]]);
    expect(() => layer.loadStateDict({ weight: F.zeros([1, 1]) })).toThrow('size mismatch for weight');
  });

  test('assign takes the tensors over, with their dtype, and keeps requiresGrad', () => {
    const model = net();
    model.parameters()[0]!.requiresGrad = false;
    const state = net().to('float64').stateDict();
    model.loadStateDict(state, { assign: true });
    expect(model.getParameter('0.weight').dtype).toBe('float64');
    expect(model.getParameter('0.weight')).toBeInstanceOf(nn.Parameter);
    expect(model.parameters().map(({ requiresGrad }) => requiresGrad)).toEqual([
      false,
      true,
      true,
      true,
      true,
      true,
    ]);
    expect(model.getBuffer('1.running_mean').dtype).toBe('float64');
    state.get('0.weight')!.fill_(5);
    expect(model.getParameter('0.weight').eq(5).all().item()).toBe(true);
  });

  test('scalars saved with one dimension, as PyTorch once did', () => {
    const layer = new nn.BatchNorm1d(1);
    const state = layer.stateDict().set('num_batches_tracked', tensor([4], { dtype: 'int64' }));
    layer.loadStateDict(state);
    expect(layer.num_batches_tracked!.item()).toBe(4);
  });

  test('batch norm without its count, as files without versions may be', () => {
    const layer = new nn.BatchNorm1d(1);
    const state = layer.stateDict();
    state.delete('num_batches_tracked');
    expect(layer.loadStateDict(state).missingKeys).toEqual([]);
    expect(state.has('num_batches_tracked')).toBe(false);
  });

  test('an error names every key that could not be loaded; what fits is loaded all the same', () => {
    const layer = new nn.Linear(1, 1);
    const load = () => layer.loadStateDict({ weight: F.full([1, 1], 3), bias: 'no' as never });
    expect(load).toThrow(
      'Error(s) in loading state_dict for Linear:\n\tWhile copying the parameter named "bias", expected torch.Tensor or Tensor-like object from checkpoint but received string',
    );
    expect(layer.weight.item()).toBe(3);
    const disposed = F.zeros([1]);
    disposed.dispose();
    expect(() => layer.loadStateDict({ weight: F.zeros([1, 1]), bias: disposed })).toThrow(ArgumentError);
  });

  test('something else than a state dict', () => {
    for (const bad of [null, undefined, 3, 'weights']) {
      expect(() => new nn.ReLU().loadStateDict(bad as never)).toThrow(
        'Expected a Map or an object for state',
      );
    }
  });

  test('non-persistent buffers are neither expected nor accepted', () => {
    class Net extends nn.Module {
      table = this.registerBuffer('table', F.zeros([1]), { persistent: false });
      forward(): void {}
    }
    expect(new Net().stateDict().size).toBe(0);
    expect(() => new Net().loadStateDict({ table: F.zeros([1]) })).toThrow(
      'Unexpected key(s) in state_dict: "table". ',
    );
  });
});

describe('deepcopy', () => {
  test('is independent, keeps sharing, and draws nothing', () => {
    const shared = new nn.Linear(2, 2);
    const model = new nn.Sequential(shared, new nn.BatchNorm1d(2), shared);
    manualSeed(3);
    const copy = nn.deepcopy(model);
    const after = F.rand([1]).item();
    manualSeed(3);
    expect(F.rand([1]).item()).toBe(after);
    expect(String(copy)).toBe(String(model));
    expect(copy.at(0)).toBe(copy.at(2));
    expect(copy.parameters()).toHaveLength(4);
    copy.parameters()[0]!.data.fill_(9);
    expect(model.parameters()[0]!.eq(9).any().item()).toBe(false);
    copy
      .forward(F.randn([3, 2]))
      .sum()
      .backward();
    expect(model.parameters()[0]!.grad).toBeNull();
    expect(model.getBuffer('1.num_batches_tracked').item()).toBe(0);
    expect(copy.getBuffer('1.num_batches_tracked').item()).toBe(1);
    expect(copy.requiresGrad_(false).parameters()[0]!.requiresGrad).toBe(false);
    expect(model.parameters()[0]!.requiresGrad).toBe(true);
  });
});
