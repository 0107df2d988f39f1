import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import { noGrad } from '../../modes.ts';
import { tidy } from '../../scope.ts';
import type { Tensor } from '../../tensor.ts';

/** Fills with `value`. Any shape. */
export function constant_<T extends Tensor>(tensor: T, value: number): T {
  noGrad(() => tensor.fill_(value));
  return tensor;
}

/** Fills with 1. Any shape. */
export function ones_<T extends Tensor>(tensor: T): T {
  return constant_(tensor, 1);
}

/** Fills with 0. Any shape. */
export function zeros_<T extends Tensor>(tensor: T): T {
  noGrad(() => tensor.zero_());
  return tensor;
}

/** Ones on the diagonal, zeros elsewhere: a linear layer starts as the identity. `[n, m]`. */
export function eye_<T extends Tensor>(tensor: T): T {
  const [rows, columns, ...more] = tensor.shape;
  if (rows === undefined || columns === undefined || more.length > 0)
    throw expected('2 dimensions', 'tensor', tensor.shape);
  tidy(() =>
    noGrad(() => tensor.copy_(F.eye(rows, columns, { dtype: tensor.dtype, device: tensor.device }))),
  );
  return tensor;
}

/**
 * A delta at the centre of each kernel: a convolution starts by copying as many channels as it can.
 *
 * @param tensor `[out, in, ...kernel]` with 1 to 3 kernel dimensions
 * @param groups divides `out`; each group copies its own channels; 1 unless told otherwise
 */
export function dirac_<T extends Tensor>(tensor: T, groups = 1): T {
  const [out = 0, input = 0, ...kernel] = tensor.shape;
  if (kernel.length < 1 || kernel.length > 3) throw expected('3, 4 or 5 dimensions', 'tensor', tensor.shape);
  if (out % groups !== 0) throw expected(`a divisor of ${out}`, 'groups', groups);
  const perGroup = out / groups;
  tidy(() =>
    noGrad(() => {
      tensor.zero_();
      for (let group = 0; group < groups; group++) {
        for (let channel = 0; channel < Math.min(perGroup, input); channel++) {
          const start: Tensor = tensor.select(0, group * perGroup + channel).select(0, channel);
          kernel.reduce((rest, size) => rest.select(0, Math.floor(size / 2)), start).fill_(1);
        }
      }
    }),
  );
  return tensor;
}
