/** DistilBERT; Sanh et al., 2019. */
import { relu } from '../torch/nn/functional/activation.ts';
import { ModuleList } from '../torch/nn/layers/containers.ts';
import { Dropout } from '../torch/nn/layers/dropout.ts';
import { Embedding } from '../torch/nn/layers/embedding.ts';
import { Linear } from '../torch/nn/layers/linear.ts';
import { LayerNorm } from '../torch/nn/layers/normalization.ts';
import { Module } from '../torch/nn/module.ts';
import type { FactoryOptions } from '../torch/nn/options.ts';
import type { Tensor } from '../torch/tensor.ts';
import { type ActivationFunction, activationOf } from './activations.ts';
import { attend, attendedTokens, keyMask, splitHeads } from './attention.ts';
import { ConfigReader, checkHeads, type ModelConfig, type RawConfig } from './configuration.ts';
import { checkIds, placesInOrder, refuseTokenTypes } from './inputs.ts';
import {
  Encoder,
  type EncoderCall,
  type EncoderOutput,
  type LogitsOutput,
  ModelWithHead,
  TokenClassifier,
  withLogits,
} from './model.ts';

// Shapes: N texts, L tokens, E width of the hidden states, V vocabulary.

export interface DistilBertConfig extends ModelConfig {
  readonly dropout: number;
  readonly attentionDropout: number;
  /** Dropout before the classifier of texts. */
  readonly seqClassifDropout: number;
}

const EPS = 1e-12;

function configOf(raw: RawConfig): DistilBertConfig {
  const read = new ConfigReader(raw, ['distilbert']);
  const hiddenSize = read.int('dim', 768);
  const numAttentionHeads = read.int('n_heads', 12);
  checkHeads(hiddenSize, numAttentionHeads);
  return {
    raw,
    fields: read.fields,
    modelType: 'distilbert',
    vocabSize: read.int('vocab_size', 30522),
    hiddenSize,
    numHiddenLayers: read.layers('n_layers', 6),
    numAttentionHeads,
    intermediateSize: read.int('hidden_dim', 3072),
    hiddenAct: read.activation('activation'),
    dropout: read.probability('dropout', 0.1),
    attentionDropout: read.probability('attention_dropout', 0.1),
    seqClassifDropout: read.probability('seq_classif_dropout', 0.2),
    maxPositionEmbeddings: read.int('max_position_embeddings', 512),
    padTokenId: read.token('pad_token_id', 0),
    initializerRange: read.positive('initializer_range', 0.02),
    tieWordEmbeddings: read.boolean('tie_word_embeddings', true),
    numLabels: read.labels(),
  };
}

class Embeddings extends Module {
  word_embeddings: Embedding;
  position_embeddings: Embedding;
  LayerNorm: LayerNorm;
  readonly dropout: Dropout;

  constructor(config: DistilBertConfig, options: FactoryOptions) {
    super();
    const { vocabSize, hiddenSize, maxPositionEmbeddings, padTokenId: paddingIdx } = config;
    this.word_embeddings = new Embedding(vocabSize, hiddenSize, { paddingIdx, ...options });
    this.position_embeddings = new Embedding(maxPositionEmbeddings, hiddenSize, options);
    this.LayerNorm = new LayerNorm(hiddenSize, { eps: EPS, ...options });
    this.dropout = new Dropout(config.dropout);
  }

  forward(call: EncoderCall): Tensor {
    const places = this.position_embeddings.forward(call.positionIds ?? placesInOrder(call));
    const words = this.word_embeddings.forward(call.inputIds);
    return this.dropout.forward(this.LayerNorm.forward(words.add(places)));
  }
}

class DistilBertSelfAttention extends Module {
  q_lin: Linear;
  k_lin: Linear;
  v_lin: Linear;
  out_lin: Linear;
  readonly dropout: Dropout;
  readonly numHeads: number;

  constructor(
    { hiddenSize, numAttentionHeads, attentionDropout }: DistilBertConfig,
    options: FactoryOptions,
  ) {
    super();
    this.q_lin = new Linear(hiddenSize, hiddenSize, options);
    this.k_lin = new Linear(hiddenSize, hiddenSize, options);
    this.v_lin = new Linear(hiddenSize, hiddenSize, options);
    this.out_lin = new Linear(hiddenSize, hiddenSize, options);
    this.dropout = new Dropout(attentionDropout);
    this.numHeads = numAttentionHeads;
  }

  forward(x: Tensor, mask: Tensor | null): Tensor {
    const [query, key, value] = [this.q_lin, this.k_lin, this.v_lin].map((layer) =>
      splitHeads(layer.forward(x), this.numHeads),
    ) as [Tensor, Tensor, Tensor];
    return this.out_lin.forward(attend(query, key, value, mask, this.training ? this.dropout.p : 0));
  }
}

class FFN extends Module {
  readonly dropout: Dropout;
  lin1: Linear;
  lin2: Linear;
  readonly activation: ActivationFunction;

  constructor(
    { hiddenSize, intermediateSize, dropout, hiddenAct }: DistilBertConfig,
    options: FactoryOptions,
  ) {
    super();
    this.dropout = new Dropout(dropout);
    this.lin1 = new Linear(hiddenSize, intermediateSize, options);
    this.lin2 = new Linear(intermediateSize, hiddenSize, options);
    this.activation = activationOf(hiddenAct);
  }

