/** What a compiled function is compiled for: everything about its arguments but the values of their tensors. */
import { expected } from '../../errors.ts';
import { isPlainObject } from '../../plainObject.ts';
import { current } from '../context.ts';
import type { Module } from '../nn/module.ts';
import { Tensor } from '../tensor.ts';
import { kindOf } from '../wire.ts';

/** Values taken apart: the tensors in their order, and what stays the same when those are others. */
export interface Flat {
  readonly tensors: Tensor[];
  /** Tells values with other structures, shapes, dtypes or plain values apart. */
  readonly signature: string;
}

/** Takes apart tensors in arrays and plain objects, with plain values between them. */
export function flatten(value: unknown, name: string): Flat {
  const tensors: Tensor[] = [];
  const signature = describe(value, name, tensors);
  return { tensors, signature };
}

/** The signature of values but for the sizes of their tensors. */
export function signatureWithoutSizes(value: unknown, name: string): string {
  return describe(value, name, [], false);
}

function describe(value: unknown, name: string, tensors: Tensor[], sized = true): string {
  if (value instanceof Tensor) {
    // Tensors given twice are one in a tape.
    const before = tensors.indexOf(value);
    tensors.push(value);
    return before < 0 ? `[${kindOf(value, sized)}]` : `[=${before},${kindOf(value, sized)}]`;
  }
  if (Array.isArray(value)) {
    return `(${value.map((item, i) => describe(item, `${name}[${i}]`, tensors, sized)).join(';')})`;
  }
  if (isPlainObject(value)) {
    let fields = '{';
    for (const key of Object.keys(value)) fields += `${key}:${describe(value[key], key, tensors, sized)};`;
    return `${fields}}`;
  }
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return Object.is(value, -0) ? '-0' : `${value}`;
  throw expected('tensors and plain values', name, value);
}

const PLACE: unique symbol = Symbol('place of a tensor');

/** The structure of values, without their tensors. */
export function templateOf(value: unknown): unknown {
  return mapped(value, (item) => (item instanceof Tensor ? PLACE : item));
}

/** Values of a structure with these tensors, in their order. */
export function filled(template: unknown, tensors: readonly Tensor[]): unknown {
  const next = tensors.values();
  return mapped(template, (item) => (item === PLACE ? next.next().value : item));
}

function mapped(value: unknown, fn: (item: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapped(item, fn));
  if (value instanceof Tensor || !isPlainObject(value)) return fn(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapped(item, fn)]));
}

/** The modes of libtorch, and of these modules, without those inside them, under which a function is called. */
export function modesOf(modules: readonly Module[]): string {
  const { gradMode, autocast } = current();
  let training = '';
  for (const each of modules) training += each.training ? '1' : '0';
  return `${gradMode},${autocast},${training}`;
}
