import { expected } from '../errors.ts';
import { isPlainObject } from '../plainObject.ts';
import type { ActivationName } from './activations.ts';
import { ConfigReader, checkHeads, type ModelConfig, type RawConfig } from './configuration.ts';

const KINDS = ['full_attention', 'sliding_attention'] as const;
/** Whether a layer sees the whole text, or a window around each token. */
export type LayerType = (typeof KINDS)[number];

export interface ModernBertConfig extends ModelConfig {
  readonly normEps: number;
  readonly normBias: boolean;
  readonly attentionBias: boolean;
  readonly mlpBias: boolean;
  readonly decoderBias: boolean;
  readonly classifierBias: boolean;
  readonly attentionDropout: number;
  readonly embeddingDropout: number;
  readonly mlpDropout: number;
  readonly classifierDropout: number;
  readonly classifierActivation: ActivationName;
  /** What a text's classifier sees: the first token, or the mean of those that are attended to. */
  readonly classifierPooling: 'cls' | 'mean';
  readonly layerTypes: readonly LayerType[];
  /** How many tokens on either side a token sees in layers with a window. */
  readonly slidingWindow: number;
  /** Base of the wavelengths of places, for each type of layer. */
  readonly ropeTheta: Readonly<Record<LayerType, number>>;
  /** Draws are cut off beyond so many standard deviations. */
  readonly initializerCutoffFactor: number;
}

export function modernBertConfig(raw: RawConfig): ModernBertConfig {
  const read = new ConfigReader(raw, ['modernbert']);
  for (const name of ['layer_types', 'rope_parameters']) read.fields.add(name);
  for (const name of ['rope_scaling', 'head_dim', 'partial_rotary_factor']) {
    if ((raw[name] ?? undefined) !== undefined) throw expected('none, which is supported,', name, raw[name]);
  }
  const hiddenSize = read.int('hidden_size', 768);
  const numAttentionHeads = read.int('num_attention_heads', 12);
  checkHeads(hiddenSize, numAttentionHeads);
  if ((hiddenSize / numAttentionHeads) % 2 !== 0)
    throw expected('heads of an even width', 'num_attention_heads', numAttentionHeads);
  const numHiddenLayers = read.layers('num_hidden_layers', 22);
  return {
    raw,
    fields: read.fields,
    modelType: 'modernbert',
    vocabSize: read.int('vocab_size', 50368),
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads,
    intermediateSize: read.int('intermediate_size', 1152),
    hiddenAct: read.activation('hidden_activation'),
    maxPositionEmbeddings: read.int('max_position_embeddings', 8192),
    padTokenId: read.token('pad_token_id', 50283),
    initializerRange: read.positive('initializer_range', 0.02),
    initializerCutoffFactor: read.positive('initializer_cutoff_factor', 2),
    tieWordEmbeddings: read.boolean('tie_word_embeddings', true),
    numLabels: read.labels(),
    normEps: read.positive('norm_eps', 1e-5),
    normBias: read.boolean('norm_bias', false),
    attentionBias: read.boolean('attention_bias', false),
    mlpBias: read.boolean('mlp_bias', false),
    decoderBias: read.boolean('decoder_bias', true),
    classifierBias: read.boolean('classifier_bias', false),
    attentionDropout: read.probability('attention_dropout', 0),
    embeddingDropout: read.probability('embedding_dropout', 0),
    mlpDropout: read.probability('mlp_dropout', 0),
    classifierDropout: read.probability('classifier_dropout', 0),
    classifierActivation: read.activation('classifier_activation'),
    classifierPooling: read.oneOf('classifier_pooling', ['cls', 'mean'], 'cls'),
    layerTypes: layerTypes(read, numHiddenLayers),
    slidingWindow: Math.floor(read.int('local_attention', 128) / 2),
    ropeTheta: {
      full_attention: theta(read, 'full_attention', 'global_rope_theta', 160_000),
      sliding_attention: theta(read, 'sliding_attention', 'local_rope_theta', 10_000),
    },
  };
}

/** As listed; older files say instead that each so manieth layer, from the first on, sees all. */
function layerTypes(read: ConfigReader, layers: number): readonly LayerType[] {
  const { layer_types: listed } = read.raw;
  if ((listed ?? undefined) === undefined) {
    const every = read.int('global_attn_every_n_layers', 3);
    return Array.from({ length: layers }, (_, i) => (i % every === 0 ? KINDS[0] : KINDS[1]));
  }
  if (!Array.isArray(listed) || listed.length !== layers || !listed.every((each) => KINDS.includes(each)))
    throw expected(`${KINDS.join(' or ')} for each of ${layers} layers`, 'layer_types', listed);
  return listed as readonly LayerType[];
}

function theta(read: ConfigReader, type: LayerType, older: string, fallback: number): number {
  const { rope_parameters: all } = read.raw;
  const own = isPlainObject(all) ? all[type] : undefined;
  if (!isPlainObject(own)) return read.positive(older, fallback);
  const { rope_type: kind = 'default', rope_theta: given } = own;
  if (kind !== 'default') throw expected("'default', which is supported,", `rope_type of ${type}`, kind);
  if (given === undefined) return read.positive(older, fallback);
  if (!(typeof given === 'number' && given > 0))
    throw expected('a number above 0', `rope_theta of ${type}`, given);
  return given;
}
