/**
 * Hooks that change which parameters a model has or trains. They act once everything is initialised, and once: another
 * run with the same hook finds its model changed already.
 */

import { ArgumentError } from '../errors.ts';
import { config } from '../experiment/config.ts';
import { nameOf } from '../experiment/declaration.ts';
import { param } from '../experiment/parameters.ts';
import type { Parameter } from '../torch/nn/parameter.ts';
import type { TrainerContext } from './context.ts';
import { InitializationHook } from './hooks.ts';
import { abridged } from './parameterOptimizer.ts';
import { type ParameterElement, ParametersIterator } from './parameters.ts';

/** Leaves the selected parameters as they are: they get no gradients. */
export class LayerFreezer extends config(
  import.meta,
  'xpmir.learning.hooks.LayerFreezer',
  { selector: param(ParametersIterator) },
  InitializationHook,
) {
  #isDone = false;

  /** @throws ArgumentError when nothing is selected */
  override after(_context: TrainerContext): void {
    if (this.#isDone) return;
    for (const { parameter } of chosen(this, 'selector')) {
      parameter.requiresGrad = false;
      parameter.grad = null;
    }
    this.#isDone = true;
  }
}

/**
 * Puts the parameters that `source` selects in the place of those that `target` selects, the first for the first and so
 * on: from then on they are the same, wherever the trained model has them.
 */
export class LayerSharer extends config(
  import.meta,
  'xpmir.learning.hooks.LayerSharer',
  { source: param(ParametersIterator), target: param(ParametersIterator) },
  InitializationHook,
) {
  #isDone = false;

  /** @throws ArgumentError when nothing is selected, or when the two do not pair up in number and shapes */
  override after({ model }: TrainerContext): void {
    if (this.#isDone) return;
    const [sources, targets] = [chosen(this, 'source'), chosen(this, 'target')];
    if (sources.length !== targets.length) {
      throw new ArgumentError(
        `${nameOf(this)}: expected as many parameters in target as in source, received ${targets.length} and ${sources.length}`,
      );
    }
    const replacements = new Map(sources.map((source, i) => pair(this, source, targets[i]!)));
    const modules = new Set([...model.modules(), ...targets.map(({ module }) => module)]);
    for (const module of modules) {
      for (const [name, parameter] of module.ownParameters()) {
        const replacement = replacements.get(parameter);
        if (replacement !== undefined) module.setOwn(name, replacement);
      }
    }
    this.#isDone = true;
  }
}

function pair(hook: LayerSharer, source: ParameterElement, target: ParameterElement): [Parameter, Parameter] {
  const [from, to] = [source, target].map(({ parameter }) => parameter.shape.join(', '));
  if (from !== to) {
    throw new ArgumentError(
      `${nameOf(hook)}: expected pairs of one shape, received ${source.name} [${from}] for ${target.name} [${to}]`,
    );
  }
  return [target.parameter, source.parameter];
}

/** What a selector of the hook selects, which must not be nothing. */
function chosen<K extends string>(
  hook: InitializationHook & Readonly<Record<K, ParametersIterator>>,
  name: K,
): ParameterElement[] {
  const elements = hook[name].selected();
  if (elements.length > 0) return elements;
  const names = abridged([...hook[name]].map((element) => element.name));
  throw new ArgumentError(
    `${nameOf(hook)}.${name}: expected at least one parameter, but it selects none of ${names || 'none'}`,
  );
}
