/** The layers that BERT, RoBERTa and ELECTRA share, under the names that their parameters have in Python. */
import { F } from '../torch/functions.ts';
import { ModuleList } from '../torch/nn/layers/containers.ts';
import { Dropout } from '../torch/nn/layers/dropout.ts';
import { Embedding } from '../torch/nn/layers/embedding.ts';
import { Linear } from '../torch/nn/layers/linear.ts';
import { LayerNorm } from '../torch/nn/layers/normalization.ts';
import { Module } from '../torch/nn/module.ts';
import type { FactoryOptions } from '../torch/nn/options.ts';
import type { Tensor } from '../torch/tensor.ts';
import { type ActivationFunction, activationOf } from './activations.ts';
import { attend, splitHeads } from './attention.ts';
import type { BertConfig } from './bertConfig.ts';
import { checkIds, placesInOrder } from './inputs.ts';
import type { EncoderCall } from './model.ts';

// Shapes: N texts, L tokens, E width of the hidden states, H heads, D = E / H.

/** Where each token of a call is: `[N, L]` or `[1, L]`. */
export type Places = (call: EncoderCall) => Tensor;

/** Words, places and kinds of tokens, summed and normalized. */
export class BertEmbeddings extends Module {
  word_embeddings: Embedding;
  position_embeddings: Embedding;
  token_type_embeddings: Embedding;
  LayerNorm: LayerNorm;
  readonly dropout: Dropout;
  /** How many tokens a text has at most. */
  readonly longest: number;
  /** The token that is none of them. */
  readonly uncounted: number | null;

  /** @param firstPlace the place of the first token, before which there are none (0) */
  constructor(config: BertConfig, options: FactoryOptions, firstPlace = 0) {
    super();
    const { vocabSize, maxPositionEmbeddings, typeVocabSize, embeddingSize, padTokenId: paddingIdx } = config;
    const places = { ...options, ...(firstPlace === 0 ? {} : { paddingIdx }) };
    this.word_embeddings = new Embedding(vocabSize, embeddingSize, { paddingIdx, ...options });
    this.position_embeddings = new Embedding(maxPositionEmbeddings, embeddingSize, places);
    this.token_type_embeddings = new Embedding(typeVocabSize, embeddingSize, options);
    this.LayerNorm = new LayerNorm(embeddingSize, { eps: config.layerNormEps, ...options });
    this.dropout = new Dropout(config.hiddenDropoutProb);
    this.longest = maxPositionEmbeddings - firstPlace;
    this.uncounted = firstPlace === 0 ? null : paddingIdx;
  }

  /** Embeddings `[N, L, E]` of a call. */
  forward(call: EncoderCall, places: Places = placesInOrder): Tensor {
    checkIds(call, this.longest, this.uncounted);
    const { inputIds, tokenTypeIds = null, positionIds = null } = call;
    const kinds = tokenTypeIds ?? F.zeros(inputIds.shape, { dtype: 'int64', device: inputIds.device });
    const words = this.word_embeddings.forward(inputIds).add(this.token_type_embeddings.forward(kinds));
    const placed = words.add(this.position_embeddings.forward(positionIds ?? places(call)));
    return this.dropout.forward(this.LayerNorm.forward(placed));
  }
}

class BertSelfAttention extends Module {
  query: Linear;
  key: Linear;
  value: Linear;
  readonly dropout: Dropout;
  readonly numHeads: number;

  constructor(
    { hiddenSize, numAttentionHeads, attentionProbsDropoutProb }: BertConfig,
    options: FactoryOptions,
  ) {
    super();
    this.query = new Linear(hiddenSize, hiddenSize, options);
    this.key = new Linear(hiddenSize, hiddenSize, options);
    this.value = new Linear(hiddenSize, hiddenSize, options);
    this.dropout = new Dropout(attentionProbsDropoutProb);
    this.numHeads = numAttentionHeads;
  }

  forward(x: Tensor, mask: Tensor | null): Tensor {
    const [query, key, value] = [this.query, this.key, this.value].map((layer) =>
      splitHeads(layer.forward(x), this.numHeads),
    ) as [Tensor, Tensor, Tensor];
    return attend(query, key, value, mask, this.training ? this.dropout.p : 0);
  }
}

