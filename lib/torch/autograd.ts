/** Gradients: the engine's two entries, functions with a backward of their own, checkpointing, anomaly mode. */

import { ArgumentError, expected } from '../errors.ts';
import { type Handle, native } from '../native.ts';
import { current, within } from './context.ts';
import { F } from './functions.ts';
import { OwnedTensor } from './lifetime.ts';
import { enableGrad, isGradEnabled, noGrad } from './modes.ts';
import { getRngState, setRngState } from './random.ts';
import { keep } from './scope.ts';
import type { Tensor } from './tensor.ts';
import { begin, put, takeResults, wrap } from './wire.ts';

type Tensors = Tensor | readonly Tensor[];
type Gradients = Tensor | null | readonly (Tensor | null)[];

export interface BackwardOptions {
  /** Keeps the graph for another backward. Default: the value of `createGraph`. */
  readonly retainGraph?: boolean;
  /** Records the gradients' own graph, for higher derivatives. Default: false. */
  readonly createGraph?: boolean;
  /** Accumulates only into these leaves. Default: all of the graph's. */
  readonly inputs?: Tensors;
}

export interface GradOptions {
  /** Gradients of the outputs. Default: one for each scalar output. */
  readonly gradOutputs?: Gradients;
  readonly retainGraph?: boolean;
  readonly createGraph?: boolean;
  /** Gives null for an input that the outputs do not depend on, in place of an error. Default: false. */
  readonly allowUnused?: boolean;
}

function list<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** Sums the gradients of `tensors` into the `grad` of the leaves that they depend on. */
export function backward(tensors: Tensors, gradTensors?: Gradients, options: BackwardOptions = {}): void {
  const { createGraph = false, retainGraph = createGraph, inputs } = options;
  begin();
  put(list(tensors), 'tensors');
  put(list(gradTensors), 'gradTensors');
  put(list(inputs), 'inputs');
  native().backward(retainGraph, createGraph);
}

/** The gradients of the sum of `outputs` with respect to each of `inputs`; no `grad` is touched. */
export function grad(
  outputs: Tensors,
  inputs: Tensors,
  options: GradOptions & { allowUnused: true },
): (Tensor | null)[];
export function grad(outputs: Tensors, inputs: Tensors, options?: GradOptions): Tensor[];
export function grad(outputs: Tensors, inputs: Tensors, options: GradOptions = {}): (Tensor | null)[] {
  const { gradOutputs, createGraph = false, retainGraph = createGraph, allowUnused = false } = options;
  begin();
  put(list(outputs), 'outputs');
  put(list(gradOutputs), 'gradOutputs');
  put(list(inputs), 'inputs');
  native().gradients(retainGraph, createGraph, allowUnused);
  return asArray(takeResults([], current()));
}

function asArray(results: unknown): (Tensor | null)[] {
  if (results === undefined) return [];
  return (Array.isArray(results) ? results : [results]) as (Tensor | null)[];
}

/** What `customFunction` runs. */
export interface CustomFunction {
  /** Computes the outputs; nothing in it is recorded. */
  forward(): Tensor | readonly Tensor[];
  /** From the outputs' gradients (null where there is none) to those of the inputs, in order (null for none). */
  backward(gradients: (Tensor | null)[]): Tensor | null | readonly (Tensor | null)[];
}

/**
 * An operation with a backward of your own. `inputs` are the tensors that gradients flow to.
 * The backward runs on the JavaScript thread, hence for CPU tensors only: elsewhere it fails with `ERR_HOOK_THREAD`.
 */
export function customFunction(
  inputs: readonly Tensor[],
  { forward, backward: pullBack }: CustomFunction,
): Tensor[] {
  checkTensors(inputs, 'inputs');
  if (typeof pullBack !== 'function') throw expected('a function', 'backward', pullBack);
  const outputs = list(noGrad(forward)) as readonly Tensor[];
  checkTensors(outputs, 'the result of forward');
  if (!isGradEnabled() || !inputs.some((input) => input.requiresGrad)) return [...outputs];
  begin();
  put(inputs, 'inputs');
  put(outputs, 'outputs');
  native().attachNode((handles) => toHandles(pullBack(handles.map(fromHandle))));
  return asArray(takeResults([], current())) as Tensor[];
}

