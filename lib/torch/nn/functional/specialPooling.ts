import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';
import { relu } from './activation.ts';
import type { Size } from './conv.ts';
import { avgPool1d, avgPool2d, maxPool1d, maxPool2d, type PoolOptions } from './pooling.ts';

/** Pooling by norms, over random regions, and back to where maxima were. */

export type LPPoolOptions = Omit<PoolOptions, 'padding'>;

/** `(Σ xᵖ)^(1/p)` of each window, the sum of what is negative counting as 0: `[N, C, L]` to `[N, C, L']`. */
export function lpPool1d(
  input: Tensor,
  normType: number,
  kernelSize: number,
  options: LPPoolOptions = {},
): Tensor {
  return powerMean(input, normType, kernelSize, kernelSize, options, avgPool1d, maxPool1d);
}

/** `(Σ xᵖ)^(1/p)` of each window, the sum of what is negative counting as 0: `[N, C, H, W]` to `[N, C, H', W']`. */
export function lpPool2d(
  input: Tensor,
  normType: number,
  kernelSize: Size,
  options: LPPoolOptions = {},
): Tensor {
  const [height, width] = sizes(kernelSize, 2) as [number, number];
  return powerMean(input, normType, kernelSize, height * width, options, avgPool2d, maxPool2d);
}

type Pool<K> = (input: Tensor, kernelSize: K, options: PoolOptions) => Tensor;

function powerMean<K extends Size>(
  input: Tensor,
  p: number,
  kernelSize: K,
  count: number,
  { stride = null, ceilMode = false }: LPPoolOptions,
  mean: Pool<K>,
  max: Pool<K>,
): Tensor {
  if (typeof p !== 'number') throw expected('a number', 'normType', p);
  const options = { stride, ceilMode };
  if (p === Infinity) return max(input.abs(), kernelSize, options);
  if (p === -Infinity) return max(input.abs().neg(), kernelSize, options).neg();
  const means = mean(input.pow(p), kernelSize, options);
  return means
    .sign()
    .mul(relu(means.abs()))
    .mul(count)
    .pow(1 / p);
}

/** What {@link fractionalMaxPool2d} takes: one of the sizes, and where regions begin. */
export interface FractionalPoolOptions {
  readonly outputSize?: Size | null;
  /** The output's share of the input, between 0 and 1, for both dimensions or for each. */
  readonly outputRatio?: Size | null;
  /** `[N, C, 2]` within [0, 1); drawn unless given. */
  readonly randomSamples?: Tensor | null;
}

/** The maxima of windows at pseudo-random places: `[N, C, H, W]` to `[N, C, ...outputSize]`; Graham, 2014. */
export function fractionalMaxPool2d(input: Tensor, kernelSize: Size, options: FractionalPoolOptions): Tensor {
  return fractionalMaxPool2dWithIndices(input, kernelSize, options)[0];
}

/** {@link fractionalMaxPool2d} and where each value was, counted over the flattened image. */
export function fractionalMaxPool2dWithIndices(
  input: Tensor,
  kernelSize: Size,
  { outputSize = null, outputRatio = null, randomSamples = null }: FractionalPoolOptions,
): [output: Tensor, indices: Tensor] {
  if ((outputSize === null) === (outputRatio === null))
    throw expected('either outputSize or outputRatio', 'options', { outputSize, outputRatio });
  const { shape, dtype, device } = input;
  const spatial = shape.slice(-2);
  const ratios = outputRatio === null ? [] : checkRatios(sizes(outputRatio, 2));
  const target = outputSize ?? spatial.map((size, i) => Math.trunc(size * ratios[i]!));
  const batch = shape.length === 3 ? 1 : shape[0]!;
  const samples = randomSamples ?? F.rand([batch, shape.at(-3)!, 2], { dtype, device });
  return F.fractionalMaxPool2d(input, kernelSize, target, samples);
}

/** @throws ArgumentError unless every ratio is between 0 and 1 */
export function checkRatios(ratios: readonly number[]): readonly number[] {
  for (const ratio of ratios)
    if (!(ratio > 0 && ratio < 1)) throw expected('a number between 0 and 1', 'outputRatio', ratio);
  return ratios;
}

/** What {@link maxUnpool1d} and {@link maxUnpool2d} take. */
export interface UnpoolOptions {
  /** The size of the window unless given. */
  readonly stride?: Size | null;
  readonly padding?: Size;
  /** Which of the sizes that pool to the input's is meant; the least one unless given. With or without N and C. */
  readonly outputSize?: readonly number[] | null;
}

/** Puts each maximum back where it was, zeros elsewhere: `[N, C, L]` and its indices to `[N, C, L']`. */
export function maxUnpool1d(
  input: Tensor,
  indices: Tensor,
  kernelSize: Size,
  options: UnpoolOptions = {},
): Tensor {
  const size = unpooledSize(input, sizes(kernelSize, 1), options);
  return F.maxUnpool2d(input.unsqueeze(-1), indices.unsqueeze(-1), [...size, 1]).squeeze(-1);
}

/** Puts each maximum back where it was, zeros elsewhere: `[N, C, H, W]` and its indices to `[N, C, H', W']`. */
export function maxUnpool2d(
  input: Tensor,
  indices: Tensor,
  kernelSize: Size,
  options: UnpoolOptions = {},
): Tensor {
  return F.maxUnpool2d(input, indices, unpooledSize(input, sizes(kernelSize, 2), options));
}

function unpooledSize(
  input: Tensor,
  kernel: readonly number[],
  { stride = null, padding = 0, outputSize = null }: UnpoolOptions,
): number[] {
  const count = kernel.length;
  const steps = stride === null ? kernel : sizes(stride, count);
  const edges = sizes(padding, count);
  const pooled = input.shape.slice(-count);
  const least = pooled.map((size, i) => (size - 1) * steps[i]! + kernel[i]! - 2 * edges[i]!);
  if (outputSize === null) return least;
  const given = outputSize.length === count + 2 ? outputSize.slice(2) : [...outputSize];
  if (given.length !== count) throw expected(`${count} or ${count + 2} sizes`, 'outputSize', outputSize);
  for (const [i, size] of given.entries()) {
    if (!(Math.abs(size - least[i]!) < steps[i]!))
      throw expected(`less than ${steps[i]} from ${least[i]} in dimension ${i}`, 'outputSize', outputSize);
  }
  return given;
}

/** One number for every dimension, as an array. */
export function sizes(value: Size, count: number): readonly number[] {
  const all = typeof value === 'number' ? new Array<number>(count).fill(value) : value;
  if (!Array.isArray(all) || all.length !== count || !all.every((one) => typeof one === 'number'))
    throw expected(count === 1 ? 'a number' : `a number or ${count} numbers`, 'size', value);
  return all;
}
