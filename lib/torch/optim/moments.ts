import { F } from '../functions.ts';
import { ops } from '../ops.ts';
import { keep } from '../scope.ts';
import type { Tensor } from '../tensor.ts';
import { type Batch, type ParamState, perStep } from './algorithm.ts';

/** The state that Adam, NAdam and RAdam share: a count and two averages of the parameter's shape. */
export function moments(param: Tensor): ParamState {
  return { step: 0, exp_avg: zeros(param), exp_avg_sq: zeros(param) };
}

/** Zeros like the parameter that outlive every scope. */
export function zeros(param: Tensor): Tensor {
  return keep(F.zerosLike(param));
}

/** Lets the gradients and their squares into the averages. */
export function average(
  batch: Batch,
  grads: readonly Tensor[],
  [beta1, beta2]: readonly [number, number],
): { averages: Tensor[]; squares: Tensor[] } {
  const averages = batch.list('exp_avg');
  const squares = batch.list('exp_avg_sq');
  ops.aten._foreach_lerp_(averages, grads, 1 - beta1);
  batch.scale(squares, beta2);
  ops.aten._foreach_addcmul_(squares, grads, grads, 1 - beta2);
  return { averages, squares };
}

/** Counts one more step, as the tensors that fused operators read the counts from. */
export function counters(batch: Batch): Tensor[] {
  const device = batch.params[0]!.device;
  batch.count();
  const counts = batch.rates((step) => step);
  return perStep(counts, (count) => ops.aten.scalar_tensor(count, { dtype: 'float32', device }));
}
