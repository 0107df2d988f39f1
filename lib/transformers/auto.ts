/** The class of a model by what its config.json says. */
import { expected } from '../errors.ts';
import type { Device, DType } from '../torch/dtype.ts';
import type { FactoryOptions } from '../torch/nn/options.ts';
import {
  BertForMaskedLM,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
} from './bert.ts';
import { type ModelConfig, type RawConfig, readConfig } from './configuration.ts';
import {
  DistilBertForMaskedLM,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  DistilBertModel,
} from './distilbert.ts';
import {
  ElectraForMaskedLM,
  ElectraForSequenceClassification,
  ElectraForTokenClassification,
  ElectraModel,
} from './electra.ts';
import { drawn, loaded, type PretrainedOptions } from './load.ts';
import type { Encoder, ModelClass, ModelWithHead, PreTrainedModel } from './model.ts';
import {
  ModernBertForMaskedLM,
  ModernBertForSequenceClassification,
  ModernBertForTokenClassification,
  ModernBertModel,
} from './modernbert.ts';
import {
  RobertaForMaskedLM,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
  RobertaModel,
} from './roberta.ts';

/** A class whose configuration is known to be its own. */
interface AnyModelClass<M extends PreTrainedModel> {
  new (config: never, options?: FactoryOptions): M;
  configOf(raw: RawConfig): ModelConfig;
  readonly name: string;
}

/** Makes models of one kind, of the family that a configuration names. */
export class AutoClass<M extends PreTrainedModel> {
  readonly #classes: ReadonlyMap<unknown, AnyModelClass<M>>;

  /** @param classes by `model_type` */
  constructor(classes: Readonly<Record<string, AnyModelClass<M>>>) {
    this.#classes = new Map(Object.entries(classes));
  }

  /** Reads a model from a folder; see `PreTrainedModel.fromPretrained`. */
  async fromPretrained(folder: string | URL, options: PretrainedOptions = {}): Promise<M> {
    return loaded(this.of(await readConfig(folder)), folder, options);
  }

  /** A model whose weights are drawn; see `PreTrainedModel.fromConfig`. */
  fromConfig(raw: RawConfig, options: { readonly dtype?: DType; readonly device?: Device } = {}): M {
    return drawn(this.of(raw), raw, options);
  }

  /** The class for a configuration. */
  of(raw: RawConfig): ModelClass<M> {
    const found = this.#classes.get(raw.model_type);
    if (found === undefined)
      throw expected(`one of ${[...this.#classes.keys()].join(', ')}`, 'model_type', raw.model_type);
    return found as never;
  }
}

/** Encoders. */
export const AutoModel = new AutoClass<Encoder>({
  bert: BertModel,
  roberta: RobertaModel,
  'xlm-roberta': RobertaModel,
  distilbert: DistilBertModel,
  electra: ElectraModel,
  modernbert: ModernBertModel,
});

/** Encoders with a head for masked words. */
export const AutoModelForMaskedLM = new AutoClass<ModelWithHead>({
  bert: BertForMaskedLM,
  roberta: RobertaForMaskedLM,
  'xlm-roberta': RobertaForMaskedLM,
  distilbert: DistilBertForMaskedLM,
  electra: ElectraForMaskedLM,
  modernbert: ModernBertForMaskedLM,
});

/** Encoders with a head for labels or scores of texts. */
export const AutoModelForSequenceClassification = new AutoClass<ModelWithHead>({
  bert: BertForSequenceClassification,
  roberta: RobertaForSequenceClassification,
  'xlm-roberta': RobertaForSequenceClassification,
  distilbert: DistilBertForSequenceClassification,
  electra: ElectraForSequenceClassification,
  modernbert: ModernBertForSequenceClassification,
});

/** Encoders with a head for labels of tokens. */
export const AutoModelForTokenClassification = new AutoClass<ModelWithHead>({
  bert: BertForTokenClassification,
  roberta: RobertaForTokenClassification,
  'xlm-roberta': RobertaForTokenClassification,
  distilbert: DistilBertForTokenClassification,
  electra: ElectraForTokenClassification,
  modernbert: ModernBertForTokenClassification,
});
