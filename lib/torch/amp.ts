/** Mixed precision: operators in a narrower dtype where that is safe, and a scaler that keeps small gradients alive. */

import { types } from 'node:util';
import { expected } from '../errors.ts';
import { native } from '../native.ts';
import { current, within } from './context.ts';
import type { DType } from './dtype.ts';

/** Where autocast is offered. */
export type AutocastDevice = 'cpu' | 'cuda';

export interface AutocastOptions {
  /** `'bfloat16'` or `'float16'`. Default: float16 on CUDA, bfloat16 on the CPU. */
  readonly dtype?: DType;
  /** `false` switches it off inside of another one. Default: true. */
  readonly enabled?: boolean;
}

// One digit to the base 3 for each device; the protocol of native/wire.h.
const PLACE: Readonly<Record<AutocastDevice, number>> = { cpu: 1, cuda: 3 };
const DTYPES: readonly (DType | undefined)[] = [undefined, 'bfloat16', 'float16'];
const DEFAULT_DTYPE: Readonly<Record<AutocastDevice, DType>> = { cpu: 'bfloat16', cuda: 'float16' };

/**
 * Runs `fn`, and what it awaits, with autocast: matrix products and convolutions compute in `dtype`, what needs the
 * range of float32 (softmax, losses, norms) stays in float32, as PyTorch's lists of operators say. Weights are cast
 * once in the outermost scope. Run forward and loss in it, `backward` after it.
 *
 * @example const loss = autocast('cuda', () => crossEntropy(model.forward(x), y));
 */
export function autocast<T>(device: AutocastDevice, fn: () => T, options: AutocastOptions = {}): T {
  if (typeof fn !== 'function') throw expected('a function', 'fn', fn);
  const { enabled = true, dtype = DEFAULT_DTYPE[checked(device)] } = options;
  if (typeof enabled !== 'boolean') throw expected('a boolean', 'enabled', enabled);
  const digit = DTYPES.indexOf(dtype);
  if (digit < 1) throw expected("'bfloat16' or 'float16'", 'dtype', dtype);
  const outer = current().autocast;
  const inner = outer + ((enabled ? digit : 0) - digitOf(outer, device)) * PLACE[device];
  const run = () => within({ autocast: inner }, fn);
  if (outer !== 0 || inner === 0) return run();
  return finallyClear(run);
}

/** What autocast cast must not be found by the next scope: the weights have changed by then. */
function finallyClear<T>(run: () => T): T {
  const clear = () => native().clearAutocastCache();
  let result: T;
  try {
    result = run();
  } catch (error) {
    clear();
    throw error;
  }
  if (types.isPromise(result)) return result.finally(clear) as T;
  clear();
  return result;
}

/** Whether operators called here on that device are autocast. */
export function isAutocastEnabled(device: AutocastDevice): boolean {
  return digitOf(current().autocast, checked(device)) !== 0;
}

/** What operators called here on that device are autocast to; PyTorch's default where they are not. */
export function getAutocastDtype(device: AutocastDevice): DType {
  return DTYPES[digitOf(current().autocast, checked(device))] ?? DEFAULT_DTYPE[device];
}

function digitOf(autocast: number, device: AutocastDevice): number {
  return Math.floor(autocast / PLACE[device]) % DTYPES.length;
}

function checked(device: AutocastDevice): AutocastDevice {
  if (typeof device !== 'string' || !Object.hasOwn(PLACE, device))
    throw expected("'cpu' or 'cuda'", 'device', device);
  return device;
}
