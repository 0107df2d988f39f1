import { describe, expect, test } from '@jest/globals';
import { identifier } from '../../lib/experiment/index.ts';
import type { TrainerContext } from '../../lib/learning/context.ts';
import { LayerFreezer, LayerSharer } from '../../lib/learning/layerHooks.ts';
import {
  AllParametersIterator,
  InverseParametersIterator,
  type ParametersIterator,
  RegexParametersIterator,
  SubParametersIterator,
} from '../../lib/learning/parameters.ts';
import { F } from '../../lib/torch/functions.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import type { Module } from '../../lib/torch/nn/module.ts';
import { Encoder, newRanker, Ranker } from './models.ts';

const NAMES = [
  'scale',
  'encoder.layer.weight',
  'encoder.layer.bias',
  'encoder.norm.weight',
  'encoder.norm.bias',
];
const selected = (iterator: ParametersIterator) => iterator.selected().map(({ name }) => name);
const contextOf = (model: Module) => ({ model }) as unknown as TrainerContext;

describe('selectors', () => {
  test('tell of each parameter its name, its module and whether it is selected', () => {
    const model = newRanker();
    const found = [...new RegexParametersIterator({ model, regex: '^encoder\\.layer' })];
    expect(found.map(({ name }) => name)).toEqual([...NAMES, 'head.weight']);
    expect(found.map((each) => each.selected)).toEqual([false, true, true, false, false, false]);
    expect(found[0]!.module).toBe(model);
    expect(found[1]!.module).toBe(model.encoder.layer);
    expect(found[1]!.parameter).toBe(model.encoder.layer.weight);
  });

  test.each<[string, string | undefined, string[]]>([
    ['weight', undefined, ['encoder.layer.weight', 'encoder.norm.weight', 'head.weight']],
    ['weight', 'norm', ['encoder.layer.weight', 'head.weight']],
    ['weight', '^encoder', ['head.weight']],
    ['', '\\.', ['scale']],
    ['nothing', undefined, []],
  ])('regex %p without %p', (regex, negativeRegex, names) => {
    const options = negativeRegex === undefined ? { regex } : { regex, negativeRegex };
    expect(selected(new RegexParametersIterator({ model: newRanker(), ...options }))).toEqual(names);
  });

  test('all, and the inverse of another', () => {
    const model = newRanker();
    expect(selected(new AllParametersIterator({ model }))).toEqual([...NAMES, 'head.weight']);
    const biases = new RegexParametersIterator({ model, regex: 'bias' });
    expect(selected(new InverseParametersIterator({ iterator: biases }))).toEqual([
      'scale',
      'encoder.layer.weight',
      'encoder.norm.weight',
      'head.weight',
    ]);
  });

  test('a selection in a part is one in the whole, by identity', () => {
    const model = newRanker();
    const iterator = new RegexParametersIterator({ model: model.encoder, regex: 'weight' });
    expect(selected(iterator)).toEqual(['layer.weight', 'norm.weight']);
    expect(selected(new SubParametersIterator({ model, iterator }))).toEqual([
      'encoder.layer.weight',
      'encoder.norm.weight',
    ]);
    expect(selected(new SubParametersIterator({ model, iterator, default: true }))).toEqual([
      'scale',
      'encoder.layer.weight',
      'encoder.norm.weight',
      'head.weight',
    ]);
  });

  test('a part of another model is refused, with the names', () => {
    const iterator = new AllParametersIterator({ model: new Encoder({ dim: 2 }) });
    expect(() => [...new SubParametersIterator({ model: newRanker(), iterator })]).toThrow(
      'subParametersIterator.iterator: expected parameters of Ranker, which does not have layer.weight, layer.bias, norm.weight, norm.bias',
    );
  });

  test('a regular expression that does not compile is refused when it is given', () => {
    const model = newRanker();
    expect(() => new RegexParametersIterator({ model, regex: '(' })).toThrow(
      /^regexParametersIterator\.regex: expected a regular expression \(.*\), received "\("$/,
    );
    expect(() => new RegexParametersIterator({ model, regex: '', negativeRegex: '[' })).toThrow(
      'regexParametersIterator.negativeRegex: expected a regular expression',
    );
  });

  test('are different in the identity when they select differently', () => {
    const model = newRanker();
    const [a, b, c] = ['weight', 'bias', 'weight'].map(
      (regex) => new RegexParametersIterator({ model, regex }),
    );
    expect(identifier(a!)).not.toBe(identifier(b!));
    expect(identifier(a!)).toBe(identifier(c!));
    expect(identifier(new InverseParametersIterator({ iterator: a! }))).not.toBe(identifier(a!));
  });
});

