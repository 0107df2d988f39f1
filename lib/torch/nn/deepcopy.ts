import { types } from 'node:util';
import { expected } from '../../errors.ts';
import { noGrad } from '../modes.ts';
import { keep } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/**
 * An independent copy of a module: parameters and buffers are cloned (what is shared inside stays shared), gradients are
 * not, and no random number is drawn. Fields are copied; a class that keeps state in `#private` fields cannot be.
 *
 * @param memo what stands in the copy for an object; as Python's, nothing at first
 */
export function deepcopy<T extends Module>(module: T, memo: ReadonlyMap<object, unknown> = new Map()): T {
  if (!(module instanceof Module)) throw expected('a Module', 'module', module);
  return noGrad(() => copy(module, new Map(memo))) as T;
}

function copy(value: unknown, done: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (done.has(value)) return done.get(value);
  const remember = <V>(copied: V): V => {
    done.set(value, copied);
    return copied;
  };
  if (value instanceof Tensor) return remember(copyTensor(value));
  if (Array.isArray(value)) {
    const copied: unknown[] = remember([]);
    for (const one of value) copied.push(copy(one, done));
    return copied;
  }
  if (types.isMap(value)) {
    const copied: Map<unknown, unknown> = remember(new Map());
    for (const [key, one] of value) copied.set(key, copy(one, done));
    return copied;
  }
  if (value instanceof Module) {
    const copied = value.deepcopied(done);
    if (copied !== undefined) return remember(copied);
  }
  if (value instanceof Module || Object.getPrototypeOf(value) === Object.prototype) {
    const copied = remember(Object.create(Object.getPrototypeOf(value)));
    for (const key of Reflect.ownKeys(value)) {
      const field = Object.getOwnPropertyDescriptor(value, key)!;
      if ('value' in field) field.value = copy(field.value, done);
      Object.defineProperty(copied, key, field);
    }
    return copied;
  }
  return value;
}

function copyTensor(tensor: Tensor): Tensor {
  const values = tensor.detach().clone();
  if (!(tensor instanceof Parameter)) {
    values.requiresGrad = tensor.requiresGrad;
    return keep(values);
  }
  const copied = new Parameter(values, tensor.requiresGrad);
  values.dispose();
  return copied;
}
