/** ModernBERT; Warner et al., 2024: rotary places, gated feed-forward blocks, and layers that see a window of the text. */
import { F } from '../torch/functions.ts';
import { ones_, zeros_ } from '../torch/nn/init/fill.ts';
import { truncNormal_ } from '../torch/nn/init/truncated.ts';
import type { ModuleList } from '../torch/nn/layers/containers.ts';
import { Dropout } from '../torch/nn/layers/dropout.ts';
import { Linear } from '../torch/nn/layers/linear.ts';
import { LayerNorm } from '../torch/nn/layers/normalization.ts';
import type { Module } from '../torch/nn/module.ts';
import type { FactoryOptions } from '../torch/nn/options.ts';
import type { Parameter } from '../torch/nn/parameter.ts';
import type { Tensor } from '../torch/tensor.ts';
import { attendedTokens, keyMask, windowMask } from './attention.ts';
import { checkIds, placesInOrder, refuseTokenTypes } from './inputs.ts';
import {
  Encoder,
  type EncoderCall,
  type EncoderOutput,
  type LogitsOutput,
  ModelWithHead,
  withLogits,
} from './model.ts';
import { type ModernBertConfig, modernBertConfig } from './modernbertConfig.ts';
import {
  ModernBertEmbeddings,
  type ModernBertEncoderLayer,
  ModernBertPredictionHead,
  newLayers,
  norm,
  rotation,
} from './modernbertLayers.ts';

// Shapes: N texts, L tokens, E width of the hidden states, V vocabulary.

/** Draws from a normal distribution that is cut off, narrower at the end of a block, as Python does. */
function drawParameter(config: ModernBertConfig, path: string, module: Module, parameter: Parameter): void {
  if (path.endsWith('.bias')) zeros_(parameter);
  else if (module instanceof LayerNorm) ones_(parameter);
  else {
    const std = deviation(config, path);
    const bound = config.initializerCutoffFactor * std;
    truncNormal_(parameter, { mean: 0, std, a: -bound, b: bound });
  }
}

function deviation(
  { initializerRange, numHiddenLayers, hiddenSize }: ModernBertConfig,
  path: string,
): number {
  if (/(^|\.)classifier\./.test(path)) return hiddenSize ** -0.5;
  return /\.(Wo|dense)\.|(^|\.)decoder\./.test(path)
    ? initializerRange / Math.sqrt(2 * numHiddenLayers)
    : initializerRange;
}

/** The encoder; it has no pooler, and texts may be of any length. */
export class ModernBertModel extends Encoder {
  static configOf = modernBertConfig;
  readonly config: ModernBertConfig;
  embeddings: ModernBertEmbeddings;
  layers: ModuleList<ModernBertEncoderLayer>;
  final_norm: LayerNorm;

  constructor(config: ModernBertConfig, options: FactoryOptions = {}) {
    super();
    this.config = config;
    this.embeddings = new ModernBertEmbeddings(config, options);
    this.layers = newLayers(config, options);
    this.final_norm = norm(config, options);
  }

  get baseModelPrefix(): string {
    return 'model';
  }

  override initializeParameter(path: string, module: Module, parameter: Parameter): void {
    drawParameter(this.config, path, module, parameter);
  }

  forward(call: EncoderCall): EncoderOutput {
    checkIds(call, Number.POSITIVE_INFINITY);
    refuseTokenTypes(call, 'ModernBERT');
    const { hiddenSize, numAttentionHeads, ropeTheta, slidingWindow } = this.config;
    const attended = attendedTokens(call, this.training);
    const masks = {
      full_attention: keyMask(attended),
      sliding_attention: windowMask(call.inputIds, attended, slidingWindow),
    };
    const places = call.positionIds ?? placesInOrder(call);
    const depth = hiddenSize / numAttentionHeads;
    const rotations = {
      full_attention: rotation(places, depth, ropeTheta.full_attention),
      sliding_attention: rotation(places, depth, ropeTheta.sliding_attention),
    };
    const states = [this.embeddings.forward(call.inputIds)];
    for (const layer of this.layers)
      states.push(layer.forward(states.at(-1)!, rotations[layer.type], masks[layer.type]));
    const lastHiddenState = this.final_norm.forward(states.pop()!);
    return {
      lastHiddenState,
      ...(call.outputHiddenStates && { hiddenStates: [...states, lastHiddenState] }),
    };
  }
}

abstract class ModernBertWithHead extends ModelWithHead<ModernBertModel> {
  static configOf = modernBertConfig;
  head: ModernBertPredictionHead;

  constructor(config: ModernBertConfig, options: FactoryOptions) {
    super(new ModernBertModel(config, options));
    this.head = new ModernBertPredictionHead(config, options);
  }

  override initializeParameter(path: string, module: Module, parameter: Parameter): void {
    drawParameter(this.config, path, module, parameter);
  }
}

/** Scores of words at each place, `[N, L, V]`; the decoder's weight is the table of word embeddings. */
export class ModernBertForMaskedLM extends ModernBertWithHead {
  decoder: Linear;

  constructor(config: ModernBertConfig, options: FactoryOptions = {}) {
    super(config, options);
    this.decoder = new Linear(config.hiddenSize, config.vocabSize, { bias: config.decoderBias, ...options });
  }

  override get tiedWeights(): ReadonlyMap<string, string> {
    if (!this.config.tieWordEmbeddings) return new Map();
    return new Map([['decoder.weight', 'model.embeddings.tok_embeddings.weight']]);
  }

  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    return withLogits(output, this.decoder.forward(this.head.forward(output.lastHiddenState)));
  }
}

abstract class ModernBertClassifier extends ModernBertWithHead {
  readonly drop: Dropout;
  classifier: Linear;

  constructor(config: ModernBertConfig, options: FactoryOptions = {}) {
    super(config, options);
    this.drop = new Dropout(config.classifierDropout);
    this.classifier = new Linear(config.hiddenSize, config.numLabels, options);
  }

  protected classify(states: Tensor): Tensor {
    return this.classifier.forward(this.drop.forward(this.head.forward(states)));
  }
}

/** A label or a score of each text from its first token or the mean of its tokens: logits `[N, labels]`. */
export class ModernBertForSequenceClassification extends ModernBertClassifier {
  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    const { lastHiddenState: states } = output;
    const isMean = this.config.classifierPooling === 'mean';
    return withLogits(output, this.classify(isMean ? mean(states, call) : states.select(1, 0)));
  }
}

/** A label of each token: logits `[N, L, labels]`. */
export class ModernBertForTokenClassification extends ModernBertClassifier {
  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    return withLogits(output, this.classify(output.lastHiddenState));
  }
}

/** The mean of the tokens that are attended to: `[N, L, E]` to `[N, E]`. */
function mean(states: Tensor, { inputIds, attentionMask }: EncoderCall): Tensor {
  const mask = attentionMask ?? F.ones(inputIds.shape, { dtype: 'bool', device: inputIds.device });
  return states
    .mul(mask.unsqueeze(-1))
    .sum(1)
    .div(mask.sum(1, { keepdim: true }));
}
