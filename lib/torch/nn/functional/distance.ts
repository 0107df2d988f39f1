import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * `x₁ · x₂ / max(‖x₁‖ ‖x₂‖, eps)` along `dim`; the inputs are broadcast.
 *
 * @param options `dim` (1), `eps` (1e-8)
 */
export function cosineSimilarity(
  x1: Tensor,
  x2: Tensor,
  { dim = 1, eps = 1e-8 }: { readonly dim?: number; readonly eps?: number } = {},
): Tensor {
  return F.cosineSimilarity(x1, x2, dim, eps);
}

/**
 * `‖x₁ - x₂ + eps‖ₚ` over the last dimension; the inputs are broadcast.
 *
 * @param options `p` (2), `eps` (1e-6), `keepdim` (false)
 */
export function pairwiseDistance(
  x1: Tensor,
  x2: Tensor,
  {
    p = 2,
    eps = 1e-6,
    keepdim = false,
  }: { readonly p?: number; readonly eps?: number; readonly keepdim?: boolean } = {},
): Tensor {
  return F.pairwiseDistance(x1, x2, p, eps, keepdim);
}

/** The distances between the rows of `[N, d]`, upper triangle first: `[N (N - 1) / 2]`. */
export function pdist(input: Tensor, p = 2): Tensor {
  return F.pdist(input, p);
}
