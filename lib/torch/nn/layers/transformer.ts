import { expected } from '../../../errors.ts';
import { ops } from '../../ops.ts';
import type { Tensor } from '../../tensor.ts';
import { deepcopy } from '../deepcopy.ts';
import { gelu, relu } from '../functional/activation.ts';
import { additiveMask, isCausalMask } from '../functional/masks.ts';
import { Module } from '../module.ts';
import { FACTORY, type FactoryOptions, withDefaults } from '../options.ts';
import { GELU, ReLU } from './activation.ts';
import { MultiheadAttention } from './attention.ts';
import { mergeMasks, needsGraph } from './attentionFastPath.ts';
import { type Layer, ModuleList } from './containers.ts';
import { Dropout } from './dropout.ts';
import { Linear } from './linear.ts';
import { LayerNorm } from './normalization.ts';

// Shapes: N batch, L length, E embedding (dModel), H heads. Sequences are [L, N, E], or [N, L, E] with batchFirst.

/** What the feed-forward block applies between its layers. */
export type Activation = 'relu' | 'gelu' | Layer | ((input: Tensor) => Tensor);

export interface TransformerEncoderLayerOptions extends FactoryOptions {
  /** Width of the feed-forward block (2048). */
  readonly dimFeedforward?: number;
  /** Dropout of the attention weights and of each block (0.1). */
  readonly dropout?: number;
  /** 'relu' unless told otherwise. */
  readonly activation?: Activation;
  /** Added to the variance in the layer norms (1e-5). */
  readonly layerNormEps?: number;
  /** Whether the batch is the first dimension (false). */
  readonly batchFirst?: boolean;
  /** Normalize before each block instead of after it (false). */
  readonly normFirst?: boolean;
  /** Whether to learn biases (true). */
  readonly bias?: boolean;
}

export interface EncoderLayerCall {
  /** `[L, L]` or `[N H, L, L]`; bool (true: may not attend) or added to the scores. */
  readonly srcMask?: Tensor | null;
  /** Positions to ignore: `[N, L]`; bool (true: ignore) or added to the scores. */
  readonly srcKeyPaddingMask?: Tensor | null;
  /** A promise that `srcMask` is the causal mask (false). */
  readonly isCausal?: boolean;
}

const DEFAULTS = {
  ...{
    dimFeedforward: 2048,
    dropout: 0.1,
    layerNormEps: 1e-5,
    batchFirst: false,
    normFirst: false,
    bias: true,
  },
  activation: 'relu' as Activation,
  ...FACTORY,
};

/** Self-attention and a feed-forward block, each with a residual and a layer norm; Vaswani et al., 2017. */
export class TransformerEncoderLayer extends Module {
  readonly normFirst: boolean;
  self_attn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  readonly activation: Layer | ((input: Tensor) => Tensor);

  constructor(dModel: number, nhead: number, options: TransformerEncoderLayerOptions = {}) {
    super();
    const {
      dimFeedforward,
      dropout,
      activation,
      layerNormEps: eps,
      batchFirst,
      normFirst,
      bias,
      ...factory
    } = withDefaults('TransformerEncoderLayer', DEFAULTS, options);
    this.normFirst = normFirst;
    this.self_attn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst, ...factory });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, ...factory });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, ...factory });
    this.norm1 = new LayerNorm(dModel, { eps, bias, ...factory });
    this.norm2 = new LayerNorm(dModel, { eps, bias, ...factory });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.activation = toActivation(activation);
  }

  /** `[L, N, E]` to `[L, N, E]`, or without N; batch first as told. */
  forward(
    src: Tensor,
    { srcMask = null, srcKeyPaddingMask = null, isCausal = false }: EncoderLayerCall = {},
  ): Tensor {
    const padding = additiveMask(srcKeyPaddingMask, 'srcKeyPaddingMask', src.dtype);
    const mask = additiveMask(srcMask, 'srcMask', src.dtype);
    if (canFuse(this, src)) return fused(this, src, mask, padding);
    const attend = (x: Tensor): Tensor => {
      const masks = { attnMask: mask, keyPaddingMask: padding };
      return this.dropout1.forward(
        this.self_attn.forward(x, x, x, { ...masks, needWeights: false, isCausal })[0],
      );
    };
    const feedForward = (x: Tensor): Tensor => {
      const hidden = this.dropout.forward(activate(this.activation, this.linear1.forward(x)));
      return this.dropout2.forward(this.linear2.forward(hidden));
    };
    if (this.normFirst) {
      const x = src.add(attend(this.norm1.forward(src)));
      return x.add(feedForward(this.norm2.forward(x)));
    }
    const x = this.norm1.forward(src.add(attend(src)));
    return this.norm2.forward(x.add(feedForward(x)));
  }
}

