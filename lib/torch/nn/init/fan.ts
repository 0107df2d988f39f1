import { expected } from '../../../errors.ts';
import type { Tensor } from '../../tensor.ts';

/** What a layer is followed by; see {@link calculateGain}. */
export type Nonlinearity =
  | 'linear'
  | 'conv1d'
  | 'conv2d'
  | 'conv3d'
  | 'conv_transpose1d'
  | 'conv_transpose2d'
  | 'conv_transpose3d'
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'leaky_relu'
  | 'selu';

/** Whether the variance is kept in the forward pass (`fan_in`) or in the backward pass (`fan_out`). */
export type FanMode = 'fan_in' | 'fan_out';

const GAINS: Readonly<Record<Exclude<Nonlinearity, 'leaky_relu'>, number>> = {
  linear: 1,
  conv1d: 1,
  conv2d: 1,
  conv3d: 1,
  conv_transpose1d: 1,
  conv_transpose2d: 1,
  conv_transpose3d: 1,
  sigmoid: 1,
  tanh: 5 / 3,
  relu: Math.sqrt(2),
  selu: 3 / 4,
};

/**
 * The factor by which a nonlinearity asks initial values to be scaled.
 *
 * @param param the negative slope of `leaky_relu`, 0.01 unless told otherwise
 */
export function calculateGain(nonlinearity: Nonlinearity, param = 0.01): number {
  if (nonlinearity === 'leaky_relu') {
    if (typeof param !== 'number') throw expected('a number', 'param', param);
    return Math.sqrt(2 / (1 + param * param));
  }
  if (typeof nonlinearity !== 'string' || !Object.hasOwn(GAINS, nonlinearity)) {
    throw expected(
      `one of ${[...Object.keys(GAINS), 'leaky_relu'].join(', ')}`,
      'nonlinearity',
      nonlinearity,
    );
  }
  return GAINS[nonlinearity];
}

/** Inputs and outputs of one unit of a weight `[out, in, ...kernel]`. */
export function fans(tensor: Tensor): { readonly fanIn: number; readonly fanOut: number } {
  const [out, input, ...kernel] = tensor.shape;
  if (out === undefined || input === undefined)
    throw expected('at least 2 dimensions', 'tensor', tensor.shape);
  const field = kernel.reduce((product, size) => product * size, 1);
  return { fanIn: input * field, fanOut: out * field };
}

/** The fan that `mode` names. */
export function fan(tensor: Tensor, mode: FanMode): number {
  if (mode !== 'fan_in' && mode !== 'fan_out') throw expected("'fan_in' or 'fan_out'", 'mode', mode);
  const { fanIn, fanOut } = fans(tensor);
  return mode === 'fan_in' ? fanIn : fanOut;
}
