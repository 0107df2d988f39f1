/**
 * What the files of a tokenizer say about length and padding, and what a call makes of it.
 */
import { ArgumentError, expected } from '../errors.ts';
import type { Fields } from './fields.ts';
import type { TokenizerFiles } from './files.ts';
import type { Padding, Side, Truncation, TruncationStrategy } from './fitting.ts';

export interface EncodeOptions {
  /** Tokens around the text, such as [CLS] and [SEP]; true by default. */
  readonly addSpecialTokens?: boolean;
  /** `true` is longest_first. By default what tokenizer.json says, or else false. */
  readonly truncation?: boolean | TruncationStrategy;
  /** Tokens, those around texts included; by default what the files say. */
  readonly maxLength?: number;
  /** By default what the files say, or else right. */
  readonly truncationSide?: Side;
  /** `true` is longest: of the texts of the call. By default what tokenizer.json says. */
  readonly padding?: boolean | 'longest' | 'max_length';
  readonly padToMultipleOf?: number;
  /** A token of the vocabulary; by default what the files say, or else the one special token that is [PAD] or <pad>. */
  readonly padToken?: string;
  /** By default what the files say, or else right. */
  readonly paddingSide?: Side;
}

export interface Settings {
  /** From the configuration; undefined where it sets no bound. */
  readonly maxLength: number | undefined;
  readonly padToken: string | undefined;
  readonly padId: number | undefined;
  readonly padTypeId: number;
  readonly truncationSide: Side;
  readonly paddingSide: Side;
  /** Of tokenizer.json. */
  readonly truncation: { readonly maxLength: number; readonly strategy: TruncationStrategy } | undefined;
  readonly padding: { readonly length?: number; readonly multipleOf?: number } | undefined;
  idOf(token: string): number | undefined;
}

/** Tokens of a tokenizer.json. */
export interface Tokens {
  idOf(token: string): number | undefined;
  readonly special: ReadonlySet<string>;
}

const STRATEGIES: readonly TruncationStrategy[] = ['longest_first', 'only_first', 'only_second'];
const RUST_STRATEGIES = ['LongestFirst', 'OnlyFirst', 'OnlySecond'] as const;
const SIDES: readonly Side[] = ['left', 'right'];
/** As models of BERT's and of RoBERTa's kind call it. */
const PAD_TOKENS = ['[PAD]', '<pad>'];

export function readSettings(
  file: Fields,
  { idOf, special }: Tokens,
  { config, specialTokens }: Pick<TokenizerFiles, 'config' | 'specialTokens'>,
): Settings {
  const truncation = file.optionalPart('truncation');
  const padding = file.optionalPart('padding');
  const named = tokenName(config, 'pad_token') ?? tokenName(specialTokens, 'pad_token');
  const padToken = named ?? (padding === undefined ? onlyPadToken(special) : undefined);
  return {
    maxLength: maxLengthOf(config),
    padToken: padToken ?? padding?.string('pad_token', '[PAD]'),
    padId: padToken === undefined ? padding?.integer('pad_id', 0) : idOf(padToken),
    padTypeId: config?.integer('pad_token_type_id', 0) || padding?.integer('pad_type_id', 0) || 0,
    truncationSide: config?.has('truncation_side')
      ? config.oneOf('truncation_side', SIDES)
      : sideOf(truncation),
    paddingSide: config?.has('padding_side') ? config.oneOf('padding_side', SIDES) : sideOf(padding),
    truncation: truncation && {
      maxLength: truncation.integer('max_length'),
      strategy: STRATEGIES[
        RUST_STRATEGIES.indexOf(truncation.oneOf('strategy', RUST_STRATEGIES, 'LongestFirst'))
      ] as TruncationStrategy,
    },
    padding: padding && paddingOf(padding),
    idOf,
  };
}

/** Where a trainer's file says nothing about padding. */
function onlyPadToken(special: ReadonlySet<string>): string | undefined {
  const found = PAD_TOKENS.filter((token) => special.has(token));
  return found.length === 1 ? found[0] : undefined;
}

function sideOf(part: Fields | undefined): Side {
  return part?.oneOf('direction', ['Left', 'Right'], 'Right') === 'Left' ? 'left' : 'right';
}

function paddingOf(padding: Fields): { length?: number; multipleOf?: number } {
  const fixed =
    padding.object.strategy === 'BatchLongest' ? undefined : padding.part('strategy').integer('Fixed');
  const multipleOf = padding.integer('pad_to_multiple_of', 0);
  return { ...(fixed !== undefined && { length: fixed }), ...(multipleOf > 0 && { multipleOf }) };
}

