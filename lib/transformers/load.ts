import { ArgumentError, expected } from '../errors.ts';
import { abridged } from '../learning/parameterOptimizer.ts';
import { checkOptions } from '../options.ts';
import { type Device, type DType, isDType } from '../torch/dtype.ts';
import { F } from '../torch/functions.ts';
import { noGrad } from '../torch/modes.ts';
import { withDefaults } from '../torch/nn/options.ts';
import { Parameter } from '../torch/nn/parameter.ts';
import { tidy } from '../torch/scope.ts';
import type { Tensor } from '../torch/tensor.ts';
import { type ModelConfig, type RawConfig, readConfig, withLabels } from './configuration.ts';
import { type KeyMatch, matchKeys } from './keys.ts';
import type { ModelClass, PreTrainedModel } from './model.ts';
import { type OpenWeights, openWeights } from './weights.ts';

/** What came of loading. */
export interface PretrainedReport {
  /** Names in the model of what was loaded, each with its key in the folder. */
  readonly loaded: ReadonlyMap<string, string>;
  /** Names in the model of what was drawn. */
  readonly drawn: readonly string[];
  /** Keys in the folder of what the model did not take. */
  readonly unused: readonly string[];
}

export interface PretrainedOptions {
  /** What the weights become; 'auto' leaves them as they are in the folder. Default 'float32'. */
  readonly dtype?: DType | 'auto';
  /** Default 'cpu'. */
  readonly device?: Device;
  /** Outputs of a classification head; as the configuration says unless given. */
  readonly numLabels?: number;
  /** Draw what the folder lacks of the head or has in another shape, and leave out what it has of other heads (false). */
  readonly newHead?: boolean;
  /** Leave out what the folder has of other heads (false). */
  readonly dropHead?: boolean;
  /** Fields of config.json that are replaced, such as `{ hidden_dropout_prob: 0 }`. */
  readonly config?: RawConfig;
  /** Makes weights over the pages of the files, as `torch.openSafetensors` does and with its warning (false). */
  readonly mmap?: boolean;
  /** Is told what was loaded, drawn and left out. */
  readonly report?: (report: PretrainedReport) => void;
}

const DEFAULTS = {
  dtype: 'float32' as DType | 'auto',
  device: 'cpu' as Device,
  numLabels: undefined as number | undefined,
  newHead: false,
  dropHead: false,
  config: {} as RawConfig,
  mmap: false,
  report: undefined as PretrainedOptions['report'],
};

/** @internal See `PreTrainedModel.fromPretrained`. */
export async function loaded<M extends PreTrainedModel, C extends ModelConfig>(
  type: ModelClass<M, C>,
  folder: string | URL,
  options: PretrainedOptions,
): Promise<M> {
  const given = withDefaults('fromPretrained', DEFAULTS, options as typeof DEFAULTS);
  if (given.dtype !== 'auto' && !isDType(given.dtype))
    throw expected("a dtype or 'auto'", 'dtype', given.dtype);
  const raw = await readConfig(folder);
  const whole = configured(raw, given);
  const { fields, numHiddenLayers } = type.configOf(whole);
  checkOptions(`config of ${type.name}`, given.config, [...new Set([...Object.keys(raw), ...fields])]);
  const weights = await openWeights(folder, { mmap: given.mmap });
  try {
    weights.checkLayers(numHiddenLayers);
    const model = structure(type, whole);
    try {
      await fillFrom(model, weights, given, String(folder));
      return model;
    } catch (error) {
      for (const parameter of model.parameters()) parameter.dispose();
      throw error;
    }
  } finally {
    await weights.close();
  }
}

