import { expected } from '../../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import { multiHeadAttentionForward } from '../functional/attention.ts';
import { additiveMask } from '../functional/masks.ts';
import { xavierNormal_, xavierUniform_ } from '../init/draw.ts';
import { zeros_ } from '../init/fill.ts';
import { Module } from '../module.ts';
import { checkSizes, FACTORY, type FactoryOptions, withDefaults } from '../options.ts';
import { emptyParameter, type Parameter } from '../parameter.ts';
import { canUseFastPath, fastAttention } from './attentionFastPath.ts';
import { NonDynamicallyQuantizableLinear } from './linear.ts';

// Shapes: N batch, L target length, S source length, E embedding, H heads, D = E / H.

export interface MultiheadAttentionOptions extends FactoryOptions {
  /** Dropout of the attention weights, in training (0). */
  readonly dropout?: number;
  /** Whether to learn biases (true). */
  readonly bias?: boolean;
  /** Append a learned key and value (false). */
  readonly addBiasKv?: boolean;
  /** Append a key and value of zeros (false). */
  readonly addZeroAttn?: boolean;
  /** Size of the keys; E unless given. */
  readonly kdim?: number | null;
  /** Size of the values; E unless given. */
  readonly vdim?: number | null;
  /** Whether the batch is the first dimension (false). */
  readonly batchFirst?: boolean;
}

export interface AttentionCall {
  /** Keys to ignore: `[N, S]`; bool (true: ignore) or added to the scores. */
  readonly keyPaddingMask?: Tensor | null;
  /** Return the weights too (true); without them a faster operator is used. */
  readonly needWeights?: boolean;
  /** `[L, S]` or `[N H, L, S]`; bool (true: may not attend) or added to the scores. */
  readonly attnMask?: Tensor | null;
  /** Average the weights over the heads (true). */
  readonly averageAttnWeights?: boolean;
  /** A promise that `attnMask` is the causal mask (false). */
  readonly isCausal?: boolean;
}

const DEFAULTS = {
  ...{ dropout: 0, bias: true, addBiasKv: false, addZeroAttn: false, batchFirst: false },
  kdim: null as number | null,
  vdim: null as number | null,
  ...FACTORY,
};

/** Attention in several subspaces at once; Vaswani et al., 2017. */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly addZeroAttn: boolean;
  /** `[3 E, E]`; null when keys or values have a size of their own, and the next three are set. */
  in_proj_weight: Parameter | null;
  q_proj_weight: Parameter | null;
  k_proj_weight: Parameter | null;
  v_proj_weight: Parameter | null;
  in_proj_bias: Parameter | null;
  bias_k: Parameter | null;
  bias_v: Parameter | null;
  out_proj: NonDynamicallyQuantizableLinear;

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    const { dropout, bias, addBiasKv, addZeroAttn, kdim, vdim, batchFirst, ...factory } = withDefaults(
      'MultiheadAttention',
      DEFAULTS,
      options,
    );
    checkSizes({ embedDim, numHeads, kdim: kdim ?? embedDim, vdim: vdim ?? embedDim }, 1);
    if (embedDim % numHeads !== 0) throw expected(`a divisor of ${embedDim}`, 'numHeads', numHeads);
    this.embedDim = embedDim;
    this.kdim = kdim ?? embedDim;
    this.vdim = vdim ?? embedDim;
    this.numHeads = numHeads;
    this.dropout = dropout;
    this.batchFirst = batchFirst;
    this.addZeroAttn = addZeroAttn;
    const isPacked = this.kdim === embedDim && this.vdim === embedDim;
    const separate = (size: number): Parameter | null =>
      isPacked ? null : emptyParameter([embedDim, size], factory);
    this.q_proj_weight = separate(embedDim);
    this.k_proj_weight = separate(this.kdim);
    this.v_proj_weight = separate(this.vdim);
    this.in_proj_weight = isPacked ? emptyParameter([3 * embedDim, embedDim], factory) : null;
    this.in_proj_bias = bias ? emptyParameter([3 * embedDim], factory) : null;
    this.out_proj = new NonDynamicallyQuantizableLinear(embedDim, embedDim, { bias, ...factory });
    this.bias_k = addBiasKv ? emptyParameter([1, 1, embedDim], factory) : null;
    this.bias_v = addBiasKv ? emptyParameter([1, 1, embedDim], factory) : null;
    this.resetParameters();
  }

  resetParameters(): void {
    const { in_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight, in_proj_bias, bias_k, bias_v } =
      this;
    for (const weight of [in_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight])
      weight && xavierUniform_(weight);
    if (in_proj_bias !== null) zeros_(in_proj_bias);
    if (in_proj_bias !== null && this.out_proj.bias !== null) zeros_(this.out_proj.bias);
    if (bias_k !== null) xavierNormal_(bias_k);
    if (bias_v !== null) xavierNormal_(bias_v);
  }

  /**
   * @param query `[L, N, E]` (`[N, L, E]` with batchFirst), or `[L, E]` without a batch
   * @param key `[S, N, kdim]`, laid out as the query
   * @param value `[S, N, vdim]`, laid out as the query
   * @returns the output, laid out as the query, and the weights `[N, L, S]` (`[N, H, L, S]` if not averaged) or null
   */
  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    call: AttentionCall = {},
  ): [output: Tensor, weights: Tensor | null] {
    const masks = {
      keyPaddingMask: additiveMask(call.keyPaddingMask ?? null, 'keyPaddingMask', query.dtype),
      attnMask: additiveMask(call.attnMask ?? null, 'attnMask', query.dtype),
    };
    if (canUseFastPath(this, query, key, value, call))
      return fastAttention(this, query, { ...call, ...masks });
    const isSwapped = this.batchFirst && query.ndim === 3;
    const [q, k, v] = isSwapped ? swapBatch(query, key, value) : [query, key, value];
    const { numHeads, addZeroAttn, dropout: dropoutP, training } = this;
    const how = { ...call, ...masks, numHeads, addZeroAttn, dropoutP, training };
    const [output, weights] = multiHeadAttentionForward(q, k, v, this, how);
    return [isSwapped ? output.transpose(1, 0) : output, weights];
  }
}

/** Steps first; what was one tensor stays one, so that it is projected at once. */
function swapBatch(query: Tensor, key: Tensor, value: Tensor): [Tensor, Tensor, Tensor] {
  const q = query.transpose(1, 0);
  if (key === value) {
    const k = query === key ? q : key.transpose(1, 0);
    return [q, k, k];
  }
  return [q, key.transpose(1, 0), value.transpose(1, 0)];
}
