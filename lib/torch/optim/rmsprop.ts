import { ops } from '../ops.ts';
import type { Algorithm } from './algorithm.ts';
import { zeros } from './moments.ts';
import { Optimizer, type Params } from './optimizer.ts';
import { eps, flag, lr, number, weightDecay } from './rules.ts';

export interface RMSpropOptions {
  /** Learning rate (0.01). */
  lr: number;
  /** Decay of the average of squared gradients (0.99). */
  alpha: number;
  /** Added to the denominator (1e-8). */
  eps: number;
  /** L2 penalty (0). */
  weightDecay: number;
  /** How much of the last update is kept (0). */
  momentum: number;
  /** Subtracts the squared mean of the gradient from the average, which leaves its variance (false). */
  centered: boolean;
  /** Goes up instead of down (false). */
  maximize: boolean;
}

const rmsprop: Algorithm<RMSpropOptions> = {
  name: 'RMSprop',
  defaults: {
    lr: 1e-2,
    alpha: 0.99,
    eps: 1e-8,
    weightDecay: 0,
    momentum: 0,
    centered: false,
    maximize: false,
  },
  rules: {
    lr,
    alpha: number('Invalid alpha value'),
    eps,
    weightDecay,
    momentum: number('Invalid momentum value'),
    centered: flag,
    maximize: flag,
  },
  start: (param, { momentum, centered }) => ({
    step: 0,
    square_avg: zeros(param),
    ...(momentum > 0 ? { momentum_buffer: zeros(param) } : {}),
    ...(centered ? { grad_avg: zeros(param) } : {}),
  }),
  complex: 'pairs',
  isRated: true,

  update(batch, options) {
    const { alpha, eps, momentum, centered } = options;
    batch.count();
    const grads = batch.descent(options);
    const squares = batch.list('square_avg');
    batch.scale(squares, alpha);
    ops.aten._foreach_addcmul_(squares, grads, grads, 1 - alpha);
    let spread = squares;
    if (centered) {
      const means = batch.list('grad_avg');
      ops.aten._foreach_lerp_(means, grads, 1 - alpha);
      spread = ops.aten._foreach_addcmul(squares, means, means, -1);
    }
    const denominators = ops.aten._foreach_sqrt(spread);
    ops.aten._foreach_add_(denominators, eps);
    const size = batch.rate((lr) => -lr);
    if (momentum > 0) {
      const buffers = batch.list('momentum_buffer');
      batch.scale(buffers, momentum);
      ops.aten._foreach_addcdiv_(buffers, grads, denominators);
      ops.aten._foreach_add_(batch.params, buffers, { alpha: size });
    } else {
      ops.aten._foreach_addcdiv_(batch.params, grads, denominators, size);
    }
  },
};

/** RMSprop (Hinton's lectures): `p = p - lr g / (sqrt(v) + eps)` with an average `v` of g². */
export class RMSprop extends Optimizer<RMSpropOptions> {
  constructor(params: Params<RMSpropOptions>, options: Partial<RMSpropOptions> = {}) {
    super(rmsprop, params, options);
  }
}
