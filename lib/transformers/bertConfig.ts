import { ConfigReader, checkHeads, type ModelConfig, type RawConfig } from './configuration.ts';

/** BERT (Devlin et al., 2019), RoBERTa (Liu et al., 2019), XLM-RoBERTa and ELECTRA (Clark et al., 2020). */
export interface BertConfig extends ModelConfig {
  /** Width of the embeddings, which ELECTRA projects to `hiddenSize` where they differ. */
  readonly embeddingSize: number;
  readonly hiddenDropoutProb: number;
  readonly attentionProbsDropoutProb: number;
  /** Dropout before a classifier. */
  readonly classifierDropout: number;
  readonly typeVocabSize: number;
  readonly layerNormEps: number;
}

interface Family {
  readonly types: readonly string[];
  readonly hiddenSize: number;
  readonly embeddingSize?: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  readonly padTokenId: number;
}

const BASE = { hiddenSize: 768, heads: 12, intermediateSize: 3072 } as const;
const BERT: Family = { types: ['bert'], ...BASE, vocabSize: 30522, padTokenId: 0 };
const ROBERTA: Family = { types: ['roberta', 'xlm-roberta'], ...BASE, vocabSize: 50265, padTokenId: 1 };
const ELECTRA: Family = {
  ...{ types: ['electra'], hiddenSize: 256, embeddingSize: 128, heads: 4, intermediateSize: 1024 },
  ...{ vocabSize: 30522, padTokenId: 0 },
};

export const bertConfig = (raw: RawConfig): BertConfig => configOf(raw, BERT);
export const electraConfig = (raw: RawConfig): BertConfig => configOf(raw, ELECTRA);

/** @throws ArgumentError without a padding token: places are counted from it. */
export function robertaConfig(raw: RawConfig): BertConfig & { readonly padTokenId: number } {
  const config = configOf(raw, ROBERTA);
  const padTokenId =
    config.padTokenId ?? new ConfigReader(raw, ROBERTA.types).int('pad_token_id', Number.NaN);
  return { ...config, padTokenId };
}

function configOf(raw: RawConfig, family: Family): BertConfig {
  const read = new ConfigReader(raw, family.types);
  const hiddenSize = read.int('hidden_size', family.hiddenSize);
  const numAttentionHeads = read.int('num_attention_heads', family.heads);
  checkHeads(hiddenSize, numAttentionHeads);
  const hiddenDropoutProb = read.probability('hidden_dropout_prob', 0.1);
  return {
    raw,
    fields: read.fields,
    modelType: raw.model_type as string,
    vocabSize: read.int('vocab_size', family.vocabSize),
    hiddenSize,
    embeddingSize:
      family.embeddingSize === undefined ? hiddenSize : read.int('embedding_size', family.embeddingSize),
    numHiddenLayers: read.layers('num_hidden_layers', 12),
    numAttentionHeads,
    intermediateSize: read.int('intermediate_size', family.intermediateSize),
    hiddenAct: read.activation('hidden_act'),
    hiddenDropoutProb,
    attentionProbsDropoutProb: read.probability('attention_probs_dropout_prob', 0.1),
    classifierDropout: read.probability('classifier_dropout', hiddenDropoutProb),
    maxPositionEmbeddings: read.int('max_position_embeddings', 512),
    typeVocabSize: read.int('type_vocab_size', 2),
    layerNormEps: read.positive('layer_norm_eps', 1e-12),
    padTokenId: read.token('pad_token_id', family.padTokenId),
    initializerRange: read.positive('initializer_range', 0.02),
    tieWordEmbeddings: read.boolean('tie_word_embeddings', true),
    numLabels: read.labels(),
  };
}
