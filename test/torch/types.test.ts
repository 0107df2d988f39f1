/** What `tsc` must accept and refuse; every call is also made, so that types and behaviour agree. */

import { describe, expect, test } from '@jest/globals';
import { F } from '../../lib/torch/functions.ts';
import { ops } from '../../lib/torch/ops.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';

/** Equal only if each is assignable to the other in every position. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<A, B>(same: Same<A, B>): void {
  expect(same).toBe(true);
}

const x = F.ones([2, 3]);

describe('accepted', () => {
  test('positional, by keyword and mixed', () => {
    expect(x.sum(1, { keepdim: true }).shape).toEqual([2, 1]);
    expect(x.sum(1, true, { dtype: 'float64' }).dtype).toBe('float64');
    expect(x.sum({ dim: 1 }).shape).toEqual([2]);
    expect(x.sum({ dim: [0, 1], keepdim: true, dtype: 'float64' }).shape).toEqual([1, 1]);
    expect(x.sum(null).shape).toEqual([]);
    expect(F.sum(x, { dim: 1 }).shape).toEqual([2]);
    expect(x.clamp({ min: 2 }).tolist()).toEqual([
      [2, 2, 2],
      [2, 2, 2],
    ]);
    expect(x.add(x, { alpha: 2 }).tolist()).toEqual([
      [3, 3, 3],
      [3, 3, 3],
    ]);
    expect(x.gather({ dim: 1, index: F.zeros([2, 1], { dtype: 'int64' }) }).shape).toEqual([2, 1]);
    expect(F.conv2d(F.ones([1, 1, 3, 3]), F.ones([1, 1, 3, 3]), null, { padding: 1 }).shape).toEqual([
      1, 1, 3, 3,
    ]);
    expect(F.conv2d(F.ones([1, 1, 3, 3]), F.ones([1, 1, 3, 3]), null, 1, 'same').shape).toEqual([1, 1, 3, 3]);
  });

  test('factories take dtype and requiresGrad', () => {
    const made = F.randn([2, 3], { dtype: 'float64', requiresGrad: true });
    expect([made.dtype, made.requiresGrad]).toEqual(['float64', true]);
  });

  test('several results are a labelled tuple', () => {
    const found = x.max(1);
    expectType<typeof found, [values: Tensor, indices: Tensor]>(true);
    expect(found.map((each) => each.dtype)).toEqual(['float32', 'int64']);
  });

  test('operators in place give the same object, of the same type', () => {
    const changed = x.clone().mul_(2);
    expectType<typeof changed, Tensor>(true);
    expect(changed.tolist()).toEqual([
      [2, 2, 2],
      [2, 2, 2],
    ]);
  });

  test('plain results', () => {
    const equal = x.equal(x);
    const parts = x.split(1);
    expectType<typeof equal, boolean>(true);
    expectType<typeof parts, Tensor[]>(true);
    expect([equal, parts.length]).toEqual([true, 2]);
  });

  test('raw operators by overload', () => {
    const sum = ops.aten.add.Tensor(x, x, { alpha: 2 });
    expectType<typeof sum, Tensor>(true);
    expect(sum.shape).toEqual([2, 3]);
    expect(ops.aten._foreach_add([x], 1)).toHaveLength(1);
  });
});

describe('refused', () => {
  test('by the compiler and when called', () => {
    // @ts-expect-error: other is missing
    expect(() => x.add()).toThrow();
    // @ts-expect-error: no dimension is called so
    expect(() => x.sum('a')).toThrow();
    // @ts-expect-error: misspelt
    expect(() => x.sum({ dmi: 1 })).toThrow();
    // @ts-expect-error: a tensor has a dtype but is no options object
    expect(() => x.mean(x)).toThrow();
    // @ts-expect-error: nor is it one for factories
    expect(() => F.zeros([2], x)).toThrow();
    // @ts-expect-error: no such dtype
    expect(() => F.zeros([2], { dtype: 'float33' })).toThrow();
    // @ts-expect-error: a string is no tensor
    expect(() => F.matmul(x, 'x')).toThrow();
    // @ts-expect-error: no such overload
    expect(() => ops.aten.add.Nothing(x, x)).toThrow();
    // @ts-expect-error: no such operator
    expect(() => x.addd(x)).toThrow();
  });
});
