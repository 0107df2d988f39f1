/**
 * Arguments and results of TorchScript, which may nest: leaves stand in the shared buffer one after the other, and a
 * text beside it says how they nest. native/script_value.h is the other end.
 */

import { types } from 'node:util';
import { ArgumentError, expected } from '../../errors.ts';
import { native } from '../../native.ts';
import { refreshArena } from '../arena.ts';
import { Complex } from '../complex.ts';
import { current, WHOLE_FUNCTION } from '../context.ts';
import { GeneratorHandle } from '../generatorHandle.ts';
import { OwnedTensor } from '../lifetime.ts';
import { isArray } from '../nested.ts';
import { begin, put, takeResults } from '../wire.ts';

const DEEPEST = 64;
const MOST_LEAVES = 2 ** 20;

/** What a script takes and gives: tensors, numbers, strings, null, and arrays and dictionaries of them. */
export type ScriptValue = unknown;

/** Calls a method of a native module and returns its result. */
export function callScript(module: number, method: string, args: readonly ScriptValue[]): ScriptValue {
  const { shape, context } = give(method, args);
  return taken(native().scriptCall(module, method, shape), context);
}

/** The same on the step thread. */
export async function callScriptAsync(
  module: number,
  method: string,
  args: readonly ScriptValue[],
): Promise<ScriptValue> {
  const { shape, context } = give(method, args);
  if (context.isWrittenDown === true)
    throw new ArgumentError(
      'Expected a synchronous call of a TorchScript module in what is written down or compiled',
    );
  const result = await native().scriptStart(module, method, shape);
  return taken(native().scriptTake(result), context);
}

/** Sets an attribute that is neither a tensor nor a module. */
export function setScriptAttribute(module: number, name: string, value: ScriptValue): void {
  const leaves: unknown[] = [];
  const shape = flatten(value, `attribute ${name}`, leaves, 0);
  begin();
  for (const leaf of leaves) put(leaf, `attribute ${name}`);
  native().scriptSetAttribute(module, name, shape);
}

/** What such an attribute is. */
export function scriptAttribute(module: number, name: string): ScriptValue {
  begin();
  return taken(native().scriptAttribute(module, name), current());
}

/** Writes the arguments into the buffer. */
function give(
  method: string,
  args: readonly ScriptValue[],
): { readonly shape: string; readonly context: ReturnType<typeof current> } {
  // Read before anything is written: a getter may call an operator itself, through the same buffer.
  const leaves: unknown[] = [];
  const shape = args.map((arg, i) => flatten(arg, `argument ${i + 1} of ${method}`, leaves, 0)).join('');
  const context = current();
  context.foresee?.(WHOLE_FUNCTION);
  context.observe?.(WHOLE_FUNCTION, undefined, args);
  begin(context);
  for (const leaf of leaves) put(leaf, `an argument of ${method}`);
  return { shape, context };
}

function taken(
  [reply, isGrown]: readonly [reply: string, isGrown: boolean],
  context: ReturnType<typeof current>,
): ScriptValue {
  if (isGrown) refreshArena();
  const results = takeResults([], context);
  const parts = reply.split('.').length - 1;
  return build(reply, parts === 1 ? [results] : ((results ?? []) as unknown[]));
}

/** Appends the leaves of a value, and returns how they nest. */
function flatten(value: unknown, name: string, leaves: unknown[], depth: number): string {
  if (depth > DEEPEST) throw expected(`at most ${DEEPEST} levels`, name, value);
  if (typeof value !== 'object' || value === null || isLeaf(value)) {
    if (leaves.push(value) > MOST_LEAVES) throw expected(`at most ${MOST_LEAVES} values`, name, value);
    if (value === undefined) throw expected('a value', name, value);
    return '.';
  }
  let text = '';
  if (isArray(value)) {
    for (let i = 0; i < value.length; i++) text += flatten(value[i], name, leaves, depth + 1);
    return `[${text}]`;
  }
  for (const [key, one] of entriesOf(value, name)) {
    if (typeof key === 'object') throw expected('a string or a number', `a key of ${name}`, key);
    text += flatten(key, name, leaves, depth + 1) + flatten(one, name, leaves, depth + 1);
  }
  return `{${text}}`;
}

function isLeaf(value: object): boolean {
  return (
    OwnedTensor.is(value) || GeneratorHandle.is(value) || (!types.isProxy(value) && value instanceof Complex)
  );
}

function entriesOf(value: object, name: string): Iterable<[unknown, unknown]> {
  if (types.isProxy(value)) throw expected('a value that a script takes', name, value);
  if (types.isMap(value)) return value;
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    throw expected('a value that a script takes', name, value);
  return Object.entries(value);
}

/** Puts the leaves back where the shape says: arrays, objects for keys of the type of strings, Maps for others. */
function build(shape: string, leaves: readonly unknown[]): unknown {
  let at = 0;
  let leaf = 0;
  const until = (end: string): unknown[] => {
    const values: unknown[] = [];
    while (shape[at] !== end) values.push(next());
    at++;
    return values;
  };
  const next = (): unknown => {
    const kind = shape[at++];
    if (kind === '.') return leaves[leaf++];
    if (kind === '[') return until(']');
    if (kind === '{') return Object.fromEntries(pairs(until('}')) as [string, unknown][]);
    if (kind === '<') return new Map(pairs(until('>')));
    throw new ArgumentError(`Expected a well-formed shape but received ${shape.slice(0, 60)}`);
  };
  return next();
}

function pairs(flat: readonly unknown[]): [unknown, unknown][] {
  const entries: [unknown, unknown][] = [];
  for (let i = 0; i < flat.length; i += 2) entries.push([flat[i], flat[i + 1]]);
  return entries;
}
