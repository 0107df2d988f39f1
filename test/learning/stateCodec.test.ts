import { describe, expect, test } from '@jest/globals';
import { packState, unpackState } from '../../lib/learning/stateCodec.ts';
import { tensor } from '../../lib/torch/factories.ts';

const again = (state: unknown) => {
  const { json, tensors } = packState(state);
  return unpackState({ json: JSON.parse(JSON.stringify(json)), tensors });
};

describe('state in files', () => {
  test.each([
    null,
    [1, 'a', true, { b: [] }],
    [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0.1],
    { big: 2n ** 70n, negative: -1n },
    { $tensor: 'mine', $$number: [{ $bigint: 1 }], $: { $number: 'x', more: 1 } },
    JSON.parse('{"__proto__": {"a": 1}}'),
  ])('%p comes back', (state) => {
    expect(again(state)).toEqual(state);
  });

  test('tensors are beside it, by their place', () => {
    const [a, b] = [tensor([1]), tensor([2])];
    const state = { optimizers: [{ state: { 0: { exp_avg: a, step: 3 } } }], random: b };
    const { json, tensors } = packState(state);
    expect([...tensors.keys()]).toEqual(['optimizers.0.state.0.exp_avg', 'random']);
    expect([...tensors.values()].map((each) => [each === a, each === b])).toEqual([
      [true, false],
      [false, true],
    ]);
    expect(JSON.stringify(json)).toBe(
      '{"optimizers":[{"state":{"0":{"exp_avg":{"$tensor":"optimizers.0.state.0.exp_avg"},"step":3}}}],"random":{"$tensor":"random"}}',
    );
    expect((again(state) as typeof state).random).toBe(b);
    expect(() => unpackState({ json, tensors: new Map() })).toThrow('expected its tensor');
  });

  test('what is not there is left out, what is no data is refused by its place', () => {
    expect(again({ a: undefined, b: 1 })).toEqual({ b: 1 });
    expect(() => packState({ trainer: { sampler: [new Map()] } })).toThrow(
      'state of trainer.sampler.0: expected plain data or tensors, received',
    );
    expect(() => packState({ trainer: () => 1 })).toThrow('state of trainer: expected plain data');
  });
});
