import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';

/** One number for every spatial dimension, or one for each. */
export type Size = number | readonly number[];

/** What a convolution takes. */
export interface ConvOptions {
  readonly bias?: Tensor | null;
  readonly stride?: Size;
  /** Zeros on both sides (0); 'same' keeps the size (stride 1 only), 'valid' is 0. */
  readonly padding?: Size | 'same' | 'valid';
  readonly dilation?: Size;
  readonly groups?: number;
}

/** What a transposed convolution takes. */
export interface ConvTransposeOptions extends Omit<ConvOptions, 'padding'> {
  readonly padding?: Size;
  readonly outputPadding?: Size;
}

/** Cross-correlation: `[N, C, L]` with weight `[out, C / groups, k]` gives `[N, out, L']`. */
export function conv1d(input: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  const { bias = null, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  if (typeof padding === 'string') return F.conv1d(input, weight, bias, stride, padding, dilation, groups);
  return F.conv1d(input, weight, bias, stride, padding, dilation, groups);
}

/** Cross-correlation: `[N, C, H, W]` with weight `[out, C / groups, kH, kW]` gives `[N, out, H', W']`. */
export function conv2d(input: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  const { bias = null, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  if (typeof padding === 'string') return F.conv2d(input, weight, bias, stride, padding, dilation, groups);
  return F.conv2d(input, weight, bias, stride, padding, dilation, groups);
}

/** The transpose of {@link conv1d}: weight `[C, out / groups, k]`. */
export function convTranspose1d(input: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  const { bias = null, stride = 1, padding = 0, outputPadding = 0, groups = 1, dilation = 1 } = options;
  return F.convTranspose1d(input, weight, bias, stride, padding, outputPadding, groups, dilation);
}

/** The transpose of {@link conv2d}: weight `[C, out / groups, kH, kW]`. */
export function convTranspose2d(input: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  const { bias = null, stride = 1, padding = 0, outputPadding = 0, groups = 1, dilation = 1 } = options;
  return F.convTranspose2d(input, weight, bias, stride, padding, outputPadding, groups, dilation);
}

/** What {@link unfold} and {@link fold} take; 1 for `dilation` and `stride`, 0 for `padding`. */
export interface UnfoldOptions {
  readonly dilation?: Size;
  readonly padding?: Size;
  readonly stride?: Size;
}

/** The windows of `[N, C, H, W]` as columns: `[N, C kH kW, L]`. */
export function unfold(
  input: Tensor,
  kernelSize: Size,
  { dilation = 1, padding = 0, stride = 1 }: UnfoldOptions = {},
): Tensor {
  return F.im2col(input, kernelSize, dilation, padding, stride);
}

/** Sums columns `[N, C kH kW, L]` back into `[N, C, H, W]`. */
export function fold(
  input: Tensor,
  outputSize: Size,
  kernelSize: Size,
  { dilation = 1, padding = 0, stride = 1 }: UnfoldOptions = {},
): Tensor {
  return F.col2im(input, outputSize, kernelSize, dilation, padding, stride);
}
