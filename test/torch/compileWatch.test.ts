import { describe, expect, test } from '@jest/globals';
import { partsOf, Watch } from '../../lib/torch/compile/watch.ts';
import { nn } from '../../lib/torch/index.ts';

describe('Watch', () => {
  test('tells once of other values, keys, and objects that came later', () => {
    const inner = { b: Number.NaN };
    const outer: { inner?: object; [key: string]: unknown } = { a: 1, inner };
    const watch = new Watch(() => [outer, outer.inner ?? outer]);
    const changes: (() => void)[] = [
      () => Object.assign(outer, { a: 2 }),
      () => Object.assign(outer, { c: undefined }),
      () => Reflect.deleteProperty(outer, 'c'),
      () => Object.assign(inner, { b: -0 }),
      () => Object.assign(inner, { b: 0 }),
      () => Object.assign(outer, { inner: { d: 1 } }),
      () => Object.assign(outer.inner ?? {}, { d: 2 }),
    ];
    expect(watch.changed()).toBe(false);
    for (const change of changes) {
      change();
      expect([watch.changed(), watch.changed()]).toEqual([true, false]);
    }
    inner.b = 5;
    expect(watch.changed()).toBe(false);
  });

  test('arrays with holes, and Maps', () => {
    const list: unknown[] = [1];
    list[2] = 3;
    const map = new Map<unknown, unknown>([['a', 1]]);
    const watch = new Watch(() => [list, map]);
    const changes = [
      () => list.push(4),
      () => list.pop(),
      () => map.set('a', 2),
      () => map.set('b', 2),
      () => map.clear(),
    ];
    expect(watch.changed()).toBe(false);
    for (const change of changes) {
      change();
      expect([watch.changed(), watch.changed()]).toEqual([true, false]);
    }
  });

  test('calls no getter', () => {
    const fail = () => {
      throw new Error('called');
    };
    const object = Object.defineProperty({ a: 1 }, 'b', { get: fail, enumerable: true });
    const watch = new Watch(() => [object]);
    expect(watch.changed()).toBe(false);
    object.a = 2;
    expect(watch.changed()).toBe(true);
  });

  test('large lists, proxies, and the mode of a module are not looked at', () => {
    class Net extends nn.Module {
      readonly scales = [1, 2];
      forward(): void {}
    }
    const net = new Net();
    const proxy = new Proxy([1], {});
    const words = Array.from({ length: 5000 }, String);
    Object.assign(net, { words, proxy });
    const parts = partsOf([net]);
    expect([parts.includes(net.scales), parts.includes(words), parts.includes(proxy)]).toEqual([
      true,
      false,
      false,
    ]);
    const watch = new Watch(() => parts);
    net.training = false;
    expect(watch.changed()).toBe(false);
  });
});
