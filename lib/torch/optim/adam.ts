import { ops } from '../ops.ts';
import { type Algorithm, biasCorrection } from './algorithm.ts';
import { pow } from './libm.ts';
import { average, counters, moments, zeros } from './moments.ts';
import { Optimizer, type Params } from './optimizer.ts';
import { betas, eps, flag, lr, weightDecay } from './rules.ts';

export interface AdamOptions {
  /** Learning rate (0.001). */
  lr: number;
  /** Decay of the averages of the gradient and of its square ([0.9, 0.999]). */
  betas: readonly [number, number];
  /** Added to the denominator (1e-8). */
  eps: number;
  /** L2 penalty, or with `decoupledWeightDecay` the shrinking of parameters (0; AdamW: 0.01). */
  weightDecay: number;
  /** Divides by the largest second moment so far (false). */
  amsgrad: boolean;
  /** Goes up instead of down (false). */
  maximize: boolean;
  /** Updates through one fused operator, faster and bit-equal to PyTorch's with the same option (false). */
  fused: boolean;
  /** Whether weight decay is AdamW's: apart from the gradient (false). */
  decoupledWeightDecay: boolean;
}

const adam: Algorithm<AdamOptions> = {
  name: 'Adam',
  defaults: {
    lr: 1e-3,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0,
    amsgrad: false,
    maximize: false,
    fused: false,
    decoupledWeightDecay: false,
  },
  rules: {
    lr,
    betas,
    eps,
    weightDecay,
    amsgrad: flag,
    maximize: flag,
    fused: flag,
    decoupledWeightDecay: flag,
  },
  start: (param, { amsgrad }) => ({
    ...moments(param),
    ...(amsgrad ? { max_exp_avg_sq: zeros(param) } : {}),
  }),
  complex: 'pairs',
  isRated: true,

  update(batch, options) {
    const { betas, eps, amsgrad } = options;
    const [beta1, beta2] = betas;
    batch.count();
    const grads = batch.descent(options);
    const { averages, squares } = average(batch, grads, betas);
    let second = squares;
    if (amsgrad) {
      second = batch.list('max_exp_avg_sq');
      ops.aten._foreach_maximum_(second, squares);
    }
    const denominators = ops.aten._foreach_sqrt(second);
    ops.aten._foreach_div_(
      denominators,
      batch.rates((step) => pow(biasCorrection(beta2, step), 0.5)),
    );
    ops.aten._foreach_add_(denominators, eps);
    const sizes = batch.rates((step, lr) => -(lr / biasCorrection(beta1, step)));
    ops.aten._foreach_addcdiv_(batch.params, averages, denominators, sizes);
  },

  fused(batch, { betas, eps, weightDecay, amsgrad, maximize, decoupledWeightDecay }) {
    const run = decoupledWeightDecay ? ops.aten._fused_adamw_ : ops.aten._fused_adam_;
    const largest = amsgrad ? batch.list('max_exp_avg_sq') : [];
    run(
      batch.params,
      batch.grads,
      batch.list('exp_avg'),
      batch.list('exp_avg_sq'),
      largest,
      counters(batch),
      {
        lr: batch.rate((lr) => lr),
        beta1: betas[0],
        beta2: betas[1],
        weightDecay,
        eps,
        amsgrad,
        maximize,
      },
    );
  },
};

const adamw: Algorithm<AdamOptions> = {
  ...adam,
  name: 'AdamW',
  defaults: { ...adam.defaults, weightDecay: 1e-2, decoupledWeightDecay: true },
  // A state dict of Adam may be loaded into AdamW, as in PyTorch.
  settle: (options) => {
    options.decoupledWeightDecay = true;
  },
};

/** Adam (Kingma and Ba, 2015): `p = p - lr m / (sqrt(v) + eps)` with bias-corrected averages `m` of g and `v` of g². */
export class Adam extends Optimizer<AdamOptions> {
  constructor(params: Params<AdamOptions>, options: Partial<AdamOptions> = {}) {
    super(adam, params, options);
  }
}

/** Adam with decoupled weight decay (Loshchilov and Hutter, 2019): `p = p (1 - lr weightDecay)` before each update. */
export class AdamW extends Optimizer<AdamOptions> {
  constructor(params: Params<AdamOptions>, options: Partial<Omit<AdamOptions, 'decoupledWeightDecay'>> = {}) {
    super(adamw, params, options);
  }
}
