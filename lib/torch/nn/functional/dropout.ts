import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';
import type { InplaceOption, OrNamed } from './activation.ts';

export interface DropoutOptions extends InplaceOption {
  /** Whether to drop at all: true for dropout, false for alpha dropout, as in PyTorch. */
  readonly training?: boolean;
}

/** Zeroes elements with probability `p` and scales the others by `1 / (1 - p)`. `[*]` to `[*]`. */
export function dropout(
  input: Tensor,
  p: OrNamed<'p', DropoutOptions> = 0.5,
  { training = true, inplace = false }: DropoutOptions = {},
): Tensor {
  if (typeof p !== 'number') return dropout(input, p.p, p);
  checkProbability(p);
  return inplace ? F.dropout_(input, p, training) : F.dropout(input, p, training);
}

/** Zeroes whole channels: `[N, C, L]`, or `[C, L]` without a batch. */
export function dropout1d(
  input: Tensor,
  p: OrNamed<'p', DropoutOptions> = 0.5,
  { training = true, inplace = false }: DropoutOptions = {},
): Tensor {
  if (typeof p !== 'number') return dropout1d(input, p.p, p);
  checkProbability(p);
  if (input.ndim === 3) return featureDropout(input, p, training, inplace);
  if (input.ndim !== 2) throw expected('a tensor [N, C, L] or [C, L]', 'input', input.shape);
  if (inplace) return featureDropout(input.unsqueeze_(0), p, training, true).squeeze_(0);
  return featureDropout(input.unsqueeze(0), p, training, false).squeeze(0);
}

/** Zeroes whole channels: `[N, C, H, W]`; three dimensions are read as `[N, C, L]`. */
export function dropout2d(
  input: Tensor,
  p: OrNamed<'p', DropoutOptions> = 0.5,
  { training = true, inplace = false }: DropoutOptions = {},
): Tensor {
  if (typeof p !== 'number') return dropout2d(input, p.p, p);
  checkProbability(p);
  return featureDropout(input, p, training, inplace);
}

/** Dropout for SELU networks: dropped elements take SELU's lowest value and mean and variance are kept. `[*]` to `[*]`. */
export function alphaDropout(
  input: Tensor,
  p: OrNamed<'p', DropoutOptions> = 0.5,
  { training = false, inplace = false }: DropoutOptions = {},
): Tensor {
  if (typeof p !== 'number') return alphaDropout(input, p.p, p);
  checkProbability(p);
  return inplace ? F.alphaDropout_(input, p, training) : F.alphaDropout(input, p, training);
}

/** Alpha dropout of whole channels: `[N, C, *]`. */
export function featureAlphaDropout(
  input: Tensor,
  p: OrNamed<'p', DropoutOptions> = 0.5,
  { training = false, inplace = false }: DropoutOptions = {},
): Tensor {
  if (typeof p !== 'number') return featureAlphaDropout(input, p.p, p);
  checkProbability(p);
  return inplace ? F.featureAlphaDropout_(input, p, training) : F.featureAlphaDropout(input, p, training);
}

/** @throws ArgumentError unless `p` is within [0, 1] */
export function checkProbability(p: number, name = 'p'): void {
  if (!(p >= 0 && p <= 1)) throw expected('a probability between 0 and 1', name, p);
}

function featureDropout(input: Tensor, p: number, training: boolean, inplace: boolean): Tensor {
  return inplace ? F.featureDropout_(input, p, training) : F.featureDropout(input, p, training);
}
