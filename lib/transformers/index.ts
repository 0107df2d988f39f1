/**
 * `xpmir/transformers`: encoders read from a Hugging Face folder. Table of contents.
 *
 * @module xpmir/transformers
 */
export {
  AutoClass,
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from './auto.ts';
export {
  BertForMaskedLM,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
  type PoolingOptions,
} from './bert.ts';
export type { BertConfig } from './bertConfig.ts';
export { type ModelConfig, type RawConfig, readConfig } from './configuration.ts';
export {
  type DistilBertConfig,
  DistilBertForMaskedLM,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  DistilBertModel,
} from './distilbert.ts';
export {
  ElectraForMaskedLM,
  ElectraForPreTraining,
  ElectraForSequenceClassification,
  ElectraForTokenClassification,
  ElectraModel,
} from './electra.ts';
export type { PretrainedOptions, PretrainedReport } from './load.ts';
export {
  Encoder,
  type EncoderCall,
  type EncoderOutput,
  type LogitsOutput,
  ModelWithHead,
  PreTrainedModel,
} from './model.ts';
export {
  ModernBertForMaskedLM,
  ModernBertForSequenceClassification,
  ModernBertForTokenClassification,
  ModernBertModel,
} from './modernbert.ts';
export type { LayerType, ModernBertConfig } from './modernbertConfig.ts';
export { CrossEncoder, Pretrained, PretrainedEncoder, PretrainedMaskedLM } from './pretrained.ts';
export {
  RobertaForMaskedLM,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
  RobertaModel,
} from './roberta.ts';
export type { SaveOptions } from './save.ts';
export { type FolderTensor, OpenWeights, openWeights } from './weights.ts';
