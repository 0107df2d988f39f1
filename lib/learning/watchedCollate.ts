/** Whether batches may be made while steps are. */

import { awaitSteps } from '../torch/compile/stepPlan.ts';
import { Watch } from '../torch/compile/watch.ts';
import { WHOLE_FUNCTION, within } from '../torch/context.ts';
import { OwnedTensor } from '../torch/lifetime.ts';
import { describe } from '../torch/wire.ts';
import type { TrainerContext } from './context.ts';

/** Operators that draw from libtorch's generators. */
const DRAWS =
  /^aten::_?(rand|normal|bernoulli|multinomial|poisson|binomial|uniform|exponential|geometric|cauchy|log_normal|random|rrelu|\w*dropout|standard_gamma|\w*dirichlet)/;

/**
 * Makes a batch. One that draws random numbers, reads the state of the run, looks at what is trained or changes fields of
 * the trainer would be another one if it were made ahead: from there on, each is made once the step before is done.
 */
export function watchedCollate<T>(trainer: object, context: TrainerContext, fn: () => T): T {
  if (context.keepsOrder) return fn();
  const reads = context.stateReads;
  const fields = fieldsOf(trainer);
  fields.changed();
  const foresee = (operator: string) => {
    if (context.keepsOrder || !(operator === WHOLE_FUNCTION || DRAWS.test(operator))) return;
    // Steps that were given to their thread draw first, from the same generators.
    awaitSteps();
    context.beforeDraw?.();
    context.keepsOrder = true;
  };
  const observe = (_: string, result: unknown, given: readonly unknown[]) => {
    if (isTrained(result) || given.some(isTrained)) context.keepsOrder = true;
  };
  const made = within({ foresee, observe }, fn);
  // What is asynchronous is not alone: others may ask for the state meanwhile.
  if (context.stateReads !== reads || fields.changed()) context.keepsOrder = true;
  return made;
}

const watches = new WeakMap<object, Watch>();

function fieldsOf(trainer: object): Watch {
  let watch = watches.get(trainer);
  if (watch === undefined) {
    watch = new Watch(() => [trainer]);
    watches.set(trainer, watch);
  }
  return watch;
}

function isTrained(value: unknown): boolean {
  return OwnedTensor.is(value) && !value.isDisposed && describe.requiresGrad(OwnedTensor.handleOf(value));
}
