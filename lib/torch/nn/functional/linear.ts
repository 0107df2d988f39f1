import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * `x Wᵀ + b`.
 *
 * @param input `[*, in]`
 * @param weight `[out, in]`
 * @param bias `[out]`
 * @returns `[*, out]`
 */
export function linear(input: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  return F.linear(input, weight, bias);
}

/**
 * `x₁ᵀ A x₂ + b`.
 *
 * @param input1 `[*, in1]`
 * @param input2 `[*, in2]`
 * @param weight `[out, in1, in2]`
 * @param bias `[out]`
 * @returns `[*, out]`
 */
export function bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  return F.bilinear(input1, input2, weight, bias);
}
