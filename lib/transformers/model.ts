/** What all models have that are read from a Hugging Face folder. */
import type { Device, DType } from '../torch/dtype.ts';
import { noGrad } from '../torch/modes.ts';
import { normal_ } from '../torch/nn/init/draw.ts';
import { ones_, zeros_ } from '../torch/nn/init/fill.ts';
import { Dropout } from '../torch/nn/layers/dropout.ts';
import { Embedding } from '../torch/nn/layers/embedding.ts';
import { Linear } from '../torch/nn/layers/linear.ts';
import { LayerNorm } from '../torch/nn/layers/normalization.ts';
import { Module } from '../torch/nn/module.ts';
import type { FactoryOptions } from '../torch/nn/options.ts';
import type { Parameter } from '../torch/nn/parameter.ts';
import { tidy } from '../torch/scope.ts';
import type { Tensor } from '../torch/tensor.ts';
import type { ModelConfig, RawConfig } from './configuration.ts';
import { drawn, loaded, type PretrainedOptions } from './load.ts';
import { type SaveOptions, saved } from './save.ts';

// Shapes: N texts, L tokens, E width of the hidden states.

/** A batch of texts, as a tokenizer gives them. */
export interface EncoderCall {
  /** Ids of the tokens: integers `[N, L]`. */
  readonly inputIds: Tensor;
  /**
   * Which tokens are attended to: `[N, L]`, 0 or false at padding; null, the default, is all. As in Python, a mask that
   * hides nothing is left out, by which other kernels run: in evaluation it is looked at, which is a value that is read;
   * in training it is used as it is, so that steps can be compiled. `isPadded` says it instead.
   */
  readonly attentionMask?: Tensor | null;
  /** Whether the mask hides anything: false leaves it out, true uses it without looking at it. */
  readonly isPadded?: boolean;
  /** Of which text of a pair each token is: integers `[N, L]`; 0 unless given. Not with DistilBERT and ModernBERT. */
  readonly tokenTypeIds?: Tensor | null;
  /** Places of the tokens: integers `[N, L]` or `[1, L]`; in order unless given. */
  readonly positionIds?: Tensor | null;
  /** As tokenizers give it with the rest; models do not look at it. */
  readonly specialTokensMask?: Tensor | null;
  /** Give the output of every layer too (false). */
  readonly outputHiddenStates?: boolean;
}

export interface HiddenStates {
  /** Where asked for: the embeddings, then the output of each layer, each `[N, L, E]`. */
  readonly hiddenStates?: readonly Tensor[];
}

export interface EncoderOutput extends HiddenStates {
  /** `[N, L, E]` */
  readonly lastHiddenState: Tensor;
  /** The first token's state through the pooler, `[N, E]`, of models that have one. */
  readonly poolerOutput?: Tensor;
}

/** What a head gives. */
export interface LogitsOutput extends HiddenStates {
  /** `[N, labels]` of texts; `[N, L, labels]` of tokens; `[N, L, vocabulary]` of masked words. */
  readonly logits: Tensor;
}

/** A class of models, by which they are made. */
export interface ModelClass<M extends PreTrainedModel, C extends ModelConfig = ModelConfig> {
  new (config: C, options?: FactoryOptions): M;
  /** Reads and checks a configuration. */
  configOf(raw: RawConfig): C;
  readonly name: string;
}

/** Base of encoders and of encoders with a head; parameters have the names that they have in Python. */
export abstract class PreTrainedModel extends Module {
  abstract readonly config: ModelConfig;

  /** Under which name a model with a head has its encoder; such a prefix of keys may be there or not. */
  abstract readonly baseModelPrefix: string;

  /** Names of parameters that are others, by the names of these. */
  get tiedWeights(): ReadonlyMap<string, string> {
    return new Map();
  }

  /**
   * Reads a model from a folder with a config.json and a model.safetensors, or its shards.
   *
   * @throws ArgumentError for a configuration that is not supported, by its field, and when keys are missing or unknown, all
   *   of them by name, unless `newHead` or `dropHead` allows it. Nothing is loaded then.
   */
  static fromPretrained<M extends PreTrainedModel, C extends ModelConfig>(
    this: ModelClass<M, C>,
    folder: string | URL,
    options: PretrainedOptions = {},
  ): Promise<M> {
    // biome-ignore lint/complexity/noThisInStatic: the class that is asked is the one that is made
    return loaded(this, folder, options);
  }

  /** A model whose weights are drawn as Python's are: from N(0, `initializer_range`²), biases 0. */
  static fromConfig<M extends PreTrainedModel, C extends ModelConfig>(
    this: ModelClass<M, C>,
    raw: RawConfig,
    options: { readonly dtype?: DType; readonly device?: Device } = {},
  ): M {
    // biome-ignore lint/complexity/noThisInStatic: as above
    return drawn(this, raw, options);
  }

  /** Writes config.json and model.safetensors, or shards and their index, as Python's `from_pretrained` reads them. */
  savePretrained(folder: string | URL, options: SaveOptions = {}): Promise<void> {
    return saved(this, folder, options);
  }

  /** Draws the parameter at a dotted path anew, one of `module`'s own. */
  initializeParameter(path: string, module: Module, parameter: Parameter): void {
    if (path.endsWith('bias')) zeros_(parameter);
    else if (module instanceof LayerNorm) ones_(parameter);
    else normal_(parameter, 0, this.config.initializerRange);
    if (module instanceof Embedding && module.paddingIdx !== null) {
      const { paddingIdx } = module;
      tidy(() => noGrad(() => parameter.select(0, paddingIdx).zero_()));
    }
  }
}

/** Models that give hidden states. */
export abstract class Encoder extends PreTrainedModel {
  abstract override forward(call: EncoderCall): EncoderOutput;
}

/** An encoder with a head; the encoder is its submodule under `baseModelPrefix`. */
export abstract class ModelWithHead<E extends Encoder = Encoder> extends PreTrainedModel {
  readonly baseModelPrefix: string;

  constructor(base: E) {
    super();
    this.baseModelPrefix = base.baseModelPrefix;
    Object.assign(this, { [base.baseModelPrefix]: base });
  }

  /** The encoder. */
  get base(): E {
    return (this as unknown as Record<string, E>)[this.baseModelPrefix]!;
  }

  get config(): E['config'] {
    return this.base.config;
  }

  abstract override forward(call: EncoderCall): LogitsOutput;
}

/** A label of each token: logits `[N, L, labels]`. */
export abstract class TokenClassifier<E extends Encoder> extends ModelWithHead<E> {
  readonly dropout: Dropout;
  classifier: Linear;

  constructor(base: E, dropout: number, options: FactoryOptions) {
    super(base);
    const { hiddenSize, numLabels } = base.config;
    this.dropout = new Dropout(dropout);
    this.classifier = new Linear(hiddenSize, numLabels, options);
  }

  forward(call: EncoderCall): LogitsOutput {
    const output = this.base.forward(call);
    return withLogits(output, this.classifier.forward(this.dropout.forward(output.lastHiddenState)));
  }
}

/** @internal What a head gives beside what its encoder gave. */
export function withLogits({ hiddenStates }: HiddenStates, logits: Tensor): LogitsOutput {
  return hiddenStates === undefined ? { logits } : { logits, hiddenStates };
}
