import { F } from '../functions.ts';
import { ops } from '../ops.ts';
import { keep } from '../scope.ts';
import type { Tensor } from '../tensor.ts';
import type { Algorithm } from './algorithm.ts';
import { counters } from './moments.ts';
import { Optimizer, type Params } from './optimizer.ts';
import { eps, flag, lr, number, weightDecay } from './rules.ts';

export interface AdagradOptions {
  /** Learning rate (0.01). */
  lr: number;
  /** How fast the learning rate decays (0). */
  lrDecay: number;
  /** L2 penalty (0). */
  weightDecay: number;
  /** Where the sum of squared gradients begins (0). */
  initialAccumulatorValue: number;
  /** Added to the denominator (1e-10). */
  eps: number;
  /** Goes up instead of down (false). */
  maximize: boolean;
  /** Updates through one fused operator, on the CPU only, bit-equal to PyTorch's with the same option (false). */
  fused: boolean;
}

const adagrad: Algorithm<AdagradOptions> = {
  name: 'Adagrad',
  defaults: {
    lr: 1e-2,
    lrDecay: 0,
    weightDecay: 0,
    initialAccumulatorValue: 0,
    eps: 1e-10,
    maximize: false,
    fused: false,
  },
  rules: {
    lr,
    lrDecay: number('Invalid lrDecay value'),
    weightDecay,
    initialAccumulatorValue: number('Invalid initialAccumulatorValue value'),
    eps,
    maximize: flag,
    fused: flag,
  },
  start: (param, { initialAccumulatorValue }) => ({ step: 0, sum: filled(param, initialAccumulatorValue) }),
  early: true,
  complex: 'pairs',
  isRated: true,

  update(batch, options) {
    const { lrDecay, eps } = options;
    batch.count();
    const grads = batch.descent(options);
    const sums = batch.list('sum');
    ops.aten._foreach_addcmul_(sums, grads, grads, 1);
    const denominators = ops.aten._foreach_sqrt(sums);
    ops.aten._foreach_add_(denominators, eps);
    const sizes = batch.rates((step, lr) => -(lr / (1 + (step - 1) * lrDecay)));
    ops.aten._foreach_addcdiv_(batch.params, grads, denominators, sizes);
  },

  fused(batch, { lrDecay, weightDecay, eps, maximize }) {
    const options = { lr: batch.rate((lr) => lr), lrDecay, weightDecay, eps, maximize };
    ops.aten._fused_adagrad_(batch.params, batch.grads, batch.list('sum'), counters(batch), options);
  },
};

/** Adagrad (Duchi et al., 2011): `p = p - lr g / (sqrt(s) + eps)` with the sum `s` of all g². */
export class Adagrad extends Optimizer<AdagradOptions> {
  constructor(params: Params<AdagradOptions>, options: Partial<AdagradOptions> = {}) {
    super(adagrad, params, options);
  }
}

/** The sum to begin with: both parts of a complex one have the value. */
function filled(param: Tensor, value: number): Tensor {
  const sum = keep(F.fullLike(param, value));
  if (param.dtype.startsWith('complex')) ops.aten.view_as_real(sum).fill_(value);
  return sum;
}
