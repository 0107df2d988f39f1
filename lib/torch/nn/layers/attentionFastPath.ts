import { isFloatingPoint } from '../../dtype.ts';
import { isGradEnabled } from '../../modes.ts';
import { ops } from '../../ops.ts';
import type { Tensor } from '../../tensor.ts';
import type { AttentionCall, MultiheadAttention } from './attention.ts';

// Shapes: N batch, L length, E embedding, H heads.

/** Whether autograd would have to record anything about these tensors. */
export function needsGraph(tensors: readonly (Tensor | null)[]): boolean {
  return isGradEnabled() && tensors.some((tensor) => tensor?.requiresGrad);
}

/**
 * Whether PyTorch would take its fused operator for inference: self-attention on a batch, batch first, in evaluation,
 * with packed weights and no gradients. The conditions are those of PyTorch's own `forward`, so that the numbers agree.
 */
export function canUseFastPath(
  attention: MultiheadAttention,
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { keyPaddingMask, attnMask, isCausal = false }: AttentionCall,
): boolean {
  const { in_proj_weight, in_proj_bias, out_proj, bias_k, bias_v } = attention;
  if (attention.training || !attention.batchFirst || attention.numHeads % 2 === 1) return false;
  if (query !== key || key !== value || query.ndim !== 3) return false;
  if (
    in_proj_weight === null ||
    in_proj_bias === null ||
    bias_k !== null ||
    bias_v !== null ||
    attention.addZeroAttn
  )
    return false;
  if (query.dtype !== in_proj_weight.dtype || query.dtype !== in_proj_bias.dtype) return false;
  if ([keyPaddingMask, attnMask].some((mask) => mask && isFloatingPoint(mask.dtype))) return false;
  if (isCausal && !attnMask) return false;
  return !needsGraph([query, in_proj_weight, in_proj_bias, out_proj.weight, out_proj.bias]);
}

/** What {@link canUseFastPath} allows: `[N, L, E]` to `[N, L, E]`, and the weights if wanted. The masks are additive. */
export function fastAttention(
  attention: MultiheadAttention,
  input: Tensor,
  { keyPaddingMask = null, attnMask = null, needWeights = true, averageAttnWeights = true }: AttentionCall,
): [output: Tensor, weights: Tensor | null] {
  const [mask, maskType] = mergeMasks(attnMask, keyPaddingMask, input, attention.numHeads);
  const { embedDim, numHeads, in_proj_weight, in_proj_bias, out_proj } = attention;
  const [output, weights] = ops.aten._native_multi_head_attention(
    ...([input, input, input, embedDim, numHeads] as const),
    ...([in_proj_weight!, in_proj_bias!, out_proj.weight, out_proj.bias!] as const),
    ...([mask, needWeights, averageAttnWeights, maskType] as const),
  );
  return [output, needWeights ? weights : null];
}

/** One additive mask from two, and its kind as ATen numbers them: 1 padding `[N, L]`, 2 attention `[N, H, L, L]`. */
export function mergeMasks(
  attnMask: Tensor | null,
  keyPaddingMask: Tensor | null,
  input: Tensor,
  numHeads: number,
): [mask: Tensor | null, kind: 1 | 2 | null] {
  if (attnMask === null) return keyPaddingMask === null ? [null, null] : [keyPaddingMask, 1];
  const [batch, length] = input.shape as [number, number];
  const mask =
    attnMask.ndim === 3
      ? attnMask.view([batch, -1, length, length])
      : attnMask.view([1, 1, length, length]).expand([batch, numHeads, -1, -1]);
  if (keyPaddingMask === null) return [mask, 2];
  return [mask.add(keyPaddingMask.view([batch, 1, 1, length]).expand([-1, numHeads, -1, -1])), 2];
}