async function fillFrom(
  model: PreTrainedModel,
  weights: OpenWeights,
  given: typeof DEFAULTS,
  folder: string,
): Promise<void> {
  const { dtype, device } = given;
  const match = fitting(model, weights, given.newHead);
  const fresh = withoutTied(model, match);
  check(model, weights, { ...match, missing: fresh }, given, folder);

  const names = new Map([...match.found].map(([name, key]) => [key, name]));
  for (const key of weights.keys()) {
    const name = names.get(key);
    if (name === undefined) continue;
    const tensor = await weights.getTensor(key);
    place(model, name, tensor, { dtype: dtype === 'auto' ? tensor.dtype : dtype, device });
  }
  const first = match.found.size > 0 ? model.getParameter([...match.found.keys()][0]!).dtype : 'float32';
  for (const name of fresh) {
    allocate(model, name, { dtype: dtype === 'auto' ? first : dtype, device });
    initialize(model, name);
  }
  tie(model, match);
  given.report?.({ loaded: match.found, drawn: fresh, unused: match.unused });
}

/** @internal See `PreTrainedModel.fromConfig`. */
export function drawn<M extends PreTrainedModel, C extends ModelConfig>(
  type: ModelClass<M, C>,
  raw: RawConfig,
  options: Partial<Place> = {},
): M {
  const model = unset(type, raw, options);
  for (const name of stateNames(model)) {
    if (!model.tiedWeights.has(name)) initialize(model, name);
  }
  return model;
}

/** @internal A model whose weights are not set yet. */
export function unset<M extends PreTrainedModel, C extends ModelConfig>(
  type: ModelClass<M, C>,
  raw: RawConfig,
  options: Partial<Place> = {},
): M {
  const { dtype = 'float32', device = 'cpu' } = checkOptions('fromConfig', options, ['dtype', 'device']);
  const model = structure(type, raw);
  for (const name of stateNames(model)) {
    if (!model.tiedWeights.has(name)) allocate(model, name, { dtype, device });
  }
  tie(model);
  return model;
}

/** @internal A configuration with what the caller says of it. */
export function configured(
  raw: RawConfig,
  { numLabels, config = {} }: Pick<PretrainedOptions, 'numLabels' | 'config'>,
): RawConfig {
  const changed = { ...raw, ...config };
  return numLabels === undefined ? changed : withLabels(changed, numLabels);
}

/** A model without memory for its weights. */
function structure<M extends PreTrainedModel, C extends ModelConfig>(
  type: ModelClass<M, C>,
  raw: RawConfig,
): M {
  return tidy(() => new type(type.configOf(raw), { device: 'meta' }));
}

/** Names of all parameters, tied ones under each of theirs. */
function stateNames(model: PreTrainedModel): Set<string> {
  return tidy(() => new Set(model.stateDict().keys()));
}

/** The keys of a folder for a model; with `newHead`, what is of another shape in its head counts as of another one. */
function fitting(
  model: PreTrainedModel,
  { tensors }: Pick<OpenWeights, 'tensors'>,
  newHead: boolean,
): KeyMatch {
  const names = stateNames(model);
  const all = matchKeys(tensors.keys(), names, model.baseModelPrefix);
  if (!newHead) return all;
  const other = [...all.found].filter(
    ([name, key]) => !isOfEncoder(name, model) && !hasShape(model, name, tensors.get(key)!.shape),
  );
  const left = new Set(other.map(([, key]) => key));
  const fit = matchKeys(
    [...tensors.keys()].filter((key) => !left.has(key)),
    names,
    model.baseModelPrefix,
  );
  return { ...fit, unused: [...fit.unused, ...left] };
}

function hasShape(model: PreTrainedModel, name: string, shape: readonly number[]): boolean {
  return model.getParameter(name).shape.join() === shape.join();
}

/** What has to be drawn: a tied weight is missing only if neither name of it is there. */
function withoutTied(model: PreTrainedModel, { missing, found }: KeyMatch): string[] {
  const partners = new Map(
    [...model.tiedWeights].flatMap(
      ([a, b]) =>
        [
          [a, b],
          [b, a],
        ] as const,
    ),
  );
  return missing.filter((name) => {
    const partner = partners.get(name);
    if (partner === undefined) return true;
    return !found.has(partner) && !model.tiedWeights.has(name);
  });
}

