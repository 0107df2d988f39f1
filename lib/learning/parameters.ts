/**
 * Selectors: which parameters of a model are meant, for what freezes, shares and loads them.
 */

import { ArgumentError } from '../errors.ts';
import { config } from '../experiment/config.ts';
import { nameOf } from '../experiment/declaration.ts';
import { param } from '../experiment/parameters.ts';
import { bool, optional, string } from '../experiment/types.ts';
import { Module } from '../torch/nn/module.ts';
import type { Parameter } from '../torch/nn/parameter.ts';
import { abridged } from './parameterOptimizer.ts';
import { regex } from './regex.ts';

export interface ParameterElement {
  /** In the model that is gone through, such as `encoder.layers.0.weight`. */
  readonly name: string;
  /** Whose own parameter it is, under the last part of the name. */
  readonly module: Module;
  readonly parameter: Parameter;
  readonly selected: boolean;
}

/** Goes through the parameters of a model, a shared one once, and says of each whether it is selected. */
export abstract class ParametersIterator extends config(
  import.meta,
  'xpmir.learning.parameters.ParametersIterator',
  {},
) {
  abstract [Symbol.iterator](): Iterator<ParameterElement>;

  /** Those that are selected. */
  selected(): ParameterElement[] {
    return [...this].filter(({ selected }) => selected);
  }
}

/** Selects all. */
export class AllParametersIterator extends config(
  import.meta,
  'xpmir.learning.parameters.AllParametersIterator',
  { model: param(Module) },
  ParametersIterator,
) {
  *[Symbol.iterator](): Iterator<ParameterElement> {
    yield* elements(this.model, () => true);
  }
}

/** Selects by name: what `regex` is found in, and `negativeRegex`, if given, is not. */
export class RegexParametersIterator extends config(
  import.meta,
  'xpmir.learning.parameters.RegexParametersIterator',
  { model: param(Module), regex: param(string), negativeRegex: param(optional(string)) },
  ParametersIterator,
) {
  /** @throws ArgumentError for what is no regular expression */
  constructor(values: { readonly model: Module; readonly regex: string; readonly negativeRegex?: string }) {
    super(values);
    this.validate();
  }

  override validate(): void {
    this.#compiled();
  }

  *[Symbol.iterator](): Iterator<ParameterElement> {
    const { wanted, unwanted } = this.#compiled();
    yield* elements(this.model, (name) => wanted.test(name) && !unwanted?.test(name));
  }

  #compiled(): { readonly wanted: RegExp; readonly unwanted: RegExp | undefined } {
    const { negativeRegex } = this;
    const at = nameOf(this);
    return {
      wanted: regex(this.regex, `${at}.regex`),
      unwanted: negativeRegex === undefined ? undefined : regex(negativeRegex, `${at}.negativeRegex`),
    };
  }
}

/** Selects what another one does not. */
export class InverseParametersIterator extends config(
  import.meta,
  'xpmir.learning.parameters.InverseParametersIterator',
  { iterator: param(ParametersIterator) },
  ParametersIterator,
) {
  *[Symbol.iterator](): Iterator<ParameterElement> {
    for (const element of this.iterator) yield { ...element, selected: !element.selected };
  }
}

/**
 * A selection in a part of a model, as one in the whole `model`: parameters are found by identity, under the names that
 * they have in the whole. Of those outside the part, `default` says whether they are selected.
 */
export class SubParametersIterator extends config(
  import.meta,
  'xpmir.learning.parameters.SubParametersIterator',
  { model: param(Module), iterator: param(ParametersIterator), default: param(bool, { default: false }) },
  ParametersIterator,
) {
  /** @throws ArgumentError when the part has a parameter that the model has not */
  *[Symbol.iterator](): Iterator<ParameterElement> {
    const part = new Map([...this.iterator].map((element) => [element.parameter, element]));
    const known = new Set(this.model.parameters());
    const strange = [...part.values()].filter(({ parameter }) => !known.has(parameter));
    if (strange.length > 0) {
      const names = abridged(strange.map(({ name }) => name));
      throw new ArgumentError(
        `${nameOf(this)}.iterator: expected parameters of ${this.model.constructor.name}, which does not have ${names}`,
      );
    }
    for (const element of elements(this.model, () => false))
      yield { ...element, selected: part.get(element.parameter)?.selected ?? this.default };
  }
}

function* elements(model: Module, isSelected: (name: string) => boolean): Generator<ParameterElement> {
  for (const [name, parameter] of model.namedParameters()) {
    const module = model.getSubmodule(name.slice(0, Math.max(name.lastIndexOf('.'), 0)));
    yield { name, module, parameter, selected: isSelected(name) };
  }
}