function checkTensors(values: readonly unknown[], name: string): void {
  if (!Array.isArray(values)) throw expected('an array of Tensors', name, values);
  for (const value of values) if (!OwnedTensor.is(value)) throw expected('an array of Tensors', name, value);
}

function fromHandle(handle: Handle): Tensor | null {
  return handle === 0 ? null : (wrap(handle) as Tensor);
}

function toHandles(gradients: Tensor | null | readonly (Tensor | null)[]): Handle[] {
  return list(gradients).map((gradient) => (gradient === null ? 0 : OwnedTensor.handleOf(gradient)));
}

export interface CheckpointOptions {
  /** Draws the same random numbers again when it recomputes, as dropout needs. Default: true. */
  readonly preserveRngState?: boolean;
}

/**
 * Gradient checkpointing: runs `fn` without keeping its intermediate results and computes them again in the backward.
 * Numbers are those of the plain call. `backward` only: `grad` cannot reach the parameters inside, and says so.
 */
export function checkpoint<R extends Tensor | Tensor[]>(
  fn: (...inputs: Tensor[]) => R,
  inputs: readonly Tensor[],
  { preserveRngState = true }: CheckpointOptions = {},
): R {
  if (typeof fn !== 'function') throw expected('a function', 'fn', fn);
  checkTensors(inputs, 'inputs');
  if (!isGradEnabled()) return fn(...inputs);
  // The graph holds these until its backward, which no scope may cut short.
  const held = inputs.map(reference);
  const state = preserveRngState ? keep(getRngState()) : undefined;
  const { autocast } = current();
  // Parameters inside `fn` are not among the inputs: this one makes the graph reach the node without them.
  const anchor = F.empty([0], { requiresGrad: true });
  let single = true;
  const results = customFunction([...inputs, anchor], {
    forward: () => {
      const result = fn(...inputs);
      single = !Array.isArray(result);
      return result;
    },
    backward: (gradients) => within({ autocast }, () => recompute(fn, held, gradients, state)),
  });
  return (single ? results[0] : results) as R;
}

/** The same tensor under a handle of its own, outside of every scope. */
function reference(tensor: Tensor): Tensor {
  return keep(wrap(native().share(OwnedTensor.handleOf(tensor))) as Tensor);
}

function recompute(
  fn: (...inputs: Tensor[]) => Tensor | Tensor[],
  inputs: readonly Tensor[],
  gradients: readonly (Tensor | null)[],
  state: Tensor | undefined,
): (Tensor | null)[] {
  if (!native().accumulates())
    throw new ArgumentError(
      'Expected backward() without inputs through a checkpoint but received grad() or backward({ inputs })',
      'ERR_AUTOGRAD',
    );
  const now = state && getRngState();
  if (state) setRngState(state);
  try {
    const detached = inputs.map((input) => leafOf(input));
    const outputs = list(enableGrad(() => fn(...detached)));
    const pairs = outputs.map((output, i) => [output, gradients[i] ?? null] as const);
    const used = pairs.filter(([output, gradient]) => output.requiresGrad && gradient !== null);
    if (used.length > 0) {
      backward(
        used.map(([output]) => output),
        used.map(([, gradient]) => gradient),
      );
    }
    return detached.map((input) => input.grad);
  } finally {
    if (now) setRngState(now);
  }
}

function leafOf(input: Tensor): Tensor {
  const leaf = input.detach();
  if (input.requiresGrad) leaf.requiresGrad = true;
  return leaf;
}

/** Runs `fn` so that a NaN made by a backward names its operator and the line that called it. Slow: for debugging. */
export function detectAnomaly<T>(fn: () => T): T {
  return within({ anomaly: true }, fn);
}