function check(
  model: PreTrainedModel,
  { tensors }: Pick<OpenWeights, 'tensors'>,
  { found, missing, unused, ambiguous }: KeyMatch,
  { newHead, dropHead }: typeof DEFAULTS,
  folder: string,
): void {
  const different = [...found].filter(([name, key]) => !hasShape(model, name, tensors.get(key)!.shape));
  const problems = [
    told('missing', newHead ? missing.filter((name) => isOfEncoder(name, model)) : missing),
    told('unknown', newHead || dropHead ? unused.filter((key) => isOfEncoder(key, model)) : unused),
    told('under several names', ambiguous),
    told(
      'of another shape',
      different.map(
        ([name, key]) =>
          `${key} [${tensors.get(key)!.shape.join(', ')}] instead of [${model.getParameter(name).shape.join(', ')}]`,
      ),
    ),
  ].filter((problem) => problem !== '');
  if (problems.length === 0) return;
  const head = [...missing, ...unused].some((name) => !isOfEncoder(name, model));
  const hint = head ? '. A head that differs is asked for with newHead or dropHead' : '';
  throw new ArgumentError(
    `Expected weights of ${model.constructor.name} in ${folder}: ${problems.join('; ')}${hint}`,
    'ERR_STATE_DICT',
  );
}

function told(what: string, names: readonly string[]): string {
  return names.length === 0 ? '' : `${names.length} ${what}: ${abridged(names, 20)}`;
}

/** Whether a name, with or without the prefix, is of the encoder proper; its pooler counts as a head. */
function isOfEncoder(name: string, model: PreTrainedModel): boolean {
  const prefix = `${model.baseModelPrefix}.`;
  const [first] = (name.startsWith(prefix) ? name.slice(prefix.length) : name).split('.');
  return ENCODER.has(first as string);
}

const ENCODER: ReadonlySet<string> = new Set([
  ...['embeddings', 'embeddings_project', 'encoder', 'transformer', 'layers', 'final_norm'],
]);

interface Place {
  readonly dtype: DType;
  readonly device: Device;
}

/** Puts a tensor into the place of a parameter. */
function place(model: PreTrainedModel, name: string, tensor: Tensor, target: Place): void {
  const placed = noGrad(() => tensor.to(target));
  setParameter(model, name, new Parameter(placed));
  placed.dispose();
  if (placed !== tensor) tensor.dispose();
}

/** Gives a parameter memory of its own. */
function allocate(model: PreTrainedModel, name: string, target: Place): void {
  const { shape } = model.getParameter(name);
  place(model, name, F.empty([...shape], target), target);
}

function initialize(model: PreTrainedModel, name: string): void {
  model.initializeParameter(name, model.getSubmodule(split(name)[0]), model.getParameter(name));
}

/** Makes one parameter of those that are the same: of two that the folder has, only where the values are equal. */
function tie(model: PreTrainedModel, match?: KeyMatch): void {
  for (const [target, source] of model.tiedWeights) {
    const has = (name: string) => match === undefined || match.found.has(name);
    if (match !== undefined && has(target) && has(source)) {
      const [a, b] = [model.getParameter(target), model.getParameter(source)];
      if (!a.equal(b)) continue;
    }
    if (match !== undefined && has(target) && !has(source))
      setParameter(model, source, model.getParameter(target));
    else setParameter(model, target, model.getParameter(source));
  }
}

function setParameter(model: PreTrainedModel, name: string, parameter: Parameter): void {
  const [owner, own] = split(name);
  const replaced = model.getParameter(name);
  model.getSubmodule(owner).setOwn(own, parameter);
  if (replaced !== parameter) replaced.dispose();
}

function split(name: string): [owner: string, own: string] {
  const dot = name.lastIndexOf('.');
  return [name.slice(0, Math.max(dot, 0)), name.slice(dot + 1)];
}
