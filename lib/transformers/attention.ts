import { expected } from '../errors.ts';
import { F } from '../torch/functions.ts';
import { tidy } from '../torch/scope.ts';
import type { Tensor } from '../torch/tensor.ts';
import type { EncoderCall } from './model.ts';

// Shapes: N texts, L tokens, E width, H heads, D = E / H.

/** The mask of a call as bool, `[N, L]`; null where everything is attended to. */
export function attendedTokens(
  { inputIds, attentionMask = null, isPadded }: EncoderCall,
  training: boolean,
): Tensor | null {
  if (attentionMask === null) return null;
  if (attentionMask.shape.join() !== inputIds.shape.join())
    throw expected(`the shape [${inputIds.shape}] of inputIds`, 'attentionMask', attentionMask.shape);
  if (isPadded === false) return null;
  const attended = attentionMask.to({ dtype: 'bool' });
  if (isPadded === undefined && !training && tidy(() => attended.all().item<boolean>())) return null;
  return attended;
}

/** Which keys each query sees, `[N, 1, L, L]`, of tokens `[N, L]` that all of them see. */
export function keyMask(attended: Tensor | null): Tensor | null {
  if (attended === null) return null;
  const [texts, length] = attended.shape as [number, number];
  return attended.view([texts, 1, 1, length]).expand([texts, 1, length, length]);
}

/**
 * As `keyMask`, where each query sees a window around itself alone; null where that, too, hides nothing.
 *
 * @param window how many tokens are seen on either side
 */
export function windowMask(ids: Tensor, attended: Tensor | null, window: number): Tensor | null {
  const [texts, length] = ids.shape as [number, number];
  if (attended === null && length < window) return null;
  const places = F.arange(length, { dtype: 'int64', device: ids.device });
  const near = places.unsqueeze(1).sub(places.unsqueeze(0)).abs().le(window);
  const seen = attended === null ? near : near.logicalAnd(attended.view([texts, 1, 1, length]));
  return seen.expand([texts, 1, length, length]);
}

/** `[N, L, E]` to `[N, H, L, D]` */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [texts, length, width] = x.shape as [number, number, number];
  return x.view([texts, length, heads, width / heads]).transpose(1, 2);
}

/**
 * Attention over all heads at once.
 *
 * @param query `[N, H, L, D]`, as `key` and `value`
 * @param mask bool, `[N, 1, L, L]`; true where a query sees a key
 * @returns `[N, L, E]`
 */
export function attend(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  mask: Tensor | null,
  dropout: number,
): Tensor {
  const [texts, heads, length, depth] = query.shape as [number, number, number, number];
  const scale = depth ** -0.5;
  const context = F.scaledDotProductAttention(query, key, value, mask, dropout, false, { scale });
  return context
    .transpose(1, 2)
    .contiguous()
    .view([texts, length, heads * depth]);
}
