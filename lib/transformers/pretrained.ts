/** Models of a Hugging Face folder as configurations, for learners. */
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import { int, optional, pathname, string } from '../experiment/types.ts';
import { Module, ModuleInitMode, type ModuleInitOptions } from '../learning/module.ts';
import { abridged } from '../learning/parameterOptimizer.ts';
import type { Tensor } from '../torch/tensor.ts';
import {
  type AutoClass,
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
} from './auto.ts';
import { ownLabels, readConfig } from './configuration.ts';
import { configured, drawn, type PretrainedOptions, type PretrainedReport, unset } from './load.ts';
import type { Encoder, EncoderCall, EncoderOutput, ModelWithHead, PreTrainedModel } from './model.ts';

/**
 * A model that is read from a folder when it is initialised. What the folder lacks of a head is drawn, and warned of
 * (`XPMIR_NEW_HEAD`).
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
      return auto.fromPretrained(this.folder, {
        ...options,
        newHead: true,
        report: (report) => this.#warn(report),
      });
    const raw = configured(await readConfig(this.folder), options);
    return (mode === ModuleInitMode.NONE ? unset : drawn)(auto.of(raw), raw);
  }

  #warn({ drawn: fresh }: PretrainedReport): void {
    if (fresh.length === 0) return;
    process.emitWarning(
      `${this.constructor.name}: ${this.folder} has no weights for ${fresh.length} parameters, or others than the model, which are ` +
        `newly drawn: ${abridged(fresh, 20)}. They should be trained before their values are used`,
      { type: 'XpmirWarning', code: 'XPMIR_NEW_HEAD' },
    );
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
 * number of labels, is drawn, with the warning `XPMIR_NEW_HEAD`.
 *
 * - `numLabels`: scores of a pair; by default those of the folder's head, and 1 where its config.json tells of none
 */
export class CrossEncoder extends config(
  import.meta,
  'xpmir.transformers.CrossEncoder',
  { numLabels: param(optional(int), { default: undefined, ignoreDefault: true }) },
  Pretrained,
) {
  /** There once this is initialised. */
  model!: ModelWithHead;

  protected override async build({ mode }: ModuleInitOptions): Promise<void> {
    const numLabels = this.numLabels ?? ownLabels(await readConfig(this.folder)) ?? 1;
    this.model = await this.make(AutoModelForSequenceClassification, mode, { numLabels });
  }

  /** Scores of a pair: those of the head once this is initialised, before that what was asked for. */
  get labels(): number | undefined {
    return (this.model as ModelWithHead | undefined)?.config.numLabels ?? this.numLabels;
  }

  /** Scores `[N, labels]`. */
  forward(call: EncoderCall): Tensor {
    return this.model.forward(call).logits;
  }
}
