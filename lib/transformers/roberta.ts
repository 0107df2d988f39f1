/** RoBERTa; Liu et al., 2019. XLM-RoBERTa, Conneau et al., 2020, has the same layers. */
import { gelu, tanh } from '../torch/nn/functional/activation.ts';
import { Linear } from '../torch/nn/layers/linear.ts';
import { LayerNorm } from '../torch/nn/layers/normalization.ts';
import { Module } from '../torch/nn/module.ts';
import type { FactoryOptions } from '../torch/nn/options.ts';
import { emptyParameter, type Parameter } from '../torch/nn/parameter.ts';
import type { Tensor } from '../torch/tensor.ts';
import { attendedTokens, keyMask } from './attention.ts';
import type { PoolingOptions } from './bert.ts';
import { type BertConfig, robertaConfig } from './bertConfig.ts';
import { BertEmbeddings, BertEncoder, BertPooler, FirstTokenHead } from './bertLayers.ts';
import { placesBehindPadding } from './inputs.ts';
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

type RobertaConfig = ReturnType<typeof robertaConfig>;

/** The encoder, and its pooler. Places are counted from behind the padding token's number, and padding has none. */
export class RobertaModel extends Encoder {
  static configOf = robertaConfig;
  readonly config: RobertaConfig;
  embeddings: BertEmbeddings;
  encoder: BertEncoder;
  pooler: BertPooler | null;

  constructor(config: RobertaConfig, { addPoolingLayer = true, ...options }: PoolingOptions = {}) {
    super();
    this.config = config;
    this.embeddings = new BertEmbeddings(config, options, config.padTokenId + 1);
    this.encoder = new BertEncoder(config, options);
    this.pooler = addPoolingLayer ? new BertPooler(config, options) : null;
  }

  get baseModelPrefix(): string {
    return 'roberta';
  }

  forward(call: EncoderCall): EncoderOutput {
    const embedded = this.embeddings.forward(call, (each) =>
      placesBehindPadding(each, this.config.padTokenId),
    );
    const hiddenStates = this.encoder.forward(embedded, keyMask(attendedTokens(call, this.training)));
    const lastHiddenState = hiddenStates.at(-1)!;
    return {
      lastHiddenState,
      ...(this.pooler && { poolerOutput: this.pooler.forward(lastHiddenState) }),
      ...(call.outputHiddenStates && { hiddenStates }),
    };
  }
}

class RobertaLMHead extends Module {
  bias: Parameter;
  dense: Linear;
  layer_norm: LayerNorm;
  decoder: Linear;

  constructor({ hiddenSize, vocabSize, layerNormEps: eps }: BertConfig, options: FactoryOptions) {
    super();
    this.bias = emptyParameter([vocabSize], options);
    this.dense = new Linear(hiddenSize, hiddenSize, options);
    this.layer_norm = new LayerNorm(hiddenSize, { eps, ...options });
    this.decoder = new Linear(hiddenSize, vocabSize, options);
  }

  forward(x: Tensor): Tensor {
    return this.decoder.forward(this.layer_norm.forward(gelu(this.dense.forward(x))));
  }
}

/** Scores of words at each place, `[N, L, V]`; the decoder's weight is the table of word embeddings. */
export class RobertaForMaskedLM extends ModelWithHead<RobertaModel> {
  static configOf = robertaConfig;
  lm_head: RobertaLMHead;

  constructor(config: RobertaConfig, options: FactoryOptions = {}) {
    super(new RobertaModel(config, { addPoolingLayer: false, ...options }));
    this.lm_head = new RobertaLMHead(config, options);
  }

  override get tiedWeights(): ReadonlyMap<string, string> {
    if (!this.config.tieWordEmbeddings) return new Map();
    return new Map([
      ['lm_head.decoder.weight', 'roberta.embeddings.word_embeddings.weight'],
      ['lm_head.decoder.bias', 'lm_head.bias'],
    ]);
  }

  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    return withLogits(output, this.lm_head.forward(output.lastHiddenState));
  }
}

/** A label or a score of each text from its first token: logits `[N, labels]`. */
export class RobertaForSequenceClassification extends ModelWithHead<RobertaModel> {
  static configOf = robertaConfig;
  classifier: FirstTokenHead;

  constructor(config: RobertaConfig, options: FactoryOptions = {}) {
    super(new RobertaModel(config, { addPoolingLayer: false, ...options }));
    this.classifier = new FirstTokenHead(config, tanh, options);
  }

  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    return withLogits(output, this.classifier.forward(output.lastHiddenState));
  }
}

/** A label of each token: logits `[N, L, labels]`. */
export class RobertaForTokenClassification extends TokenClassifier<RobertaModel> {
  static configOf = robertaConfig;

  constructor(config: RobertaConfig, options: FactoryOptions = {}) {
    super(
      new RobertaModel(config, { addPoolingLayer: false, ...options }),
      config.classifierDropout,
      options,
    );
  }
}
