import { native } from '../../native.ts';

/** Powers computed lately: groups and parameters ask for the same ones, `0.999 ** step` or the root of a size. */
const known = new Map<number, Map<number, number>>();
let size = 0;

/**
 * `pow` of the C library, which is what Python's `**` calls.
 *
 * V8 brings its own `Math.pow` and `Math.cos`, whose last bit differs from the C library's for about one argument
 * in twelve (`0.999 ** step`) and one in thirty. Bias corrections and learning rates must be the same doubles as
 * PyTorch's, so they come from here.
 */
export function pow(base: number, exponent: number): number {
  const found = known.get(base)?.get(exponent);
  if (found !== undefined) return found;
  if (size >= 1000) {
    known.clear();
    size = 0;
  }
  const power = native().pow(base, exponent);
  if (!known.has(base)) known.set(base, new Map());
  known.get(base)!.set(exponent, power);
  size += 1;
  return power;
}

/** The cosine of an angle in radians. */
export function cos(angle: number): number {
  return native().cos(angle);
}