  forward(x: Tensor): Tensor {
    return this.dropout.forward(this.lin2.forward(this.activation(this.lin1.forward(x))));
  }
}

class TransformerBlock extends Module {
  attention: DistilBertSelfAttention;
  sa_layer_norm: LayerNorm;
  ffn: FFN;
  output_layer_norm: LayerNorm;

  constructor(config: DistilBertConfig, options: FactoryOptions) {
    super();
    this.attention = new DistilBertSelfAttention(config, options);
    this.sa_layer_norm = new LayerNorm(config.hiddenSize, { eps: EPS, ...options });
    this.ffn = new FFN(config, options);
    this.output_layer_norm = new LayerNorm(config.hiddenSize, { eps: EPS, ...options });
  }

  forward(x: Tensor, mask: Tensor | null): Tensor {
    const attended = this.sa_layer_norm.forward(this.attention.forward(x, mask).add(x));
    return this.output_layer_norm.forward(this.ffn.forward(attended).add(attended));
  }
}

class Transformer extends Module {
  layer: ModuleList<TransformerBlock>;

  constructor(config: DistilBertConfig, options: FactoryOptions) {
    super();
    this.layer = new ModuleList(
      Array.from({ length: config.numHiddenLayers }, () => new TransformerBlock(config, options)),
    );
  }

  /** The input and the output of each layer, `[N, L, E]`. */
  forward(x: Tensor, mask: Tensor | null): Tensor[] {
    const states = [x];
    for (const layer of this.layer) states.push(layer.forward(states.at(-1)!, mask));
    return states;
  }
}

/** The encoder; it has no pooler. */
export class DistilBertModel extends Encoder {
  static configOf = configOf;
  readonly config: DistilBertConfig;
  embeddings: Embeddings;
  transformer: Transformer;

  constructor(config: DistilBertConfig, options: FactoryOptions = {}) {
    super();
    this.config = config;
    this.embeddings = new Embeddings(config, options);
    this.transformer = new Transformer(config, options);
  }

  get baseModelPrefix(): string {
    return 'distilbert';
  }

  forward(call: EncoderCall): EncoderOutput {
    checkIds(call, this.config.maxPositionEmbeddings);
    refuseTokenTypes(call, 'DistilBERT');
    const embedded = this.embeddings.forward(call);
    const hiddenStates = this.transformer.forward(embedded, keyMask(attendedTokens(call, this.training)));
    return { lastHiddenState: hiddenStates.at(-1)!, ...(call.outputHiddenStates && { hiddenStates }) };
  }
}

/** Scores of words at each place, `[N, L, V]`; the projector's weight is the table of word embeddings. */
export class DistilBertForMaskedLM extends ModelWithHead<DistilBertModel> {
  static configOf = configOf;
  vocab_transform: Linear;
  vocab_layer_norm: LayerNorm;
  vocab_projector: Linear;
  readonly activation: ActivationFunction;

  constructor(config: DistilBertConfig, options: FactoryOptions = {}) {
    super(new DistilBertModel(config, options));
    this.vocab_transform = new Linear(config.hiddenSize, config.hiddenSize, options);
    this.vocab_layer_norm = new LayerNorm(config.hiddenSize, { eps: EPS, ...options });
    this.vocab_projector = new Linear(config.hiddenSize, config.vocabSize, options);
    this.activation = activationOf(config.hiddenAct);
  }

  override get tiedWeights(): ReadonlyMap<string, string> {
    if (!this.config.tieWordEmbeddings) return new Map();
    return new Map([['vocab_projector.weight', 'distilbert.embeddings.word_embeddings.weight']]);
  }

  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    const hidden = this.activation(this.vocab_transform.forward(output.lastHiddenState));
    return withLogits(output, this.vocab_projector.forward(this.vocab_layer_norm.forward(hidden)));
  }
}

/** A label or a score of each text from its first token: logits `[N, labels]`. */
export class DistilBertForSequenceClassification extends ModelWithHead<DistilBertModel> {
  static configOf = configOf;
  pre_classifier: Linear;
  classifier: Linear;
  readonly dropout: Dropout;

  constructor(config: DistilBertConfig, options: FactoryOptions = {}) {
    super(new DistilBertModel(config, options));
    this.pre_classifier = new Linear(config.hiddenSize, config.hiddenSize, options);
    this.classifier = new Linear(config.hiddenSize, config.numLabels, options);
    this.dropout = new Dropout(config.seqClassifDropout);
  }

  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    const hidden = relu(this.pre_classifier.forward(output.lastHiddenState.select(1, 0)));
    return withLogits(output, this.classifier.forward(this.dropout.forward(hidden)));
  }
}

/** A label of each token: logits `[N, L, labels]`. */
export class DistilBertForTokenClassification extends TokenClassifier<DistilBertModel> {
  static configOf = configOf;

  constructor(config: DistilBertConfig, options: FactoryOptions = {}) {
    super(new DistilBertModel(config, options), config.dropout, options);
  }
}
