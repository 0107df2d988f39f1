/** Every public operator as a function: `F.add(a, b, { alpha: 2 })`. Bound to libtorch at its first call. */

import { functionNames } from './generated/names.ts';
import type { TorchFunctions } from './generated/types.ts';
import { invoke, Operator } from './invoke.ts';
import { camelCase, pythonOverloads } from './naming.ts';
import './tensor.ts';

function bind(name: string): (...args: unknown[]) => unknown {
  const operator = new Operator(`aten::${name}`, pythonOverloads[name]);
  return (...args) => invoke(operator, args);
}

export const F = Object.fromEntries(
  functionNames.map((name) => [camelCase(name), bind(name)]),
) as unknown as TorchFunctions;
