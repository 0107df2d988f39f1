import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';
import type { Size } from './conv.ts';

/** Windows over the last dimensions: `[N, C, L]` or `[N, C, H, W]`, the batch being optional. */

export interface PoolOptions {
  /** The size of the window unless given. */
  readonly stride?: Size | null;
  readonly padding?: Size;
  /** Let the last window hang over the edge (false). */
  readonly ceilMode?: boolean;
}

export interface MaxPoolOptions extends PoolOptions {
  readonly dilation?: Size;
}

export interface AvgPoolOptions extends PoolOptions {
  /** Whether padded zeros count in the mean (true). */
  readonly countIncludePad?: boolean;
}

export interface AvgPool2dOptions extends AvgPoolOptions {
  /** Divide by this instead of the size of the window. */
  readonly divisorOverride?: number | null;
}

/** The largest value of each window: `[N, C, L]` to `[N, C, L']`. */
export function maxPool1d(input: Tensor, kernelSize: Size, options: MaxPoolOptions = {}): Tensor {
  const { stride = null, padding = 0, dilation = 1, ceilMode = false } = options;
  return F.maxPool1d(input, kernelSize, stride ?? [], padding, dilation, ceilMode);
}

/** {@link maxPool1d} and where each value was. */
export function maxPool1dWithIndices(
  input: Tensor,
  kernelSize: Size,
  options: MaxPoolOptions = {},
): [output: Tensor, indices: Tensor] {
  const { stride = null, padding = 0, dilation = 1, ceilMode = false } = options;
  return F.maxPool1dWithIndices(input, kernelSize, stride ?? [], padding, dilation, ceilMode);
}

/** The largest value of each window: `[N, C, H, W]` to `[N, C, H', W']`. */
export function maxPool2d(input: Tensor, kernelSize: Size, options: MaxPoolOptions = {}): Tensor {
  const { stride = null, padding = 0, dilation = 1, ceilMode = false } = options;
  return F.maxPool2d(input, kernelSize, stride ?? [], padding, dilation, ceilMode);
}

/** {@link maxPool2d} and where each value was, counted over the flattened image. */
export function maxPool2dWithIndices(
  input: Tensor,
  kernelSize: Size,
  options: MaxPoolOptions = {},
): [output: Tensor, indices: Tensor] {
  const { stride = null, padding = 0, dilation = 1, ceilMode = false } = options;
  return F.maxPool2dWithIndices(input, kernelSize, stride ?? [], padding, dilation, ceilMode);
}

/** The mean of each window: `[N, C, L]` to `[N, C, L']`. */
export function avgPool1d(input: Tensor, kernelSize: Size, options: AvgPoolOptions = {}): Tensor {
  const { stride = null, padding = 0, ceilMode = false, countIncludePad = true } = options;
  return F.avgPool1d(input, kernelSize, stride ?? [], padding, ceilMode, countIncludePad);
}

/** The mean of each window: `[N, C, H, W]` to `[N, C, H', W']`. */
export function avgPool2d(input: Tensor, kernelSize: Size, options: AvgPool2dOptions = {}): Tensor {
  const {
    stride = null,
    padding = 0,
    ceilMode = false,
    countIncludePad = true,
    divisorOverride = null,
  } = options;
  return F.avgPool2d(input, kernelSize, stride ?? [], padding, ceilMode, countIncludePad, divisorOverride);
}

/** The means of `outputSize` windows that cover the input: `[N, C, L]` to `[N, C, outputSize]`. */
export function adaptiveAvgPool1d(input: Tensor, outputSize: number): Tensor {
  return F.adaptiveAvgPool1d(input, outputSize);
}

/** One size for both dimensions, or one for each; null keeps the input's. */
export type OutputSize = number | null | readonly [number | null, number | null];

/** The means of windows that cover the input: `[N, C, H, W]` to `[N, C, ...outputSize]`. */
export function adaptiveAvgPool2d(input: Tensor, outputSize: OutputSize): Tensor {
  return F.adaptiveAvgPool2d(input, resolve(outputSize, input));
}

/** The maxima of `outputSize` windows that cover the input: `[N, C, L]` to `[N, C, outputSize]`. */
export function adaptiveMaxPool1d(input: Tensor, outputSize: number): Tensor {
  return adaptiveMaxPool1dWithIndices(input, outputSize)[0];
}

/** {@link adaptiveMaxPool1d} and where each value was. */
export function adaptiveMaxPool1dWithIndices(
  input: Tensor,
  outputSize: number,
): [output: Tensor, indices: Tensor] {
  return F.adaptiveMaxPool1d(input, outputSize);
}

/** The maxima of windows that cover the input: `[N, C, H, W]` to `[N, C, ...outputSize]`. */
export function adaptiveMaxPool2d(input: Tensor, outputSize: OutputSize): Tensor {
  return adaptiveMaxPool2dWithIndices(input, outputSize)[0];
}

/** {@link adaptiveMaxPool2d} and where each value was, counted over the flattened image. */
export function adaptiveMaxPool2dWithIndices(
  input: Tensor,
  outputSize: OutputSize,
): [output: Tensor, indices: Tensor] {
  return F.adaptiveMaxPool2d(input, resolve(outputSize, input));
}

function resolve(outputSize: OutputSize, input: Tensor): number | number[] {
  if (typeof outputSize === 'number') return outputSize;
  const spatial = input.shape.slice(-2);
  return spatial.map((size, i) => outputSize?.[i] ?? size);
}
