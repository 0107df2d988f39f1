/** Scopes: who frees the tensors that a piece of work makes. */

import { types } from 'node:util';
import { expected } from '../errors.ts';
import { native } from '../native.ts';
import { FIRST, numbers, openArena } from './arena.ts';
import { within } from './context.ts';
import { OwnedTensor, Scope } from './lifetime.ts';

/**
 * Runs `fn` and frees every tensor made in it, by what it awaits too, except those in its result (a tensor, or
 * tensors in arrays, maps and plain objects), which pass to the scope around.
 *
 * @example const loss = tidy(() => model.forward(x).sub(y).square().mean());
 */
export function tidy<T>(fn: () => T): T {
  return tidyNoting(fn, undefined);
}

/** @internal The same; `born` is told of the tensors in the result that `fn` made. */
export function tidyNoting<T>(fn: () => T, born: Born): T {
  if (typeof fn !== 'function') throw expected('a function', 'fn', fn);
  const scope = new Scope();
  try {
    const result = within({ owner: scope }, fn);
    return types.isPromise(result) ? (settle(result, scope, born) as T) : finish(scope, result, born);
  } catch (error) {
    scope.end();
    throw error;
  }
}

async function settle<T>(promise: Promise<T>, scope: Scope, born: Born): Promise<T> {
  try {
    return finish(scope, await promise, born);
  } finally {
    scope.end();
  }
}

type Born = ((tensor: OwnedTensor) => void) | undefined;

function finish<T>(scope: Scope, result: T, born: Born): T {
  visitTensors(result, (tensor) => {
    if (OwnedTensor.belongsTo(tensor, scope)) born?.(tensor);
    scope.hand(tensor);
  });
  scope.end();
  return result;
}

/** Takes a tensor out of every scope: it lives until it is disposed or collected. */
export function keep<T extends OwnedTensor>(tensor: T): T {
  if (!OwnedTensor.is(tensor)) throw expected('a Tensor', 'tensor', tensor);
  OwnedTensor.own(tensor, undefined);
  return tensor;
}

/** Tensors in a value: itself, or in arrays, maps, sets and plain objects, however deep; cycles are seen once. */
export function visitTensors(
  value: unknown,
  visit: (tensor: OwnedTensor) => void,
  seen = new Set<object>(),
): void {
  if (OwnedTensor.is(value)) return visit(value);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return;
  seen.add(value);
  const children = types.isMap(value) || types.isSet(value) ? value.values() : Object.values(value);
  for (const child of children) visitTensors(child, visit, seen);
}

/**
 * Gives memory back to the system that is kept for tensors on the CPU to come. A process keeps no more than it needed at
 * one time; a run of a Learner does this when it ends.
 */
export function emptyHostCache(): void {
  native().emptyHostCache();
}

/** What lives on the native side of this thread. */
export interface Memory {
  /** Live tensors, views included. */
  readonly tensors: number;
  /** Bytes of their distinct storages, and about half a kilobyte a tensor beside. */
  readonly bytes: number;
}

/** Counts the live tensors of this thread and their bytes. */
export function memory(): Memory {
  openArena();
  native().memory();
  return { tensors: numbers[FIRST] as number, bytes: numbers[FIRST + 1] as number };
}
