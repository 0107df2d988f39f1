import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';
import { additiveMask } from './masks.ts';
import { pad } from './vision.ts';

// Shapes: N batch, L target length, S source length, E embedding, H heads, D = E / H.

/** What {@link scaledDotProductAttention} takes. */
export interface AttentionOptions {
  /** Bool (true: may attend) or floating point (added to the scores), broadcast to `[N, H, L, S]`. */
  readonly attnMask?: Tensor | null;
  /** Dropout of the weights; also outside training (0). */
  readonly dropoutP?: number;
  readonly isCausal?: boolean;
  /** `1 / √D` unless given. */
  readonly scale?: number | null;
  /** Let several query heads share one key head (false). */
  readonly enableGqa?: boolean;
}

/**
 * `softmax(q kᵀ / √D + mask) v`.
 *
 * @param query `[N, *, L, D]`
 * @param key `[N, *, S, D]`
 * @param value `[N, *, S, Dv]`
 * @returns `[N, *, L, Dv]`
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): Tensor {
  const { attnMask = null, dropoutP = 0, isCausal = false, scale = null, enableGqa = false } = options;
  return F.scaledDotProductAttention(query, key, value, attnMask, dropoutP, isCausal, { scale, enableGqa });
}

/** The weights of multi-head attention, under PyTorch's names. */
export interface AttentionWeights {
  /** `[3 E, E]`, or null when the three below are given. */
  readonly in_proj_weight: Tensor | null;
  /** `[E, E]` */
  readonly q_proj_weight?: Tensor | null;
  /** `[E, kdim]` */
  readonly k_proj_weight?: Tensor | null;
  /** `[E, vdim]` */
  readonly v_proj_weight?: Tensor | null;
  /** `[3 E]` */
  readonly in_proj_bias: Tensor | null;
  /** Appended to the keys and values: `[1, 1, E]`. */
  readonly bias_k: Tensor | null;
  readonly bias_v: Tensor | null;
  /** `[E, E]` and `[E]` */
  readonly out_proj: { readonly weight: Tensor; readonly bias: Tensor | null };
}

/** How multi-head attention is to be computed. */
export interface MultiHeadOptions {
  readonly numHeads: number;
  readonly addZeroAttn?: boolean;
  /** Dropout of the weights, in training only (0). */
  readonly dropoutP?: number;
  readonly training?: boolean;
  /** Keys to ignore: `[N, S]`, or `[S]` without a batch; bool (true: ignore) or added to the scores. */
  readonly keyPaddingMask?: Tensor | null;
  /** `[L, S]` or `[N H, L, S]`; bool (true: may not attend) or added to the scores. */
  readonly attnMask?: Tensor | null;
  /** Return the weights too (true); without them a faster operator is used. */
  readonly needWeights?: boolean;
  /** Average the weights over the heads (true). */
  readonly averageAttnWeights?: boolean;
  /** A promise that `attnMask` is the causal mask (false). */
  readonly isCausal?: boolean;
}

/**
 * Multi-head attention; Vaswani et al., 2017.
 *
 * @param query `[L, N, E]`, or `[L, E]` without a batch
 * @param key `[S, N, kdim]`
 * @param value `[S, N, vdim]`
 * @returns the output `[L, N, E]`, and the weights `[N, L, S]` (`[N, H, L, S]` if not averaged) or null
 */
export function multiHeadAttentionForward(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  weights: AttentionWeights,
  options: MultiHeadOptions,
): [output: Tensor, weights: Tensor | null] {
  checkInputs(query, key, value, weights, options);
  const isBatched = query.ndim === 3;
  const { keyPaddingMask = null } = options;
  const [output, scores] = isBatched
    ? attend(query, key, value, keyPaddingMask, weights, options)
    : attend(
        query.unsqueeze(1),
        key.unsqueeze(1),
        value.unsqueeze(1),
        keyPaddingMask?.unsqueeze(0) ?? null,
        weights,
        options,
      );
  return isBatched ? [output, scores] : [output.squeeze(1), scores?.squeeze(0) ?? null];
}