/** The end of a block: a layer, dropout, and the norm of the sum with what the block began with. */
class BertOutput extends Module {
  dense: Linear;
  LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(inFeatures: number, config: BertConfig, options: FactoryOptions) {
    super();
    this.dense = new Linear(inFeatures, config.hiddenSize, options);
    this.LayerNorm = new LayerNorm(config.hiddenSize, { eps: config.layerNormEps, ...options });
    this.dropout = new Dropout(config.hiddenDropoutProb);
  }

  forward(x: Tensor, residual: Tensor): Tensor {
    return this.LayerNorm.forward(this.dropout.forward(this.dense.forward(x)).add(residual));
  }
}

class BertAttention extends Module {
  self: BertSelfAttention;
  output: BertOutput;

  constructor(config: BertConfig, options: FactoryOptions) {
    super();
    this.self = new BertSelfAttention(config, options);
    this.output = new BertOutput(config.hiddenSize, config, options);
  }

  forward(x: Tensor, mask: Tensor | null): Tensor {
    return this.output.forward(this.self.forward(x, mask), x);
  }
}

/** A layer and the activation behind it. */
class BertIntermediate extends Module {
  dense: Linear;
  readonly activation: ActivationFunction;

  constructor({ hiddenSize, intermediateSize, hiddenAct }: BertConfig, options: FactoryOptions) {
    super();
    this.dense = new Linear(hiddenSize, intermediateSize, options);
    this.activation = activationOf(hiddenAct);
  }

  forward(x: Tensor): Tensor {
    return this.activation(this.dense.forward(x));
  }
}

class BertLayer extends Module {
  attention: BertAttention;
  intermediate: BertIntermediate;
  output: BertOutput;

  constructor(config: BertConfig, options: FactoryOptions) {
    super();
    this.attention = new BertAttention(config, options);
    this.intermediate = new BertIntermediate(config, options);
    this.output = new BertOutput(config.intermediateSize, config, options);
  }

  forward(x: Tensor, mask: Tensor | null): Tensor {
    const attended = this.attention.forward(x, mask);
    return this.output.forward(this.intermediate.forward(attended), attended);
  }
}

/** The stack of layers. */
export class BertEncoder extends Module {
  layer: ModuleList<BertLayer>;

  constructor(config: BertConfig, options: FactoryOptions) {
    super();
    this.layer = new ModuleList(
      Array.from({ length: config.numHiddenLayers }, () => new BertLayer(config, options)),
    );
  }

  /** The input and the output of each layer, `[N, L, E]`. */
  forward(x: Tensor, mask: Tensor | null): Tensor[] {
    const states = [x];
    for (const layer of this.layer) states.push(layer.forward(states.at(-1)!, mask));
    return states;
  }
}

/** The first token through a layer and tanh: `[N, L, E]` to `[N, E]`. */
export class BertPooler extends Module {
  dense: Linear;

  constructor({ hiddenSize }: BertConfig, options: FactoryOptions) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize, options);
  }

  forward(states: Tensor): Tensor {
    return this.dense.forward(states.select(1, 0)).tanh();
  }
}

/** What classifies a text by its first token: `[N, L, E]` to `[N, labels]`. */
export class FirstTokenHead extends Module {
  dense: Linear;
  readonly dropout: Dropout;
  out_proj: Linear;
  readonly activation: ActivationFunction;

  constructor(
    { hiddenSize, classifierDropout, numLabels }: BertConfig,
    activation: ActivationFunction,
    options: FactoryOptions,
  ) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize, options);
    this.dropout = new Dropout(classifierDropout);
    this.out_proj = new Linear(hiddenSize, numLabels, options);
    this.activation = activation;
  }

  forward(states: Tensor): Tensor {
    const hidden = this.activation(this.dense.forward(this.dropout.forward(states.select(1, 0))));
    return this.out_proj.forward(this.dropout.forward(hidden));
  }
}
