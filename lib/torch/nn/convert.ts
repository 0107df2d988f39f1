import { expected } from '../../errors.ts';
import { type Device, type DType, isDType, isFloatingPoint } from '../dtype.ts';
import { noGrad } from '../modes.ts';
import { keep, tidy } from '../scope.ts';
import { Tensor } from '../tensor.ts';
import type { Module } from './module.ts';

/** Where `to` brings a module: a dtype, a device, a tensor to take both from, or any of them by name. */
export type Placement =
  | DType
  | Device
  | Tensor
  | { readonly dtype?: DType; readonly device?: Device; readonly nonBlocking?: boolean };

/**
 * The function that `Module.to` applies to each tensor: integer tensors change device only; a tensor that is already
 * there is returned as it is.
 *
 * @throws ArgumentError for the device meta, which has no memory
 */
export function converter(target: Placement): (tensor: Tensor) => Tensor {
  const { dtype, device, nonBlocking } = parse(target);
  if (dtype !== undefined && !isConvertible(dtype))
    throw expected('a floating point or complex dtype', 'dtype', dtype);
  return (tensor) => {
    const wanted = isConvertible(tensor.dtype) ? (dtype ?? tensor.dtype) : tensor.dtype;
    const place = device ?? tensor.device;
    if (wanted === tensor.dtype && place === tensor.device) return tensor;
    // libtorch does not put a tensor without memory in the place of one with it, and parameters stay the same objects.
    if (place === 'meta') throw expected('a device with memory', 'device', place);
    return tensor.to({ dtype: wanted, device: place, nonBlocking });
  };
}

function isConvertible(dtype: DType): boolean {
  return isFloatingPoint(dtype) || dtype.startsWith('complex');
}

function parse(target: Placement): { dtype?: DType; device?: Device; nonBlocking?: boolean } {
  if (target instanceof Tensor) return { dtype: target.dtype, device: target.device };
  if (isDType(target)) return { dtype: target };
  if (typeof target === 'string') return { device: target };
  if (typeof target === 'object' && target !== null) return target;
  throw expected('a dtype, a device, a Tensor or { dtype, device }', 'target', target);
}

/** Replaces the content of every parameter and gradient of one module, and its buffers, by what `convert` returns. */
export function convertOwn(module: Module, convert: (tensor: Tensor) => Tensor): void {
  const replace = (tensor: Tensor): void => {
    const converted = convert(tensor);
    if (converted !== tensor) tensor.data = converted;
  };
  tidy(() =>
    noGrad(() => {
      for (const [, parameter] of module.ownParameters()) {
        replace(parameter);
        const grad = parameter.grad;
        if (grad !== null) replace(grad);
      }
      for (const [name, buffer] of module.ownBuffers()) {
        const converted = convert(buffer);
        if (converted !== buffer) module.setOwn(name, keep(converted));
      }
    }),
  );
}
