/** The layers of ModernBERT, under the names that their parameters have in Python. */
import { F } from '../torch/functions.ts';
import { ModuleList } from '../torch/nn/layers/containers.ts';
import { Dropout } from '../torch/nn/layers/dropout.ts';
import { Embedding } from '../torch/nn/layers/embedding.ts';
import { Identity, Linear } from '../torch/nn/layers/linear.ts';
import { LayerNorm } from '../torch/nn/layers/normalization.ts';
import { Module } from '../torch/nn/module.ts';
import type { FactoryOptions } from '../torch/nn/options.ts';
import type { Tensor } from '../torch/tensor.ts';
import { type ActivationFunction, activationOf } from './activations.ts';
import { attend } from './attention.ts';
import type { LayerType, ModernBertConfig } from './modernbertConfig.ts';

// Shapes: N texts, L tokens, E width of the hidden states, H heads, D = E / H.

/** Cosines and sines by which queries and keys are turned, `[1, 1, L, D]` or `[N, 1, L, D]`. */
export type Rotation = readonly [cos: Tensor, sin: Tensor];

/**
 * The rotation of each place; Su et al., 2021.
 *
 * @param places `[1, L]` or `[N, L]`
 * @param depth D
 * @param theta base of the wavelengths
 */
export function rotation(places: Tensor, depth: number, theta: number): Rotation {
  const steps = F.arange(0, depth, 2, { dtype: 'float32', device: places.device }).div(depth);
  const frequencies = F.pow(theta, steps).reciprocal();
  const angles = places.to({ dtype: 'float32' }).unsqueeze(-1).mul(frequencies);
  const both = F.cat([angles, angles], -1).unsqueeze(1);
  return [both.cos(), both.sin()];
}

/** Turns `[N, H, L, D]`, in float32. */
function rotated(x: Tensor, [cos, sin]: Rotation): Tensor {
  const wide = x.to({ dtype: 'float32' });
  const [left, right] = wide.chunk(2, -1) as [Tensor, Tensor];
  const turned = wide.mul(cos).add(F.cat([right.neg(), left], -1).mul(sin));
  return turned.to({ dtype: x.dtype });
}

export class ModernBertEmbeddings extends Module {
  tok_embeddings: Embedding;
  norm: LayerNorm;
  readonly drop: Dropout;

  constructor(config: ModernBertConfig, options: FactoryOptions) {
    super();
    const { vocabSize, hiddenSize, padTokenId: paddingIdx } = config;
    this.tok_embeddings = new Embedding(vocabSize, hiddenSize, { paddingIdx, ...options });
    this.norm = norm(config, options);
    this.drop = new Dropout(config.embeddingDropout);
  }

  forward(ids: Tensor): Tensor {
    return this.drop.forward(this.norm.forward(this.tok_embeddings.forward(ids)));
  }
}

export function norm(
  { hiddenSize, normEps: eps, normBias: bias }: ModernBertConfig,
  options: FactoryOptions,
) {
  return new LayerNorm(hiddenSize, { eps, bias, ...options });
}

class ModernBertAttention extends Module {
  Wqkv: Linear;
  Wo: Linear;
  readonly out_drop: Dropout;
  readonly numHeads: number;

  constructor(config: ModernBertConfig, options: FactoryOptions) {
    super();
    const { hiddenSize, attentionBias: bias, attentionDropout } = config;
    this.Wqkv = new Linear(hiddenSize, 3 * hiddenSize, { bias, ...options });
    this.Wo = new Linear(hiddenSize, hiddenSize, { bias, ...options });
    this.out_drop = new Dropout(attentionDropout);
    this.numHeads = config.numAttentionHeads;
  }

  forward(x: Tensor, places: Rotation, mask: Tensor | null): Tensor {
    const [texts, length, width] = x.shape as [number, number, number];
    const projected = this.Wqkv.forward(x).view([texts, length, 3, this.numHeads, width / this.numHeads]);
    const [query, key, value] = projected.unbind(-3).map((each) => each.transpose(1, 2)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const dropout = this.training ? this.out_drop.p : 0;
    const attended = attend(rotated(query, places), rotated(key, places), value, mask, dropout);
    return this.out_drop.forward(this.Wo.forward(attended));
  }
}

/** A gated feed-forward block; Shazeer, 2020. */
class ModernBertMLP extends Module {
  Wi: Linear;
  Wo: Linear;
  readonly drop: Dropout;
  readonly activation: ActivationFunction;

  constructor(config: ModernBertConfig, options: FactoryOptions) {
    super();
    const { hiddenSize, intermediateSize, mlpBias: bias } = config;
    this.Wi = new Linear(hiddenSize, 2 * intermediateSize, { bias, ...options });
    this.Wo = new Linear(intermediateSize, hiddenSize, { bias, ...options });
    this.drop = new Dropout(config.mlpDropout);
    this.activation = activationOf(config.hiddenAct);
  }

  forward(x: Tensor): Tensor {
    const [input, gate] = this.Wi.forward(x).chunk(2, -1) as [Tensor, Tensor];
    return this.Wo.forward(this.drop.forward(this.activation(input).mul(gate)));
  }
}

export class ModernBertEncoderLayer extends Module {
  attn_norm: LayerNorm | Identity;
  attn: ModernBertAttention;
  mlp_norm: LayerNorm;
  mlp: ModernBertMLP;
  readonly type: LayerType;

  constructor(config: ModernBertConfig, index: number, options: FactoryOptions) {
    super();
    this.attn_norm = index === 0 ? new Identity() : norm(config, options);
    this.attn = new ModernBertAttention(config, options);
    this.mlp_norm = norm(config, options);
    this.mlp = new ModernBertMLP(config, options);
    this.type = config.layerTypes[index]!;
  }

  forward(x: Tensor, places: Rotation, mask: Tensor | null): Tensor {
    const attended = x.add(this.attn.forward(this.attn_norm.forward(x), places, mask));
    return attended.add(this.mlp.forward(this.mlp_norm.forward(attended)));
  }
}

export function newLayers(
  config: ModernBertConfig,
  options: FactoryOptions,
): ModuleList<ModernBertEncoderLayer> {
  return new ModuleList(
    config.layerTypes.map((_, index) => new ModernBertEncoderLayer(config, index, options)),
  );
}

/** What a head sees: a layer, an activation and a norm. */
export class ModernBertPredictionHead extends Module {
  dense: Linear;
  norm: LayerNorm;
  readonly activation: ActivationFunction;

  constructor(config: ModernBertConfig, options: FactoryOptions) {
    super();
    const { hiddenSize, classifierBias: bias } = config;
    this.dense = new Linear(hiddenSize, hiddenSize, { bias, ...options });
    this.norm = norm(config, options);
    this.activation = activationOf(config.classifierActivation);
  }

  forward(x: Tensor): Tensor {
    return this.norm.forward(this.activation(this.dense.forward(x)));
  }
}
