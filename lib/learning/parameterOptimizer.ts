/**
 * Which optimizer moves which parameters.
 */
import { ArgumentError } from '../errors.ts';
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import { optional } from '../experiment/types.ts';
import { Module } from '../torch/nn/module.ts';
import type { Parameter } from '../torch/nn/parameter.ts';
import { Optimizer } from './optimizers.ts';
import { ParameterFilter } from './parameterFilters.ts';
import { Scheduler } from './schedulers.ts';

/** An optimizer, its scheduler, and the parameters that are its own. */
export class ParameterOptimizer extends config(import.meta, 'xpmir.learning.optim.ParameterOptimizer', {
  optimizer: param(Optimizer),
  /** By default the rate stays. */
  scheduler: param(optional(Scheduler)),
  /** Whose parameters; by default the learner's model. */
  module: param(optional(Module)),
  /** By default all. */
  filter: param(ParameterFilter, { default: () => new ParameterFilter(), ignoreDefault: true }),
}) {}

/** One optimizer for everything, one ParameterOptimizer, or a list of them: as the list that a learner takes. */
export function getOptimizers(
  optimizers: Optimizer | ParameterOptimizer | readonly ParameterOptimizer[],
): readonly ParameterOptimizer[] {
  if (optimizers instanceof Optimizer) return [new ParameterOptimizer({ optimizer: optimizers })];
  if (optimizers instanceof ParameterOptimizer) return [optimizers];
  if (Array.isArray(optimizers)) return optimizers;
  throw wrong('optimizers', 'an Optimizer, a ParameterOptimizer, or an array of these', optimizers);
}

export interface Claims {
  /** For each ParameterOptimizer, in order, its parameters with their names. */
  readonly claimed: readonly (readonly (readonly [name: string, parameter: Parameter])[])[];
  /** Names of trainable parameters of the model that nobody claimed: they are not trained. */
  readonly unclaimed: readonly string[];
}

/**
 * Gives each parameter to the first ParameterOptimizer whose filter takes it.
 *
 * @throws ArgumentError when one is left with no parameter, or takes one that the model has not: no checkpoint would have it
 */
export function claimParameters(optimizers: readonly ParameterOptimizer[], model: Module): Claims {
  const taken = new Set<Parameter>();
  const known = new Set(model.parameters());
  const claimed = optimizers.map(({ module, filter }, i) => {
    const candidates = (module ?? model).namedParameters();
    const own = candidates.filter(([name, parameter]) => !taken.has(parameter) && filter.accepts(name));
    if (own.length === 0) throw new ArgumentError(emptyClaim(i, candidates, taken));
    const strange = own.filter(([, parameter]) => !known.has(parameter)).map(([name]) => name);
    if (strange.length > 0) {
      throw new ArgumentError(
        `learner.optimizers[${i}].module: expected a part of learner.model, which does not have ${abridged(strange)}: ` +
          'make learner.model a ModuleList of all that is trained',
      );
    }
    for (const [, parameter] of own) taken.add(parameter);
    return own;
  });
  const rest = model
    .namedParameters()
    .filter(([, parameter]) => !taken.has(parameter) && parameter.requiresGrad);
  return { claimed, unclaimed: rest.map(([name]) => name) };
}

function emptyClaim(
  i: number,
  candidates: readonly (readonly [string, Parameter])[],
  taken: ReadonlySet<Parameter>,
): string {
  const free = candidates.filter(([, parameter]) => !taken.has(parameter)).map(([name]) => name);
  const reason =
    candidates.length === 0
      ? 'the module has no parameters'
      : free.length === 0
        ? 'those before it claimed all'
        : `its filter takes none of ${abridged(free)}`;
  return `learner.optimizers[${i}]: expected at least one parameter to optimize, but ${reason}`;
}

/** The first names of a list, and how many more there are. */
export function abridged(names: readonly string[], shown = 8): string {
  const more = names.length - shown;
  return names.slice(0, shown).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
