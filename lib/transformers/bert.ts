/** BERT; Devlin et al., 2019. MiniLM and its like are BERT. */
import { Dropout } from '../torch/nn/layers/dropout.ts';
import { Linear } from '../torch/nn/layers/linear.ts';
import { LayerNorm } from '../torch/nn/layers/normalization.ts';
import { Module } from '../torch/nn/module.ts';
import type { FactoryOptions } from '../torch/nn/options.ts';
import { emptyParameter, type Parameter } from '../torch/nn/parameter.ts';
import type { Tensor } from '../torch/tensor.ts';
import { type ActivationFunction, activationOf } from './activations.ts';
import { attendedTokens, keyMask } from './attention.ts';
import { type BertConfig, bertConfig } from './bertConfig.ts';
import { BertEmbeddings, BertEncoder, BertPooler } from './bertLayers.ts';
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

/** An option of the encoders that have a pooler. */
export interface PoolingOptions extends FactoryOptions {
  /** Whether the model has one (true). */
  readonly addPoolingLayer?: boolean;
}

/** The encoder, and its pooler. */
export class BertModel extends Encoder {
  static configOf = bertConfig;
  readonly config: BertConfig;
  embeddings: BertEmbeddings;
  encoder: BertEncoder;
  pooler: BertPooler | null;

  constructor(config: BertConfig, { addPoolingLayer = true, ...options }: PoolingOptions = {}) {
    super();
    this.config = config;
    this.embeddings = new BertEmbeddings(config, options);
    this.encoder = new BertEncoder(config, options);
    this.pooler = addPoolingLayer ? new BertPooler(config, options) : null;
  }

  get baseModelPrefix(): string {
    return 'bert';
  }

  forward(call: EncoderCall): EncoderOutput {
    const embedded = this.embeddings.forward(call);
    const hiddenStates = this.encoder.forward(embedded, keyMask(attendedTokens(call, this.training)));
    const lastHiddenState = hiddenStates.at(-1)!;
    return {
      lastHiddenState,
      ...(this.pooler && { poolerOutput: this.pooler.forward(lastHiddenState) }),
      ...(call.outputHiddenStates && { hiddenStates }),
    };
  }
}

class BertPredictionHeadTransform extends Module {
  dense: Linear;
  LayerNorm: LayerNorm;
  readonly activation: ActivationFunction;

  constructor({ hiddenSize, hiddenAct, layerNormEps: eps }: BertConfig, options: FactoryOptions) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize, options);
    this.LayerNorm = new LayerNorm(hiddenSize, { eps, ...options });
    this.activation = activationOf(hiddenAct);
  }

  forward(x: Tensor): Tensor {
    return this.LayerNorm.forward(this.activation(this.dense.forward(x)));
  }
}

class BertLMPredictionHead extends Module {
  bias: Parameter;
  transform: BertPredictionHeadTransform;
  decoder: Linear;

  constructor(config: BertConfig, options: FactoryOptions) {
    super();
    this.bias = emptyParameter([config.vocabSize], options);
    this.transform = new BertPredictionHeadTransform(config, options);
    this.decoder = new Linear(config.hiddenSize, config.vocabSize, options);
  }

  forward(x: Tensor): Tensor {
    return this.decoder.forward(this.transform.forward(x));
  }
}

class BertOnlyMLMHead extends Module {
  predictions: BertLMPredictionHead;

  constructor(config: BertConfig, options: FactoryOptions) {
    super();
    this.predictions = new BertLMPredictionHead(config, options);
  }

  forward(x: Tensor): Tensor {
    return this.predictions.forward(x);
  }
}

/** Scores of words at each place, `[N, L, V]`; the decoder's weight is the table of word embeddings. */
export class BertForMaskedLM extends ModelWithHead<BertModel> {
  static configOf = bertConfig;
  cls: BertOnlyMLMHead;

  constructor(config: BertConfig, options: FactoryOptions = {}) {
    super(new BertModel(config, { addPoolingLayer: false, ...options }));
    this.cls = new BertOnlyMLMHead(config, options);
  }

  override get tiedWeights(): ReadonlyMap<string, string> {
    if (!this.config.tieWordEmbeddings) return new Map();
    return new Map([
      ['cls.predictions.decoder.weight', 'bert.embeddings.word_embeddings.weight'],
      ['cls.predictions.decoder.bias', 'cls.predictions.bias'],
    ]);
  }

  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    return withLogits(output, this.cls.forward(output.lastHiddenState));
  }
}

/** A label or a score of each text from its pooled first token: logits `[N, labels]`. */
export class BertForSequenceClassification extends ModelWithHead<BertModel> {
  static configOf = bertConfig;
  readonly dropout: Dropout;
  classifier: Linear;

  constructor(config: BertConfig, options: FactoryOptions = {}) {
    super(new BertModel(config, options));
    this.dropout = new Dropout(config.classifierDropout);
    this.classifier = new Linear(config.hiddenSize, config.numLabels, options);
  }

  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    return withLogits(output, this.classifier.forward(this.dropout.forward(output.poolerOutput!)));
  }
}

/** A label of each token: logits `[N, L, labels]`. */
export class BertForTokenClassification extends TokenClassifier<BertModel> {
  static configOf = bertConfig;

  constructor(config: BertConfig, options: FactoryOptions = {}) {
    super(new BertModel(config, { addPoolingLayer: false, ...options }), config.classifierDropout, options);
  }
}
