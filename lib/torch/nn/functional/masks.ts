import { expected } from '../../../errors.ts';
import { type Device, type DType, isFloatingPoint } from '../../dtype.ts';
import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * A mask as numbers to add to the scores: true becomes -∞, false 0; a floating point mask stays as it is.
 *
 * @param mask bool or floating point, any shape
 * @param name as the caller knows it, for the message
 */
export function additiveMask(mask: Tensor | null, name: string, dtype: DType): Tensor | null {
  if (mask === null || isFloatingPoint(mask.dtype)) return mask;
  if (mask.dtype !== 'bool') throw expected('a bool or floating point mask', name, mask.dtype);
  return F.zerosLike(mask, { dtype }).maskedFill_(mask, -Infinity);
}

/** -∞ above the diagonal, 0 elsewhere: position i sees positions up to i. `[size, size]` */
export function causalMask(
  size: number,
  { dtype, device }: { readonly dtype?: DType; readonly device?: Device } = {},
): Tensor {
  return F.full([size, size], -Infinity, { dtype: dtype ?? 'float32', device }).triu(1);
}

/** Whether a mask only hides the future: as told, or else by comparing it with {@link causalMask}. */
export function isCausalMask(mask: Tensor | null, told: boolean | null, length: number | null): boolean {
  if (told !== null || mask === null) return told === true;
  const causal = causalMask(length ?? mask.shape.at(-2)!, { dtype: mask.dtype, device: mask.device });
  return mask.shape.join() === causal.shape.join() && Boolean(mask.eq(causal).all().item());
}