function attend(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  keyPadding: Tensor | null,
  weights: AttentionWeights,
  options: MultiHeadOptions,
): [output: Tensor, weights: Tensor | null] {
  const {
    numHeads,
    addZeroAttn = false,
    training = true,
    needWeights = true,
    averageAttnWeights = true,
  } = options;
  const dropoutP = training ? (options.dropoutP ?? 0) : 0;
  const [targets, batch, embedDim] = query.shape as [number, number, number];
  const headDim = embedDim / numHeads;
  const heads = batch * numHeads;

  // A causal promise without padding lets the fused operator mask by itself.
  const isCausal = (options.isCausal ?? false) && keyPadding === null && !needWeights;
  let padding = additiveMask(keyPadding, 'keyPaddingMask', query.dtype);
  let mask = isCausal
    ? null
    : widen(additiveMask(options.attnMask ?? null, 'attnMask', query.dtype), [heads, targets, key.shape[0]!]);

  let [q, k, v] = project(query, key, value, weights);
  const appended = weights.bias_k !== null && weights.bias_v !== null;
  if (appended) {
    k = F.cat([k, weights.bias_k!.repeat([1, batch, 1])]);
    v = F.cat([v, weights.bias_v!.repeat([1, batch, 1])]);
  }
  q = q.view([targets, heads, headDim]).transpose(0, 1); // [N H, L, D]
  k = k.view([k.shape[0]!, heads, headDim]).transpose(0, 1); // [N H, S, D]
  v = v.view([v.shape[0]!, heads, headDim]).transpose(0, 1);
  if (addZeroAttn) {
    const zeros = F.zeros([heads, 1, headDim], { dtype: k.dtype, device: k.device });
    k = F.cat([k, zeros], 1);
    v = F.cat([v, zeros], 1);
  }
  for (let column = 0; column < Number(appended) + Number(addZeroAttn); column++) {
    mask = mask && pad(mask, [0, 1]);
    padding = padding && pad(padding, [0, 1]);
  }
  const sources = k.shape[1]!;
  if (padding !== null) {
    padding = padding
      .view([batch, 1, 1, sources])
      .expand([-1, numHeads, -1, -1])
      .reshape([heads, 1, sources]);
    mask = mask === null ? padding : mask.add(padding);
  }

  const merge = (context: Tensor): Tensor =>
    F.linear(context, weights.out_proj.weight, weights.out_proj.bias).view([targets, batch, embedDim]);
  if (!needWeights) {
    const perHead = (tensor: Tensor): Tensor => tensor.view([batch, numHeads, tensor.shape[1]!, headDim]);
    if (mask !== null)
      mask = mask.shape[0] === 1 ? mask.unsqueeze(0) : mask.view([batch, numHeads, -1, sources]);
    const context = F.scaledDotProductAttention(perHead(q), perHead(k), perHead(v), mask, dropoutP, isCausal);
    return [merge(context.permute([2, 0, 1, 3]).reshape([batch * targets, embedDim])), null];
  }
  const scaled = q.mul(Math.sqrt(1 / headDim));
  const scores =
    mask === null ? F.bmm(scaled, k.transpose(-2, -1)) : F.baddbmm(mask, scaled, k.transpose(-2, -1));
  const probabilities = scores.softmax(-1);
  const kept = dropoutP > 0 ? F.dropout(probabilities, dropoutP, true) : probabilities; // [N H, L, S]
  const output = merge(
    F.bmm(kept, v)
      .transpose(0, 1)
      .reshape([targets * batch, embedDim]),
  );
  const perHead = kept.view([batch, numHeads, targets, sources]);
  return [output, averageAttnWeights ? perHead.mean(1) : perHead];
}

