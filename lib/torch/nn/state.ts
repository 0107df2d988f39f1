import { types } from 'node:util';
import { ArgumentError, expected } from '../../errors.ts';
import { noGrad } from '../modes.ts';
import { keep, tidy } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import type { Module } from './module.ts';
import { Parameter } from './parameter.ts';
import { shape } from './python.ts';

/** Keys and tensors, in PyTorch's order. */
export type StateDict = Map<string, Tensor>;

export interface LoadOptions {
  /** Whether a missing or unexpected key is an error (true). */
  readonly strict?: boolean;
  /** Take over the tensors themselves, with their dtype and device, instead of copying their values (false). */
  readonly assign?: boolean;
}

/** Keys that differ between a module and the state dict it was loaded from. */
export interface IncompatibleKeys {
  readonly missingKeys: readonly string[];
  readonly unexpectedKeys: readonly string[];
}

/** What is gathered while a state dict is loaded. */
export interface LoadContext {
  readonly assign: boolean;
  readonly missing: string[];
  readonly unexpected: string[];
  readonly errors: string[];
}

/** Loads `state` into a module and everything below it; see `Module.loadStateDict`. */
export function loadStateDict(
  module: Module,
  state: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
  { strict = true, assign = false }: LoadOptions = {},
): IncompatibleKeys {
  const context: LoadContext = { assign, missing: [], unexpected: [], errors: [] };
  tidy(() => noGrad(() => load(module, toMap(state), '', context)));
  const { missing, unexpected, errors } = context;
  if (strict && unexpected.length > 0)
    errors.unshift(`Unexpected key(s) in state_dict: ${quoted(unexpected)}. `);
  if (strict && missing.length > 0) errors.unshift(`Missing key(s) in state_dict: ${quoted(missing)}. `);
  if (errors.length > 0) {
    const message = `Error(s) in loading state_dict for ${module.constructor.name}:\n\t${errors.join('\n\t')}`;
    throw new ArgumentError(message, 'ERR_STATE_DICT');
  }
  return { missingKeys: missing, unexpectedKeys: unexpected };
}

function load(module: Module, state: StateDict, prefix: string, context: LoadContext): void {
  module.loadOwnState(state, prefix, context);
  for (const [name, child] of module.ownModules()) {
    const below = `${prefix}${name}.`;
    load(child, new Map([...state].filter(([key]) => key.startsWith(below))), below, context);
  }
}

/** Loads the parameters and persistent buffers of one module, and notes which keys are missing or unexpected. */
export function loadOwn(module: Module, state: StateDict, prefix: string, context: LoadContext): void {
  const own = new Map<string, Tensor>([
    ...module.ownParameters(),
    ...module.ownBuffers({ persistentOnly: true }),
  ]);
  for (const [name, current] of own) {
    const loaded = state.get(prefix + name);
    if (loaded === undefined) context.missing.push(prefix + name);
    else loadTensor(module, name, current, loaded, prefix + name, context);
  }
  const children = new Set(module.ownModules().map(([name]) => name));
  for (const key of state.keys()) {
    if (!key.startsWith(prefix)) continue;
    const rest = key.slice(prefix.length);
    const dot = rest.indexOf('.');
    if (dot < 0 ? !own.has(rest) : !children.has(rest.slice(0, dot))) context.unexpected.push(key);
  }
}

function loadTensor(
  module: Module,
  name: string,
  current: Tensor,
  given: Tensor,
  key: string,
  { assign, errors }: LoadContext,
): void {
  if (!(given instanceof Tensor)) {
    errors.push(
      `While copying the parameter named "${key}", expected torch.Tensor or Tensor-like object from checkpoint but received ${typeof given}`,
    );
    return;
  }
  // Before 0.4 PyTorch saved scalars with shape [1].
  const loaded = current.ndim === 0 && given.ndim === 1 && given.shape[0] === 1 ? given.select(0, 0) : given;
  if (loaded.shape.join() !== current.shape.join()) {
    errors.push(
      `size mismatch for ${key}: copying a param with shape ${shape(loaded.shape)} from checkpoint, the shape in current model is ${shape(current.shape)}.`,
    );
    return;
  }
  try {
    if (assign) module.setOwn(name, takeOver(current, loaded));
    else current.copy_(loaded);
  } catch (error) {
    errors.push(
      `While copying the parameter named "${key}", whose dimensions in the model are ${shape(current.shape)} and whose dimensions in the checkpoint are ${shape(loaded.shape)}, an exception occurred : ${types.isNativeError(error) ? error.message : String(error)}.`,
    );
  }
}

function takeOver(current: Tensor, loaded: Tensor): Tensor {
  if (!(current instanceof Parameter)) return keep(loaded);
  if (!(loaded instanceof Parameter)) return new Parameter(loaded, current.requiresGrad);
  loaded.requiresGrad = current.requiresGrad;
  return loaded;
}

function toMap(state: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>): StateDict {
  if (types.isMap(state)) return new Map(state as ReadonlyMap<string, Tensor>);
  if (typeof state === 'object' && state !== null) return new Map(Object.entries(state));
  throw expected('a Map or an object', 'state', state);
}

function quoted(keys: readonly string[]): string {
  return keys.map((key) => `"${key}"`).join(', ');
}
