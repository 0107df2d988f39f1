/** ELECTRA; Clark et al., 2020. */
import { gelu } from '../torch/nn/functional/activation.ts';
import { Linear } from '../torch/nn/layers/linear.ts';
import { LayerNorm } from '../torch/nn/layers/normalization.ts';
import { Module } from '../torch/nn/module.ts';
import type { FactoryOptions } from '../torch/nn/options.ts';
import type { Tensor } from '../torch/tensor.ts';
import { type ActivationFunction, activationOf } from './activations.ts';
import { attendedTokens, keyMask } from './attention.ts';
import { type BertConfig, electraConfig } from './bertConfig.ts';
import { BertEmbeddings, BertEncoder, FirstTokenHead } from './bertLayers.ts';
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

/** The encoder, of the discriminator as of the generator; without a pooler. */
export class ElectraModel extends Encoder {
  static configOf = electraConfig;
  readonly config: BertConfig;
  embeddings: BertEmbeddings;
  embeddings_project: Linear | null;
  encoder: BertEncoder;

  constructor(config: BertConfig, options: FactoryOptions = {}) {
    super();
    const { embeddingSize, hiddenSize } = config;
    this.config = config;
    this.embeddings = new BertEmbeddings(config, options);
    this.embeddings_project =
      embeddingSize === hiddenSize ? null : new Linear(embeddingSize, hiddenSize, options);
    this.encoder = new BertEncoder(config, options);
  }

  get baseModelPrefix(): string {
    return 'electra';
  }

  forward(call: EncoderCall): EncoderOutput {
    const embedded = this.embeddings.forward(call);
    const projected = this.embeddings_project?.forward(embedded) ?? embedded;
    const hiddenStates = this.encoder.forward(projected, keyMask(attendedTokens(call, this.training)));
    return { lastHiddenState: hiddenStates.at(-1)!, ...(call.outputHiddenStates && { hiddenStates }) };
  }
}

class ElectraDiscriminatorPredictions extends Module {
  dense: Linear;
  dense_prediction: Linear;
  readonly activation: ActivationFunction;

  constructor({ hiddenSize, hiddenAct }: BertConfig, options: FactoryOptions) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize, options);
    this.dense_prediction = new Linear(hiddenSize, 1, options);
    this.activation = activationOf(hiddenAct);
  }

  forward(x: Tensor): Tensor {
    return this.dense_prediction.forward(this.activation(this.dense.forward(x))).squeeze(-1);
  }
}

/** The discriminator: whether each token was put in the place of another, logits `[N, L]`. */
export class ElectraForPreTraining extends ModelWithHead<ElectraModel> {
  static configOf = electraConfig;
  discriminator_predictions: ElectraDiscriminatorPredictions;

  constructor(config: BertConfig, options: FactoryOptions = {}) {
    super(new ElectraModel(config, options));
    this.discriminator_predictions = new ElectraDiscriminatorPredictions(config, options);
  }

  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    return withLogits(output, this.discriminator_predictions.forward(output.lastHiddenState));
  }
}

class ElectraGeneratorPredictions extends Module {
  LayerNorm: LayerNorm;
  dense: Linear;

  constructor({ hiddenSize, embeddingSize, layerNormEps: eps }: BertConfig, options: FactoryOptions) {
    super();
    this.LayerNorm = new LayerNorm(embeddingSize, { eps, ...options });
    this.dense = new Linear(hiddenSize, embeddingSize, options);
  }

  forward(x: Tensor): Tensor {
    return this.LayerNorm.forward(gelu(this.dense.forward(x)));
  }
}

/** Scores of words at each place, `[N, L, V]`; the decoder's weight is the table of word embeddings. */
export class ElectraForMaskedLM extends ModelWithHead<ElectraModel> {
  static configOf = electraConfig;
  generator_predictions: ElectraGeneratorPredictions;
  generator_lm_head: Linear;

  constructor(config: BertConfig, options: FactoryOptions = {}) {
    super(new ElectraModel(config, options));
    this.generator_predictions = new ElectraGeneratorPredictions(config, options);
    this.generator_lm_head = new Linear(config.embeddingSize, config.vocabSize, options);
  }

  override get tiedWeights(): ReadonlyMap<string, string> {
    if (!this.config.tieWordEmbeddings) return new Map();
    return new Map([['generator_lm_head.weight', 'electra.embeddings.word_embeddings.weight']]);
  }

  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    const predictions = this.generator_predictions.forward(output.lastHiddenState);
    return withLogits(output, this.generator_lm_head.forward(predictions));
  }
}

/** A label or a score of each text from its first token: logits `[N, labels]`. */
export class ElectraForSequenceClassification extends ModelWithHead<ElectraModel> {
  static configOf = electraConfig;
  classifier: FirstTokenHead;

  constructor(config: BertConfig, options: FactoryOptions = {}) {
    super(new ElectraModel(config, options));
    this.classifier = new FirstTokenHead(config, gelu, options);
  }

  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    return withLogits(output, this.classifier.forward(output.lastHiddenState));
  }
}

/** A label of each token: logits `[N, L, labels]`. */
export class ElectraForTokenClassification extends TokenClassifier<ElectraModel> {
  static configOf = electraConfig;

  constructor(config: BertConfig, options: FactoryOptions = {}) {
    super(new ElectraModel(config, options), config.classifierDropout, options);
  }
}
