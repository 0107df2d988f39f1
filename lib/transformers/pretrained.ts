/** Models of a Hugging Face folder as configurations, for learners. */
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import { int, pathname, string } from '../experiment/types.ts';
import { Module, ModuleInitMode, type ModuleInitOptions } from '../learning/module.ts';
import type { Tensor } from '../torch/tensor.ts';
import {
  type AutoClass,
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
} from './auto.ts';
import { readConfig } from './configuration.ts';
import { configured, drawn, type PretrainedOptions, unset } from './load.ts';
import type { Encoder, EncoderCall, EncoderOutput, ModelWithHead, PreTrainedModel } from './model.ts';

/**
 * A model that is read from a folder when it is initialised.
 *
 * - `modelId`: names the weights in the identity, such as 'google-bert/bert-base-uncased'
 * - `folder`: where they are; not in the identity. What was trained from there needs its config.json still.
 */
export abstract class Pretrained extends config(
  import.meta,
  'xpmir.transformers.Pretrained',
  { modelId: param(string), folder: param(pathname) },
  Module,
) {
  /** @internal The model as the mode wants it: read, drawn, or without weights that are set. */
  protected async make<M extends PreTrainedModel>(
    auto: AutoClass<M>,
    mode: ModuleInitMode,
    options: Pick<PretrainedOptions, 'numLabels'> = {},
  ): Promise<M> {
    if (mode === ModuleInitMode.DEFAULT)
      return auto.fromPretrained(this.folder, { ...options, newHead: true });
    const raw = configured(await readConfig(this.folder), options);
    return (mode === ModuleInitMode.NONE ? unset : drawn)(auto.of(raw), raw);
  }
}

/** An encoder, for rankers that compare texts by their hidden states. */
export class PretrainedEncoder extends config(
  import.meta,
  'xpmir.transformers.PretrainedEncoder',
  {},
  Pretrained,
) {
  /** There once this is initialised. */
  model!: Encoder;

  protected override async build({ mode }: ModuleInitOptions): Promise<void> {
    this.model = await this.make(AutoModel, mode);
  }

  forward(call: EncoderCall): EncoderOutput {
    return this.model.forward(call);
  }
}

/** An encoder with a head for masked words, for rankers that weigh the words of a vocabulary. */
export class PretrainedMaskedLM extends config(
  import.meta,
  'xpmir.transformers.PretrainedMaskedLM',
  {},
  Pretrained,
) {
  /** There once this is initialised. */
  model!: ModelWithHead;

  protected override async build({ mode }: ModuleInitOptions): Promise<void> {
    this.model = await this.make(AutoModelForMaskedLM, mode);
  }

  /** Scores of words at each place, `[N, L, V]`. */
  forward(call: EncoderCall): Tensor {
    return this.model.forward(call).logits;
  }
}

/**
 * Scores pairs of texts that are read as one; Nogueira and Cho, 2019. A head that the folder lacks, or has for another
 * number of labels, is drawn.
 *
 * - `numLabels`: scores of a pair; 1
 */
export class CrossEncoder extends config(
  import.meta,
  'xpmir.transformers.CrossEncoder',
  { numLabels: param(int, { default: 1, ignoreDefault: true }) },
  Pretrained,
) {
  /** There once this is initialised. */
  model!: ModelWithHead;

  protected override async build({ mode }: ModuleInitOptions): Promise<void> {
    const { numLabels } = this;
    this.model = await this.make(AutoModelForSequenceClassification, mode, { numLabels });
  }

  /** Scores `[N, numLabels]`. */
  forward(call: EncoderCall): Tensor {
    return this.model.forward(call).logits;
  }
}
