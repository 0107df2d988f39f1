/** What the config.json of a Hugging Face folder says of a model, checked field by field. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError, expected } from '../errors.ts';
import { isPlainObject } from '../plainObject.ts';
import { cannotRead, checkPath } from '../torch/io/path.ts';
import { type ActivationName, isActivation } from './activations.ts';

/** A config.json as it stands: `{ model_type: 'bert', hidden_size: 768 }`. What is not given has the family's default. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** What all families have. */
export interface ModelConfig {
  /** The family: 'bert'. */
  readonly modelType: string;
  readonly vocabSize: number;
  /** Width of the hidden states. */
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  /** Width of the feed-forward blocks. */
  readonly intermediateSize: number;
  readonly hiddenAct: ActivationName;
  readonly maxPositionEmbeddings: number;
  /** The token that fills shorter texts, whose embedding is not trained. */
  readonly padTokenId: number | null;
  /** Standard deviation of weights that are drawn. */
  readonly initializerRange: number;
  /** Whether the decoder of a masked-LM head is the table of word embeddings. */
  readonly tieWordEmbeddings: boolean;
  /** Outputs of a classification head. */
  readonly numLabels: number;
  /** As it was read, for `savePretrained`. */
  readonly raw: RawConfig;
  /** Names of the fields that the family has. */
  readonly fields: ReadonlySet<string>;
}

/** Reads the config.json of a folder. */
export async function readConfig(folder: string | URL): Promise<RawConfig> {
  const file = join(checkPath(folder), 'config.json');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw cannotRead(file, error);
  });
  try {
    const raw: unknown = JSON.parse(text);
    if (isPlainObject(raw)) return raw as RawConfig;
  } catch {
    // Told below.
  }
  throw new ArgumentError(`Expected a JSON object for ${file} but received something else`, 'ERR_FILE');
}

/** What makes a model another one than its encoder, and the values with which it does not. */
const UNSUPPORTED: ReadonlyMap<string, readonly unknown[]> = new Map<string, readonly unknown[]>([
  ['position_embedding_type', ['absolute']],
  ['is_decoder', [false]],
  ['add_cross_attention', [false]],
  ['is_encoder_decoder', [false]],
  ['chunk_size_feed_forward', [0]],
  ['quantization_config', []],
  ['sinusoidal_pos_embds', [false]],
]);

/** Fields that Python takes for floats alone, and so only with a point in them. */
const FLOATS = ['initializer_range', 'initializer_cutoff_factor', 'layer_norm_eps', 'norm_eps'];

/** The text of a config.json. */
export function configText(raw: RawConfig): string {
  const whole = new RegExp(`^(  "(?:${FLOATS.join('|')})": \\d+)(,?)$`, 'gm');
  return `${JSON.stringify(raw, null, 2).replace(whole, '$1.0$2')}\n`;
}

/** Layers that a model has at most: more are a damaged file, whose making would not end. */
const MOST_LAYERS = 10_000;

/** Takes fields out of a raw configuration; null counts as not given. */
export class ConfigReader {
  readonly raw: RawConfig;
  /** Names of the fields that were asked for, and of those that all families have. */
  readonly fields = new Set(['model_type', 'pruned_heads', 'id2label', 'label2id', ...UNSUPPORTED.keys()]);

  /**
   * @param families names of `model_type` that are taken
   * @throws ArgumentError for another family, and for what is not supported, by its name
   */
  constructor(raw: RawConfig, families: readonly string[]) {
    if (!isPlainObject(raw)) throw expected('an object', 'config', raw);
    this.raw = raw;
    const { model_type: family } = raw;
    if (typeof family !== 'string' || !families.includes(family))
      throw expected(families.join(' or '), 'model_type', family);
    for (const [name, fine] of UNSUPPORTED) {
      const value = raw[name] ?? undefined;
      if (value !== undefined && !fine.includes(value))
        throw expected(fine.length > 0 ? `${fine.join(' or ')}, which is supported,` : 'none', name, value);
    }
    const { pruned_heads: pruned } = raw;
    if (isPlainObject(pruned) && Object.keys(pruned).length > 0)
      throw expected('no head, which is supported,', 'pruned_heads', pruned);
  }

