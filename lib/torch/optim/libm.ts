import { scalarTensor } from '../factories.ts';
import { ops } from '../ops.ts';
import { tidy } from '../scope.ts';
import type { Tensor } from '../tensor.ts';

/** Powers computed lately: groups and parameters ask for the same ones, `0.999 ** step` or the root of a size. */
const known = new Map<number, Map<number, number>>();
let size = 0;

/**
 * `pow` of the C library, which is what Python's `**` calls.
 *
 * V8 brings its own `Math.pow` and `Math.cos`, whose last bit differs from the C library's for about one argument
 * in twelve (`0.999 ** step`) and one in thirty. Bias corrections and learning rates must be the same doubles as
 * PyTorch's, so they come from here. Through libtorch, a tensor of one element is computed by the C library itself;
 * longer ones would go through vectorised approximations.
 */
export function pow(base: number, exponent: number): number {
  const found = known.get(base)?.get(exponent);
  if (found !== undefined) return found;
  if (size >= 1000) {
    known.clear();
    size = 0;
  }
  const power = tidy(() => ops.aten.pow(double(base), double(exponent)).item() as number);
  if (!known.has(base)) known.set(base, new Map());
  known.get(base)!.set(exponent, power);
  size += 1;
  return power;
}

/** The cosine of an angle in radians: the real part of `polar(1, angle)`, which unlike `cos` is never vectorised. */
export function cos(angle: number): number {
  return tidy(() => ops.aten.real(ops.aten.polar(double(1), double(angle))).item() as number);
}

function double(value: number): Tensor {
  return scalarTensor(value, { dtype: 'float64' });
}
