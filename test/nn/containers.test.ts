import { describe, expect, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import { F } from '../../lib/torch/functions.ts';
import * as nn from '../../lib/torch/nn/index.ts';

const keysOf = (module: nn.Module) => [...module.stateDict().keys()];

describe('Sequential', () => {
  test('in order, by index, and under names', () => {
    const relu = new nn.ReLU();
    const model = new nn.Sequential(new nn.Linear(2, 3), relu);
    expect(model.length).toBe(2);
    expect(model.at(-1)).toBe(relu);
    expect([...model][1]).toBe(relu);
    model.append(new nn.Linear(3, 1)).set(1, new nn.Tanh());
    expect(model.forward(F.zeros([5, 2])).shape).toEqual([5, 1]);
    expect(keysOf(model)).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    const named = new nn.Sequential({
      body: new nn.Linear(2, 2, { bias: false }),
      head: new nn.Identity(1, 'any'),
    });
    named.set(-1, new nn.Linear(2, 1, { bias: false }));
    expect(keysOf(named)).toEqual(['body.weight', 'head.weight']);
  });

  test('refuses what is no module, and places that are not there', () => {
    expect(() => new nn.Sequential(3 as never)).toThrow('Expected a Module for module 0 but received 3');
    expect(() => new nn.Sequential({ 'a.b': new nn.ReLU() })).toThrow(ArgumentError);
    const model = new nn.Sequential(new nn.ReLU());
    for (const index of [1, -2, 0.5, Number.NaN]) expect(() => model.at(index)).toThrow(ArgumentError);
  });
});

describe('ModuleList', () => {
  test('a list whose keys are places', () => {
    const [a, b, c] = [new nn.Linear(1, 1), new nn.ReLU(), new nn.Linear(2, 2, { bias: false })];
    const list = new nn.ModuleList<nn.Module>([a, c]);
    list.insert(1, b);
    expect([...list]).toEqual([a, b, c]);
    expect(keysOf(list)).toEqual(['0.weight', '0.bias', '2.weight']);
    expect(list.at(-1)).toBe(c);
    expect(() => list.insert(4, b)).toThrow(ArgumentError);
    expect(() => list.forward()).toThrow(ArgumentError);
    expect(String(new nn.ModuleList())).toBe('ModuleList()');
  });
});

describe('ModuleDict', () => {
  test('keeps the order of its entries, numbers too', () => {
    const layer = () => new nn.PReLU();
    const dict = new nn.ModuleDict([
      ['10', layer()],
      ['b', layer()],
      ['2', layer()],
    ]);
    expect(keysOf(dict)).toEqual(['10.weight', 'b.weight', '2.weight']);
    dict.set('a', layer());
    expect([dict.has('b'), dict.delete('b'), dict.has('b'), dict.length]).toEqual([true, true, false, 3]);
    expect(dict.keys()).toEqual(['10', '2', 'a']);
    expect(dict.values()[2]).toBe(dict.get('a'));
    expect([...dict][0]![0]).toBe('10');
    expect(() => dict.get('b')).toThrow('Expected one of: 10, 2, a for key but received "b"');
    expect(() => dict.forward()).toThrow(ArgumentError);
  });
});

describe('ParameterList', () => {
  test('makes parameters of tensors, and loads and assigns them', () => {
    const list = new nn.ParameterList([F.zeros([2])]).append(new nn.Parameter(F.ones([3])));
    expect(list.length).toBe(2);
    expect([...list].every((one) => one instanceof nn.Parameter && one.requiresGrad)).toBe(true);
    expect(keysOf(list)).toEqual(['0', '1']);
    list.loadStateDict({ 0: F.ones([2]), 1: F.ones([3], { dtype: 'float64' }) }, { assign: true });
    expect([list.at(0).dtype, list.at(-1).dtype]).toEqual(['float32', 'float64']);
    expect(() => list.at(2)).toThrow(ArgumentError);
    expect(() => list.forward()).toThrow(ArgumentError);
  });
});
