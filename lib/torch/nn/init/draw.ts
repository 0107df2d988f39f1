import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import { noGrad } from '../../modes.ts';
import type { Generator } from '../../random.ts';
import { tidy } from '../../scope.ts';
import type { Tensor } from '../../tensor.ts';
import { calculateGain, type FanMode, fan, fans, type Nonlinearity } from './fan.ts';

/** Where random numbers come from; the default generator unless told otherwise. */
export interface DrawOptions {
  readonly generator?: Generator;
}

/** What {@link kaimingUniform_} and {@link kaimingNormal_} take: `a` is the slope of a leaky ReLU that follows (0). */
export interface KaimingOptions extends DrawOptions {
  readonly a?: number;
  readonly mode?: FanMode;
  readonly nonlinearity?: Nonlinearity;
}

/** Draws from U(low, high). Any shape. */
export function uniform_<T extends Tensor>(tensor: T, low = 0, high = 1, { generator }: DrawOptions = {}): T {
  noGrad(() => tensor.uniform_(low, high, { generator }));
  return tensor;
}

/** Draws from N(mean, std²). Any shape. */
export function normal_<T extends Tensor>(tensor: T, mean = 0, std = 1, { generator }: DrawOptions = {}): T {
  noGrad(() => tensor.normal_(mean, std, { generator }));
  return tensor;
}

/** Draws from U(-a, a), a = gain √(6 / (fanIn + fanOut)); Glorot and Bengio, 2010. `[out, in, ...]`. */
export function xavierUniform_<T extends Tensor>(tensor: T, gain = 1, options: DrawOptions = {}): T {
  const bound = Math.sqrt(3) * xavierStd(tensor, gain);
  return uniform_(tensor, -bound, bound, options);
}

/** Draws from N(0, std²), std = gain √(2 / (fanIn + fanOut)); Glorot and Bengio, 2010. `[out, in, ...]`. */
export function xavierNormal_<T extends Tensor>(tensor: T, gain = 1, options: DrawOptions = {}): T {
  return normal_(tensor, 0, xavierStd(tensor, gain), options);
}

/** Draws from U(-b, b), b = gain √(3 / fan); He et al., 2015. `[out, in, ...]`; an empty tensor is left alone. */
export function kaimingUniform_<T extends Tensor>(tensor: T, options: KaimingOptions = {}): T {
  if (tensor.shape.includes(0)) return tensor;
  const bound = Math.sqrt(3) * kaimingStd(tensor, options);
  return uniform_(tensor, -bound, bound, options);
}

/** Draws from N(0, std²), std = gain / √fan; He et al., 2015. `[out, in, ...]`; an empty tensor is left alone. */
export function kaimingNormal_<T extends Tensor>(tensor: T, options: KaimingOptions = {}): T {
  if (tensor.shape.includes(0)) return tensor;
  return normal_(tensor, 0, kaimingStd(tensor, options), options);
}

/**
 * A (semi) orthogonal matrix, from the QR decomposition of a normal draw; Saxe et al., 2013.
 *
 * @param tensor `[rows, ...]`, the trailing dimensions taken together
 */
export function orthogonal_<T extends Tensor>(tensor: T, gain = 1, { generator }: DrawOptions = {}): T {
  if (tensor.ndim < 2) throw expected('at least 2 dimensions', 'tensor', tensor.shape);
  const rows = tensor.shape[0]!;
  const columns = tensor.shape.slice(1).reduce((product, size) => product * size, 1);
  if (rows * columns === 0) return tensor;
  tidy(() =>
    noGrad(() => {
      const draw = tensor.newEmpty([rows, columns]).normal_(0, 1, { generator });
      const isWide = rows < columns;
      const [q, r] = F.linalgQr(isWide ? draw.t() : draw);
      q.mul_(r.diag().sign());
      tensor.viewAs(isWide ? q.t() : q).copy_(isWide ? q.t() : q);
      tensor.mul_(gain);
    }),
  );
  return tensor;
}

/**
 * Draws from N(0, std²) and sets a share of each column to zero; Martens, 2010.
 *
 * @param tensor `[rows, columns]`
 * @param sparsity the share of zeros, from 0 to 1
 */
export function sparse_<T extends Tensor>(
  tensor: T,
  sparsity: number,
  std = 0.01,
  { generator }: DrawOptions = {},
): T {
  if (typeof sparsity !== 'number') throw expected('a number', 'sparsity', sparsity);
  const [rows, columns, ...more] = tensor.shape;
  if (rows === undefined || columns === undefined || more.length > 0)
    throw expected('2 dimensions', 'tensor', tensor.shape);
  const zeros = Math.ceil(sparsity * rows);
  tidy(() =>
    noGrad(() => {
      tensor.normal_(0, std, { generator });
      for (let column = 0; column < columns; column++) {
        tensor.select(1, column).indexFill_(0, F.randperm(rows).slice(0, 0, zeros), 0);
      }
    }),
  );
  return tensor;
}

function xavierStd(tensor: Tensor, gain: number): number {
  if (typeof gain !== 'number') throw expected('a number', 'gain', gain);
  const { fanIn, fanOut } = fans(tensor);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

function kaimingStd(
  tensor: Tensor,
  { a = 0, mode = 'fan_in', nonlinearity = 'leaky_relu' }: KaimingOptions,
): number {
  return calculateGain(nonlinearity, a) / Math.sqrt(fan(tensor, mode));
}
