import { ops } from '../ops.ts';
import { type Algorithm, biasCorrection, numberOf, perStep } from './algorithm.ts';
import { pow } from './libm.ts';
import { average, moments } from './moments.ts';
import { Optimizer, type Params } from './optimizer.ts';
import { betas, eps, flag, lr, number, weightDecay } from './rules.ts';

export interface NAdamOptions {
  /** Learning rate (0.002). */
  lr: number;
  /** Decay of the averages of the gradient and of its square ([0.9, 0.999]). */
  betas: readonly [number, number];
  /** Added to the denominator (1e-8). */
  eps: number;
  /** L2 penalty, or with `decoupledWeightDecay` the shrinking of parameters (0). */
  weightDecay: number;
  /** How fast the momentum grows towards its limit (0.004). */
  momentumDecay: number;
  /** Whether weight decay is AdamW's: apart from the gradient (false). */
  decoupledWeightDecay: boolean;
  /** Goes up instead of down (false). */
  maximize: boolean;
}

const nadam: Algorithm<NAdamOptions> = {
  name: 'NAdam',
  defaults: {
    lr: 2e-3,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0,
    momentumDecay: 4e-3,
    decoupledWeightDecay: false,
    maximize: false,
  },
  rules: {
    lr,
    betas,
    eps,
    weightDecay,
    momentumDecay: number('Invalid momentumDecay value'),
    decoupledWeightDecay: flag,
    maximize: flag,
  },
  start: (param) => ({ ...moments(param), mu_product: 1 }),
  complex: 'pairs',

  update(batch, options) {
    const { lr, betas, eps, momentumDecay } = options;
    const [beta1, beta2] = betas;
    const steps = batch.count();
    const grads = batch.descent(options);
    const { averages, squares } = average(batch, grads, betas);
    const denominators = ops.aten._foreach_div(
      squares,
      perStep(steps, (step) => biasCorrection(beta2, step)),
    );
    ops.aten._foreach_sqrt_(denominators);
    ops.aten._foreach_add_(denominators, eps);

    const momentum = (step: number) => beta1 * (1 - 0.5 * pow(0.96, step * momentumDecay));
    const now = perStep(steps, momentum);
    const next = perStep(steps, (step) => momentum(step + 1));
    const products = batch.states.map((state, row) => {
      // PyTorch keeps the product in a float32 tensor, which rounds both factors and the result.
      const product = Math.fround(numberOf(state, 'mu_product') * Math.fround(now[row]!));
      state.mu_product = product;
      return product;
    });
    const ofGradient = products.map((product, row) => (-lr * (1 - now[row]!)) / (1 - product));
    const ofAverage = products.map((product, row) => (-lr * next[row]!) / (1 - product * next[row]!));
    ops.aten._foreach_addcdiv_(batch.params, grads, denominators, ofGradient);
    ops.aten._foreach_addcdiv_(batch.params, averages, denominators, ofAverage);
  },
};

/** Adam with Nesterov momentum (Dozat, 2016), whose momentum grows as `beta1 (1 - 0.96^(step momentumDecay) / 2)`. */
export class NAdam extends Optimizer<NAdamOptions> {
  constructor(params: Params<NAdamOptions>, options: Partial<NAdamOptions> = {}) {
    super(nadam, params, options);
  }
}
