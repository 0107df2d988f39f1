/**
 * Loading a part of a model, or a model from a part of what was saved.
 */

import { ArgumentError } from '../errors.ts';
import { config } from '../experiment/config.ts';
import { nameOf } from '../experiment/declaration.ts';
import { param } from '../experiment/parameters.ts';
import { lightweightTask } from '../experiment/task.ts';
import { optional, pathname, string } from '../experiment/types.ts';
import { Module } from '../torch/nn/module.ts';
import { getRngState, manualSeed, setRngState } from '../torch/random.ts';
import { initializeModel, ModuleInitMode } from './module.ts';
import { abridged } from './parameterOptimizer.ts';
import { type ParameterElement, ParametersIterator } from './parameters.ts';
import { Random } from './random.ts';
import { type LoadReport, loadWeights } from './weights.ts';

/** Says under which key of a file a parameter of the model is. */
export abstract class NameMapper extends config(import.meta, 'xpmir.learning.parameters.NameMapper', {}) {
  abstract map(name: string): string;
}

/**
 * Puts one prefix in the place of another: with `model` "encoder" and `data` "bert", `encoder.weight` of the model is
 * `bert.weight` in the file. A prefix ends at a dot; "" is every name, and no prefix. Other names stay as they are.
 */
export class PrefixRenamer extends config(
  import.meta,
  'xpmir.learning.parameters.PrefixRenamer',
  { model: param(string), data: param(string) },
  NameMapper,
) {
  map(name: string): string {
    const [from, to] = [asPrefix(this.model), asPrefix(this.data)];
    return name.startsWith(from) ? `${to}${name.slice(from.length)}` : name;
  }
}

function asPrefix(path: string): string {
  return path === '' || path.endsWith('.') ? path : `${path}.`;
}

/** Loads what its `keys` say; the rest of the model begins as `random` says, unless it was initialised before. */
export abstract class SelectiveLoader extends lightweightTask(
  import.meta,
  'xpmir.learning.parameters.SelectiveLoader',
  {
    value: param(Module),
    path: param(pathname),
    selector: param(ParametersIterator),
    random: param(Random, { default: () => new Random(), ignoreDefault: true }),
  },
) {
  override async execute(): Promise<void> {
    await this.load();
  }

  /**
   * @throws ArgumentError when nothing is selected, when the model has not what is selected, or when the file has not;
   * then nothing was loaded
   */
  async load(): Promise<LoadReport> {
    const { value, path } = this;
    await this.#initialize();
    const selected = this.#selected();
    const keys = new Map(selected.map((element) => [element.name, this.keyOf(element)]));
    addBuffers(keys, selected);
    return loadWeights({ model: value, path, keys, isWhole: false, owner: nameOf(this) });
  }

  /** The key of a parameter in the file. */
  protected abstract keyOf(element: ParameterElement): string;

  async #initialize(): Promise<void> {
    const state = getRngState();
    try {
      // Not what a learner draws from the same seed.
      const random = this.random.newState().fork();
      manualSeed(random.integer(2 ** 32 - 1));
      await initializeModel(this.value, { mode: ModuleInitMode.DEFAULT, random });
    } finally {
      setRngState(state);
      state.dispose();
    }
  }

  /** Under the names that they have in `value`, whatever the selector goes through. */
  #selected(): ParameterElement[] {
    const selected = this.selector.selected();
    if (selected.length === 0) {
      const names = abridged([...this.selector].map(({ name }) => name));
      throw new ArgumentError(
        `${nameOf(this)}.selector: expected at least one parameter, but it selects none of ${names || 'none'}`,
      );
    }
    const names = new Map(this.value.namedParameters().map(([name, parameter]) => [parameter, name]));
    const unknown = selected.filter(({ parameter }) => !names.has(parameter)).map(({ name }) => name);
    if (unknown.length > 0) {
      throw new ArgumentError(
        `${nameOf(this)}.selector: expected parameters of ${this.value.constructor.name}, which does not have ${abridged(unknown)}`,
      );
    }
    return selected.map((element) => ({ ...element, name: names.get(element.parameter)! }));
  }
}

/** The buffers beside a selected parameter, such as running means, are loaded with it. */
function addBuffers(keys: Map<string, string>, selected: readonly ParameterElement[]): void {
  const beside = (name: string, sibling: string) => name.slice(0, name.lastIndexOf('.') + 1) + sibling;
  for (const { name, module } of selected) {
    for (const [buffer] of module.ownBuffers({ persistentOnly: true }))
      keys.set(beside(name, buffer), beside(keys.get(name)!, buffer));
  }
}

/** Loads the selected parameters, under the names that `mapper` gives them; default their own. */
export class PartialModuleLoader extends config(
  import.meta,
  'xpmir.learning.parameters.PartialModuleLoader',
  { mapper: param(optional(NameMapper)) },
  SelectiveLoader,
) {
  protected keyOf({ name }: ParameterElement): string {
    return this.mapper?.map(name) ?? name;
  }
}

/**
 * Loads the selected parameters, under the names that the same parameters have in `savedValue`, the model that was saved:
 * a part of `value`, or a model that shares parameters with it. Default `value` itself.
 */
export class SubModuleLoader extends config(
  import.meta,
  'xpmir.learning.parameters.SubModuleLoader',
  { savedValue: param(optional(Module)) },
  SelectiveLoader,
) {
  /** @throws ArgumentError when `savedValue` does not have the parameter */
  protected keyOf({ name, parameter }: ParameterElement): string {
    const saved = this.savedValue ?? this.value;
    const found = saved.namedParameters().find(([, each]) => each === parameter);
    if (found !== undefined) return found[0];
    throw new ArgumentError(
      `${nameOf(this)}.savedValue: expected a model that has ${name} of ${this.value.constructor.name}, received ${saved.constructor.name} without it`,
    );
  }
}
