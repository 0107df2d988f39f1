/** `torch.ops.<namespace>.<name>[.<overload>](...)`: every operator of the loaded libtorch by its own name. */

import type { AtenOperators } from './generated/types.ts';
import { invoke, Operator } from './invoke.ts';
import './tensor.ts';

type Callable = (...args: unknown[]) => unknown;

/** A namespace without generated types, such as one that a custom library registered. */
export type UntypedOperators = Readonly<Record<string, Callable & Readonly<Record<string, Callable>>>>;

export interface Operators {
  readonly aten: AtenOperators;
  readonly [namespace: string]: UntypedOperators | AtenOperators;
}

function bound(operator: Operator): Callable {
  return (...args) => invoke(operator, args);
}

/** An object whose properties are made when they are first read, and kept. */
function lazily<T>(make: (name: string) => T, target: object = {}): Record<string, T> {
  return new Proxy(target, {
    get(store, name, receiver) {
      if (typeof name !== 'string' || Reflect.has(store, name))
        return Reflect.get(store, name, receiver) as T;
      const value = make(name);
      Object.defineProperty(store, name, { value, enumerable: true });
      return value;
    },
  }) as Record<string, T>;
}

/** The overload without a name is `.default`, as in PyTorch. */
function withOverloads(name: string): Callable {
  return lazily(
    (overload) => bound(new Operator(name, overload)),
    bound(new Operator(name)),
  ) as unknown as Callable;
}

/** Every operator, snake_case, its overloads by name: `ops.aten.add.Tensor(a, b)`. */
export const ops = lazily((namespace) =>
  lazily((name) => withOverloads(`${namespace}::${name}`)),
) as unknown as Operators;
