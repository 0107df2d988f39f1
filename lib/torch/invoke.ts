/** From a JavaScript call to an operator: positional values, then keyword arguments from a last options object. */

import { types } from 'node:util';
import { ArgumentError, expected } from '../errors.ts';
import { native } from '../native.ts';
import { callerStack } from './callers.ts';
import { current } from './context.ts';
import { OwnedTensor } from './lifetime.ts';
import { begin, callOperator, put, putNamed } from './wire.ts';

/** An operator by its name, found in libtorch at its first call. */
export class Operator {
  readonly name: string;
  readonly overload: string | undefined;
  #index = -1;

  constructor(name: string, overload?: string) {
    this.name = name;
    this.overload = overload;
  }

  get index(): number {
    if (this.#index < 0) {
      this.#index = native().find(this.name, this.overload);
      if (this.#index < 0) {
        const full = this.overload === undefined ? this.name : `${this.name}.${this.overload}`;
        throw new ArgumentError(
          `Expected an operator of libtorch ${native().version()} but received ${full}`,
          'ERR_NO_OPERATOR',
        );
      }
    }
    return this.#index;
  }
}

/** Calls an operator, on `self` before `args` when there is one. A plain object in last place holds keyword arguments; `requiresGrad` there marks the result. */
export function invoke(operator: Operator, args: readonly unknown[], self?: OwnedTensor): unknown {
  const index = operator.index;
  const context = current();
  const last = args[args.length - 1];
  if (typeof last === 'object' && last !== null && isOptions(last)) {
    return invokeWithOptions(operator, self === undefined ? args : [self, ...args], last);
  }
  context.foresee?.(operator.name);
  begin(context);
  let positional = args.length;
  if (self !== undefined) {
    put(self, operator.name);
    positional++;
  }
  for (let i = 0; i < args.length; i++) put(args[i], operator.name);
  const result = callOperator(index, positional, 0, args, context, self);
  if (context.anomaly) watch(result);
  context.observe?.(operator.name, result, self === undefined ? args : [self, ...args]);
  return result;
}

function invokeWithOptions(operator: Operator, args: readonly unknown[], options: object): unknown {
  const index = operator.index;
  const context = current();
  // Read before anything is written: a getter may call an operator itself, through the same buffer.
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  const marks = !operator.name.endsWith('_') && entries.some(([key]) => key === 'requiresGrad');
  context.foresee?.(operator.name);
  begin(context);
  for (let i = 0; i < args.length - 1; i++) put(args[i], operator.name);
  let named = 0;
  for (const [key, value] of entries) {
    if (marks && key === 'requiresGrad') continue;
    putNamed(key, value);
    named++;
  }
  const result = callOperator(index, args.length - 1, named, args, context);
  if (marks && OwnedTensor.is(result)) {
    const requiresGrad = (options as { requiresGrad?: unknown }).requiresGrad;
    if (typeof requiresGrad !== 'boolean') throw expected('a boolean', 'requiresGrad', requiresGrad);
    native().setRequiresGrad(OwnedTensor.handleOf(result), requiresGrad);
  }
  if (context.anomaly) watch(result);
  context.observe?.(operator.name, result, args);
  return result;
}

/** Options are a plain object, of any realm: its prototype is none, or one that has none. */
function isOptions(value: object): boolean {
  if (OwnedTensor.is(value) || types.isProxy(value)) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** In anomaly mode, remembers where the operator was called, for the error when its backward makes a NaN. */
function watch(result: unknown): void {
  const tensor = Array.isArray(result) ? result.find(OwnedTensor.is) : result;
  if (!OwnedTensor.is(tensor)) return;
  native().watch(OwnedTensor.handleOf(tensor), callerStack());
}