describe('LayerFreezer', () => {
  test('stops the gradients of what is selected once everything is initialised, and only once', () => {
    const model = newRanker();
    const hook = new LayerFreezer({ selector: new RegexParametersIterator({ model, regex: '^encoder' }) });
    hook.before(contextOf(model));
    expect(model.parameters().every(({ requiresGrad }) => requiresGrad)).toBe(true);
    hook.after(contextOf(model));
    const free = model.namedParameters().filter(([, { requiresGrad }]) => requiresGrad);
    expect(free.map(([name]) => name)).toEqual(['scale', 'head.weight']);
    model
      .forward(F.ones([3, 2]))
      .sum()
      .backward();
    expect(model.encoder.layer.weight.grad).toBeNull();
    expect(model.head.weight.grad).not.toBeNull();

    model.requiresGrad_(true);
    hook.after(contextOf(model));
    expect(model.encoder.layer.weight.requiresGrad).toBe(true);
  });

  test('must select something', () => {
    const model = newRanker();
    const hook = new LayerFreezer({ selector: new RegexParametersIterator({ model, regex: 'decoder' }) });
    expect(() => hook.after(contextOf(model))).toThrow(
      'layerFreezer.selector: expected at least one parameter, but it selects none of scale, encoder.layer.weight',
    );
  });
});

describe('LayerSharer', () => {
  const towers = () => {
    const [encoder, second] = [new Encoder({ dim: 2 }), new Encoder({ dim: 2 })];
    const model = new Ranker({ dim: 2, encoder, layers: [], second });
    const layer = (tower: Encoder, regex = 'layer') => new RegexParametersIterator({ model: tower, regex });
    return { model, encoder, second, layer };
  };

  test('makes the targets the sources, in the whole model, once', () => {
    const { model, encoder, second, layer } = towers();
    const { weight } = encoder.layer;
    expect(model.parameters()).toHaveLength(10);
    const hook = new LayerSharer({ source: layer(encoder), target: layer(second) });
    hook.after(contextOf(model));
    expect(second.layer.weight).toBe(weight);
    expect(second.layer.bias).toBe(encoder.layer.bias);
    expect(second.norm.weight).not.toBe(encoder.norm.weight);
    expect(model.parameters()).toHaveLength(8);
    expect([...model.stateDict().keys()]).toContain('second.layer.weight');
    // Both towers give gradients to the one weight.
    second
      .forward(F.ones([3, 2]))
      .sum()
      .backward();
    expect(encoder.layer.weight.grad).not.toBeNull();
    hook.after(contextOf(model));
    expect(second.layer.weight).toBe(weight);
  });

  test('replaces a target under each of its names', () => {
    const { model, encoder, second, layer } = towers();
    const other = new Linear(2, 2);
    other.weight = second.layer.weight;
    Object.assign(model, { other });
    new LayerSharer({ source: layer(encoder, 'layer.weight'), target: layer(second, 'layer.weight') }).after(
      contextOf(model),
    );
    expect(other.weight).toBe(encoder.layer.weight);
  });

  test('refuses other numbers and other shapes, and changes nothing then', () => {
    const { model, encoder, second, layer } = towers();
    const { weight } = second.layer;
    expect(() =>
      new LayerSharer({ source: layer(encoder), target: layer(second, 'weight|bias') }).after(
        contextOf(model),
      ),
    ).toThrow('layerSharer: expected as many parameters in target as in source, received 4 and 2');
    expect(() =>
      new LayerSharer({ source: layer(encoder, 'layer.weight'), target: layer(second, 'layer.bias') }).after(
        contextOf(model),
      ),
    ).toThrow('layerSharer: expected pairs of one shape, received layer.weight [2, 2] for layer.bias [2]');
    expect(() =>
      new LayerSharer({ source: layer(encoder, 'x'), target: layer(second) }).after(contextOf(model)),
    ).toThrow('layerSharer.source: expected at least one parameter, but it selects none of layer.weight');
    expect(second.layer.weight).toBe(weight);
  });
});