/** A token is its text, or an object with that as its content. */
function tokenName(part: Fields | undefined, key: string): string | undefined {
  if (!part?.has(key)) return undefined;
  return typeof part.object[key] === 'string' ? part.string(key) : part.part(key).string('content');
}

/** A huge number, often 1e30, stands for none. */
function maxLengthOf(config: Fields | undefined): number | undefined {
  if (!config?.has('model_max_length')) return undefined;
  const length = config.object.model_max_length;
  return typeof length === 'number' && length > 2 ** 31 ? undefined : config.integer('model_max_length');
}

/** How the texts of one call are fitted. */
export interface Fitting {
  readonly addSpecialTokens: boolean;
  readonly truncation: Truncation | undefined;
  readonly padding: Padding | undefined;
}

/**
 * @param padding what holds where neither the call nor tokenizer.json says it
 * @throws ArgumentError for a wrong option, or where a length is needed and nobody says one
 */
export function fittingOf(options: EncodeOptions, settings: Settings, padding: 'longest' | false): Fitting {
  checkOptions(options);
  return {
    addSpecialTokens: options.addSpecialTokens ?? true,
    truncation: truncationOf(options, settings),
    padding: paddingFor(options, settings, padding),
  };
}

function truncationOf(options: EncodeOptions, settings: Settings): Truncation | undefined {
  const { truncation = settings.truncation?.strategy ?? false } = options;
  if (truncation === false) return undefined;
  return {
    maxLength: lengthOf(options, settings, 'truncation'),
    strategy: truncation === true ? 'longest_first' : truncation,
    side: options.truncationSide ?? settings.truncationSide,
  };
}

function paddingFor(
  options: EncodeOptions,
  settings: Settings,
  fallback: 'longest' | false,
): Padding | undefined {
  const own = options.padding === undefined ? settings.padding : undefined;
  const { padding = own === undefined ? fallback : 'longest' } = options;
  if (padding === false) return undefined;
  const length = padding === 'max_length' ? lengthOf(options, settings, 'padding') : own?.length;
  const multipleOf = options.padToMultipleOf ?? own?.multipleOf;
  return {
    ...(length !== undefined && { length }),
    ...(multipleOf !== undefined && { multipleOf }),
    side: options.paddingSide ?? settings.paddingSide,
    id: options.padToken === undefined ? settings.padId : padIdOf(options.padToken, settings),
    typeId: settings.padTypeId,
  };
}

function padIdOf(token: string, settings: Settings): number {
  const id = settings.idOf(token);
  if (id === undefined) throw expected('a token of the vocabulary', 'padToken', token);
  return id;
}

function lengthOf({ maxLength }: EncodeOptions, settings: Settings, what: string): number {
  const length = maxLength ?? settings.truncation?.maxLength ?? settings.maxLength;
  if (length !== undefined) return length;
  throw new ArgumentError(
    `Expected maxLength for ${what} but received none, and the tokenizer's files have none`,
  );
}

const CHECKS: Readonly<
  Record<keyof EncodeOptions, readonly [what: string, fits: (value: unknown) => boolean]>
> = {
  addSpecialTokens: ['true or false', isBoolean],
  truncation: [
    `true, false, ${STRATEGIES.join(', ')}`,
    (v) => isBoolean(v) || STRATEGIES.includes(v as never),
  ],
  maxLength: ['an integer of at least 0', (v) => Number.isSafeInteger(v) && (v as number) >= 0],
  truncationSide: ['left or right', (v) => SIDES.includes(v as Side)],
  padding: ['true, false, longest, max_length', (v) => isBoolean(v) || v === 'longest' || v === 'max_length'],
  padToMultipleOf: ['a positive integer', (v) => Number.isSafeInteger(v) && (v as number) > 0],
  padToken: ['a token of the vocabulary', (v) => typeof v === 'string'],
  paddingSide: ['left or right', (v) => SIDES.includes(v as Side)],
};

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

/** @throws ArgumentError for a wrong option or one that there is not */
export function checkOptions(options: EncodeOptions): void {
  if (typeof options !== 'object' || options === null) throw expected('an object', 'options', options);
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof EncodeOptions] : undefined;
    if (rule === undefined) throw expected(Object.keys(CHECKS).join(', '), 'options', name);
    if (value !== undefined && !rule[1](value)) throw expected(rule[0], name, value);
  }
}
