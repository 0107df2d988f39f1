import type { Handle } from '../../native.ts';
import { F } from '../functions.ts';
import { FROM_NATIVE } from '../lifetime.ts';
import { keep } from '../scope.ts';
import { aliasHandle, Tensor } from '../tensor.ts';
import type { FactoryOptions } from './options.ts';

/**
 * A tensor that a module owns and an optimizer updates: a leaf that shares the storage of `data` and outlives every
 * scope. A module finds it among its fields.
 */
export class Parameter extends Tensor {
  /**
   * @param data values of any shape; its storage is shared, not copied
   * @param requiresGrad whether `backward` fills its `grad`; true unless told otherwise
   */
  constructor(data: Tensor, requiresGrad = true) {
    super(aliasHandle(data), FROM_NATIVE);
    keep(this);
    if (requiresGrad) this.requiresGrad = true;
  }

  /** @internal Takes the number of a native tensor over: that tensor itself, not one that shares its storage. */
  static fromHandle(handle: Handle): Parameter {
    return keep(Reflect.construct(Tensor, [handle, FROM_NATIVE], Parameter) as Parameter);
  }

  override toString(): string {
    return `Parameter containing:\n${super.toString()}`;
  }
}

/** A parameter of the given shape whose values are not set yet. */
export function emptyParameter(shape: readonly number[], { dtype, device }: FactoryOptions = {}): Parameter {
  const data = F.empty([...shape], { dtype, device });
  try {
    return new Parameter(data);
  } finally {
    data.dispose();
  }
}