/** Queries, keys and values; one product instead of three where the inputs are the same tensor, as in PyTorch. */
function project(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  weights: AttentionWeights,
): [Tensor, Tensor, Tensor] {
  const embedDim = query.shape.at(-1)!;
  const { in_proj_weight: weight, in_proj_bias: bias } = weights;
  if (weight === null) {
    const [bq, bk, bv] = bias?.chunk(3) ?? [];
    return [
      F.linear(query, weights.q_proj_weight!, bq),
      F.linear(key, weights.k_proj_weight!, bk),
      F.linear(value, weights.v_proj_weight!, bv),
    ];
  }
  if (key === value && query === key) {
    const [q, k, v] = separate(F.linear(query, weight, bias), 3, embedDim);
    return [q!, k!, v!];
  }
  if (key === value) {
    const [wq, wkv] = weight.splitWithSizes([embedDim, 2 * embedDim]);
    const [bq, bkv] = bias?.splitWithSizes([embedDim, 2 * embedDim]) ?? [];
    const q = F.linear(query, wq!, bq);
    const [k, v] = separate(F.linear(key, wkv!, bkv), 2, embedDim);
    return [q, k!, v!];
  }
  const [wq, wk, wv] = weight.chunk(3);
  const [bq, bk, bv] = bias?.chunk(3) ?? [];
  return [F.linear(query, wq!, bq), F.linear(key, wk!, bk), F.linear(value, wv!, bv)];
}

/** `[L, N, parts E]` as `parts` tensors `[L, N, E]` in one block of memory. */
function separate(projected: Tensor, parts: number, embedDim: number): Tensor[] {
  const block = projected
    .unflatten(-1, [parts, embedDim])
    .unsqueeze(0)
    .transpose(0, -2)
    .squeeze(-2)
    .contiguous();
  return Array.from({ length: parts }, (_, i) => block.select(0, i));
}

function widen(mask: Tensor | null, [heads, targets, sources]: [number, number, number]): Tensor | null {
  if (mask === null) return null;
  const allowed = [`${targets},${sources}`, `${heads},${targets},${sources}`];
  if (!allowed.includes(mask.shape.join())) {
    throw expected(`a shape [${allowed[0]}] or [${allowed[1]}]`, 'attnMask', mask.shape);
  }
  return mask.ndim === 2 ? mask.unsqueeze(0) : mask;
}

function checkInputs(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  weights: AttentionWeights,
  options: MultiHeadOptions,
): void {
  const { numHeads, keyPaddingMask = null, attnMask = null, isCausal = false } = options;
  const { ndim } = query;
  if (ndim !== 2 && ndim !== 3) throw expected('a tensor [L, N, E] or [L, E]', 'query', query.shape);
  if (key.ndim !== ndim) throw expected(`${ndim} dimensions, as the query has`, 'key', key.shape);
  if (value.ndim !== ndim) throw expected(`${ndim} dimensions, as the query has`, 'value', value.shape);
  const shared = weights.in_proj_weight === null ? ndim - 1 : ndim;
  if (key.shape.slice(0, shared).join() !== value.shape.slice(0, shared).join()) {
    throw expected(`the sizes of the key, [${key.shape}]`, 'value', value.shape);
  }
  const embedDim = query.shape.at(-1)!;
  if (embedDim !== weights.out_proj.weight.shape[0]) {
    throw expected(`an embedding of ${weights.out_proj.weight.shape[0]}`, 'query', query.shape);
  }
  if (embedDim % numHeads !== 0) throw expected(`a divisor of ${embedDim}`, 'numHeads', numHeads);
  const padded = ndim === 3 ? [query.shape[1], key.shape[0]] : [key.shape[0]];
  if (keyPaddingMask && keyPaddingMask.shape.join() !== padded.join()) {
    throw expected(`a shape [${padded}]`, 'keyPaddingMask', keyPaddingMask.shape);
  }
  if (isCausal && attnMask === null) throw expected('a mask with isCausal', 'attnMask', attnMask);
}