export interface EncoderCall {
  /** `[L, L]` or `[N H, L, L]`; bool (true: may not attend) or added to the scores. */
  readonly mask?: Tensor | null;
  /** Positions to ignore: `[N, L]`; bool (true: ignore) or added to the scores. */
  readonly srcKeyPaddingMask?: Tensor | null;
  /** Whether `mask` is the causal mask; found out by comparing unless given. */
  readonly isCausal?: boolean | null;
}

/**
 * A stack of copies of one layer, which all start from its weights. Ignored positions are computed as the others are:
 * PyTorch's nested tensors, which make them zero in evaluation, are not used.
 */
export class TransformerEncoder extends Module {
  layers: ModuleList<TransformerEncoderLayer>;
  readonly numLayers: number;
  norm: Layer | null;

  /** @param norm applied to the last layer's output; null, the default, is none */
  constructor(
    encoderLayer: TransformerEncoderLayer,
    numLayers: number,
    { norm = null }: { readonly norm?: Layer | null } = {},
  ) {
    super();
    if (!(encoderLayer instanceof Module))
      throw expected('a TransformerEncoderLayer', 'encoderLayer', encoderLayer);
    if (!(Number.isInteger(numLayers) && numLayers >= 0))
      throw expected('a number of layers', 'numLayers', numLayers);
    this.layers = new ModuleList(Array.from({ length: numLayers }, () => deepcopy(encoderLayer)));
    this.numLayers = numLayers;
    this.norm = norm;
  }

  /** `[L, N, E]` to `[L, N, E]`, or without N; batch first as the layer is. */
  forward(src: Tensor, { mask = null, srcKeyPaddingMask = null, isCausal = null }: EncoderCall = {}): Tensor {
    const padding = additiveMask(srcKeyPaddingMask, 'srcKeyPaddingMask', src.dtype);
    const srcMask = additiveMask(mask, 'mask', src.dtype);
    const batchFirst = this.numLayers > 0 && this.layers.at(0).self_attn.batchFirst;
    const length = src.shape[src.ndim === 3 && batchFirst ? 1 : 0]!;
    const call = { srcMask, srcKeyPaddingMask: padding, isCausal: isCausalMask(srcMask, isCausal, length) };
    let output = src;
    for (const layer of this.layers) output = layer.forward(output, call);
    return this.norm === null ? output : this.norm.forward(output);
  }
}

function toActivation(activation: Activation): Layer | ((input: Tensor) => Tensor) {
  if (activation === 'relu') return relu;
  if (activation === 'gelu') return gelu;
  if (typeof activation === 'function' || activation instanceof Module) return activation;
  throw expected("'relu', 'gelu', a function or a Module", 'activation', activation);
}

function activate(activation: Layer | ((input: Tensor) => Tensor), input: Tensor): Tensor {
  return activation instanceof Module ? activation.forward(input) : activation(input);
}

/** The activations that the fused operator knows. */
function fusedActivation({ activation }: TransformerEncoderLayer): 'relu' | 'gelu' | null {
  if (activation === relu || activation instanceof ReLU) return 'relu';
  return activation === gelu || activation instanceof GELU ? 'gelu' : null;
}

/** Every tensor of a layer, in the order of the fused operator: the input, attention, both norms, feed-forward. */
function tensorsOf(layer: TransformerEncoderLayer): (Tensor | null)[] {
  const { self_attn: attention, norm1, norm2, linear1, linear2 } = layer;
  const { in_proj_weight, in_proj_bias, out_proj } = attention;
  const modules = [out_proj, norm1, norm2, linear1, linear2];
  return [in_proj_weight, in_proj_bias, ...modules.flatMap(({ weight, bias }) => [weight, bias])];
}

/** Whether PyTorch would run the whole layer as one operator: in evaluation, without gradients, batch first. */
function canFuse(layer: TransformerEncoderLayer, src: Tensor): boolean {
  const { self_attn: attention, norm1, norm2 } = layer;
  if (layer.training || src.ndim !== 3 || !attention.batchFirst || attention.numHeads % 2 === 1) return false;
  if (norm1.eps !== norm2.eps || fusedActivation(layer) === null) return false;
  const tensors = tensorsOf(layer);
  return tensors.every((tensor) => tensor !== null) && !needsGraph([src, ...tensors]);
}

function fused(
  layer: TransformerEncoderLayer,
  src: Tensor,
  mask: Tensor | null,
  padding: Tensor | null,
): Tensor {
  const { embedDim, numHeads } = layer.self_attn;
  const [qkvWeight, qkvBias, outWeight, outBias, ...rest] = tensorsOf(layer) as Tensor[];
  const [merged, kind] = mergeMasks(mask, padding, src, numHeads);
  const useGelu = fusedActivation(layer) === 'gelu';
  const call = ops.aten._transformer_encoder_layer_fwd as (...args: unknown[]) => Tensor;
  const attention = [embedDim, numHeads, qkvWeight, qkvBias, outWeight, outBias];
  return call(src, ...attention, useGelu, layer.normFirst, layer.norm1.eps, ...rest, merged, kind);
}
