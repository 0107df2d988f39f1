/** Grad mode and its kin, for a function and everything that it awaits; no other flow notices. */

import { expected } from '../errors.ts';
import { native } from '../native.ts';
import { current, GradMode, within } from './context.ts';

function inMode<T>(gradMode: GradMode, fn: () => T): T {
  if (typeof fn !== 'function') throw expected('a function', 'fn', fn);
  return within({ gradMode }, fn);
}

/** Runs `fn` without recording a graph; results do not require grad. */
export function noGrad<T>(fn: () => T): T {
  // Inference mode is the stronger of the two and stays.
  return inMode(current().gradMode === GradMode.inference ? GradMode.inference : GradMode.noGrad, fn);
}

/** Runs `fn` with recording on, inside a `noGrad` too. */
export function enableGrad<T>(fn: () => T): T {
  return inMode(GradMode.withGrad, fn);
}

/** Runs `fn` with recording on or off. */
export function setGradEnabled<T>(mode: boolean, fn: () => T): T {
  return mode ? enableGrad(fn) : noGrad(fn);
}

/** Runs `fn` in inference mode: as `noGrad`, without version counters, and its tensors may never enter a graph. */
export function inferenceMode<T>(fn: () => T): T {
  return inMode(GradMode.inference, fn);
}

/** Whether operators called here are recorded for `backward`. */
export function isGradEnabled(): boolean {
  const mode = current().gradMode;
  if (mode === GradMode.asIs) return native().gradEnabled();
  return mode === GradMode.withGrad;
}

/** Whether this point of the flow is in `inferenceMode`. */
export function isInferenceModeEnabled(): boolean {
  return current().gradMode === GradMode.inference;
}