  /** A number of layers. */
  layers(name: string, fallback: number): number {
    const layers = this.int(name, fallback, 0);
    if (layers > MOST_LAYERS) throw expected(`at most ${MOST_LAYERS} layers`, name, layers);
    return layers;
  }

  /** A whole number of at least `least`. */
  int(name: string, fallback: number, least = 1): number {
    return this.#checked(name, fallback, `an integer of at least ${least}`, (value): value is number => {
      return Number.isSafeInteger(value) && (value as number) >= least;
    });
  }

  /** A whole number from 0 up, or null, where null is not the same as nothing. */
  token(name: string, fallback: number | null): number | null {
    this.fields.add(name);
    if (this.raw[name] === null || (fallback === null && this.raw[name] === undefined)) return null;
    return this.int(name, fallback ?? 0, 0);
  }

  positive(name: string, fallback: number): number {
    return this.#checked(name, fallback, 'a number above 0', (value): value is number => {
      return typeof value === 'number' && value > 0 && value < Infinity;
    });
  }

  probability(name: string, fallback: number): number {
    return this.#checked(name, fallback, 'a probability between 0 and 1', (value): value is number => {
      return typeof value === 'number' && value >= 0 && value <= 1;
    });
  }

  boolean(name: string, fallback: boolean): boolean {
    return this.#checked(name, fallback, 'a boolean', (value) => typeof value === 'boolean');
  }

  activation(name: string): ActivationName {
    return this.#checked<ActivationName>(name, 'gelu', 'a known activation', isActivation);
  }

  oneOf<const T extends string>(name: string, values: readonly T[], fallback: T): T {
    return this.#checked(name, fallback, values.join(' or '), (value): value is T =>
      values.includes(value as T),
    );
  }

  /** How many labels there are: those of `id2label`, or `num_labels`; 2 unless told otherwise. */
  labels(): number {
    const { id2label } = this.raw;
    if (isPlainObject(id2label)) return Object.keys(id2label).length;
    return this.int('num_labels', 2);
  }

  #checked<T>(name: string, fallback: T, what: string, fits: (value: unknown) => value is T): T {
    this.fields.add(name);
    const value = this.raw[name] ?? fallback;
    if (fits(value)) return value;
    throw expected(what, name, value);
  }
}

/** @throws ArgumentError unless the heads divide the width */
export function checkHeads(hiddenSize: number, heads: number): void {
  if (hiddenSize % heads !== 0) throw expected(`a divisor of ${hiddenSize}`, 'num_attention_heads', heads);
}

/** How many tokens a text has at most: RoBERTa's places begin behind the number of padding. */
export function placesOf({ modelType, maxPositionEmbeddings, padTokenId }: ModelConfig): number {
  return modelType.endsWith('roberta')
    ? maxPositionEmbeddings - (padTokenId ?? 0) - 1
    : maxPositionEmbeddings;
}

/**
 * The labels of the classification head in a folder; undefined where its config.json tells of none. Python's library leaves
 * out a number of labels that is 2, so that the class that was saved tells of it.
 */
export function ownLabels(raw: RawConfig): number | undefined {
  const { id2label, num_labels: given, architectures, model_type: family } = raw;
  const saved =
    Array.isArray(architectures) && architectures.some((name) => String(name).endsWith(CLASSIFIER));
  if (!saved && !isPlainObject(id2label) && (given ?? undefined) === undefined) return undefined;
  return new ConfigReader(raw, [String(family)]).labels();
}

const CLASSIFIER = 'ForSequenceClassification';

/** A raw configuration with another number of labels, whose names are then unknown. */
export function withLabels(raw: RawConfig, numLabels: number): RawConfig {
  if (!(Number.isSafeInteger(numLabels) && numLabels >= 1))
    throw expected('an integer of at least 1', 'numLabels', numLabels);
  const ids = Array.from({ length: numLabels }, (_, id) => [String(id), `LABEL_${id}`] as const);
  return {
    ...raw,
    num_labels: undefined,
    id2label: Object.fromEntries(ids),
    label2id: Object.fromEntries(ids.map(([id, label]) => [label, Number(id)])),
  };
}
