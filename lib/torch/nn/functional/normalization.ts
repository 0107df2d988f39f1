import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';

/** A scale and a shift learned per channel or per element. */
export interface AffineOptions {
  readonly weight?: Tensor | null;
  readonly bias?: Tensor | null;
  /** Added to the variance (1e-5). */
  readonly eps?: number;
}

/** What {@link batchNorm} takes. */
export interface BatchNormOptions extends AffineOptions {
  /** Use the batch's statistics, and update the running ones (false). */
  readonly training?: boolean;
  /** How much of the batch enters the running statistics (0.1). */
  readonly momentum?: number;
}

/**
 * `(x - mean) / √(var + eps) · weight + bias`, over the last dimensions.
 *
 * @param input `[*, ...normalizedShape]`; weight and bias have `normalizedShape`
 */
export function layerNorm(
  input: Tensor,
  normalizedShape: readonly number[],
  options: AffineOptions = {},
): Tensor {
  const { weight = null, bias = null, eps = 1e-5 } = options;
  return F.layerNorm(input, normalizedShape, weight, bias, eps, true);
}

/**
 * `x / √(mean(x²) + eps) · weight`, over the last dimensions; Zhang and Sennrich, 2019.
 *
 * @param input `[*, ...normalizedShape]`; weight has `normalizedShape`
 * @param options `eps`: the machine epsilon of the dtype unless given
 */
export function rmsNorm(
  input: Tensor,
  normalizedShape: readonly number[],
  { weight = null, eps = null }: { readonly weight?: Tensor | null; readonly eps?: number | null } = {},
): Tensor {
  return F.rmsNorm(input, normalizedShape, weight, eps);
}

/** Layer norm over each group of channels. `[N, C, *]`; weight and bias `[C]`. */
export function groupNorm(input: Tensor, numGroups: number, options: AffineOptions = {}): Tensor {
  const { weight = null, bias = null, eps = 1e-5 } = options;
  const [batch, channels, ...rest] = input.shape;
  if (batch === undefined || channels === undefined)
    throw expected('at least 2 dimensions', 'input', input.shape);
  if (typeof numGroups !== 'number') throw expected('a number', 'numGroups', numGroups);
  checkValues(Math.floor((batch * channels) / numGroups), rest);
  return F.groupNorm(input, numGroups, weight, bias, eps, true);
}

/**
 * `(x - mean) / √(var + eps) · weight + bias` over all but the channel dimension.
 *
 * @param input `[N, C, *]`; every other tensor is `[C]`
 * @param runningMean updated in place in training, used otherwise
 */
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  options: BatchNormOptions = {},
): Tensor {
  const { weight = null, bias = null, training = false, momentum = 0.1, eps = 1e-5 } = options;
  const [batch = 0, , ...rest] = input.shape;
  if (training) checkValues(batch, rest);
  if (training && !(eps > 0)) throw expected('a positive number in training', 'eps', eps);
  if (!(eps >= 0)) throw expected('a non-negative number', 'eps', eps);
  return F.batchNorm(input, weight, bias, runningMean, runningVar, training, momentum, eps, true);
}

/** Batch norm over each sample alone. `[N, C, *]`; every other tensor is `[C]`. */
export function instanceNorm(
  input: Tensor,
  { weight = null, bias = null, eps = 1e-5 }: AffineOptions = {},
): Tensor {
  if (input.shape.slice(2).reduce((product, size) => product * size, 1) === 1) {
    throw expected('more than 1 spatial element', 'input', input.shape);
  }
  return F.instanceNorm(input, weight, bias, null, null, true, 0.1, eps, true);
}

/** `x / max(‖x‖ₚ, eps)` along `dim`. `[*]` to `[*]`. */
export function normalize(
  input: Tensor,
  { p = 2, dim = 1, eps = 1e-12 }: { readonly p?: number; readonly dim?: number; readonly eps?: number } = {},
): Tensor {
  return input.div(F.linalgVectorNorm(input, p, [dim], { keepdim: true }).clampMin(eps).expandAs(input));
}

function checkValues(perChannel: number, rest: readonly number[]): void {
  if (rest.reduce((product, size) => product * size, perChannel) === 1) {
    throw expected('more than 1 value per channel when training', 'input', rest);
  }
}
