import { ops } from '../ops.ts';
import { type Algorithm, biasCorrection, perStep } from './algorithm.ts';
import { pow } from './libm.ts';
import { average, moments } from './moments.ts';
import { Optimizer, type Params } from './optimizer.ts';
import { betas, eps, flag, lr, weightDecay } from './rules.ts';

export interface RAdamOptions {
  /** Learning rate (0.001). */
  lr: number;
  /** Decay of the averages of the gradient and of its square ([0.9, 0.999]). */
  betas: readonly [number, number];
  /** Added to the denominator (1e-8). */
  eps: number;
  /** L2 penalty, or with `decoupledWeightDecay` the shrinking of parameters (0). */
  weightDecay: number;
  /** Whether weight decay is AdamW's: apart from the gradient (false). */
  decoupledWeightDecay: boolean;
  /** Goes up instead of down (false). */
  maximize: boolean;
}

const radam: Algorithm<RAdamOptions> = {
  name: 'RAdam',
  defaults: {
    lr: 1e-3,
    betas: [0.9, 0.999],
    eps: 1e-8,
    weightDecay: 0,
    decoupledWeightDecay: false,
    maximize: false,
  },
  rules: { lr, betas, eps, weightDecay, decoupledWeightDecay: flag, maximize: flag },
  start: moments,
  complex: 'pairs',

  update(batch, options) {
    const { lr, betas, eps } = options;
    const [beta1, beta2] = betas;
    const steps = batch.count();
    const grads = batch.descent(options);
    const { averages, squares } = average(batch, grads, betas);
    const corrected = ops.aten._foreach_div(
      averages,
      perStep(steps, (step) => biasCorrection(beta1, step)),
    );
    const updates = ops.aten._foreach_mul(corrected, lr);

    const rectifiers = perStep(steps, (step) => rectifier(beta2, step));
    const rectified = [...steps.keys()].filter((row) => rectifiers[row] !== undefined);
    if (rectified.length > 0) {
      const pick = <T>(all: readonly T[]) => rectified.map((row) => all[row]!);
      const inverse = ops.aten._foreach_sqrt(pick(squares));
      ops.aten._foreach_add_(inverse, eps);
      ops.aten._foreach_reciprocal_(inverse);
      const adaptive = ops.aten._foreach_mul(
        inverse,
        perStep(pick(steps), (step) => pow(biasCorrection(beta2, step), 0.5)),
      );
      const scaled = ops.aten._foreach_mul(pick(updates), adaptive);
      const finished = ops.aten._foreach_mul(scaled, pick(rectifiers) as number[]);
      for (const [index, row] of rectified.entries()) updates[row] = finished[index]!;
    }
    ops.aten._foreach_add_(batch.params, updates, { alpha: -1 });
  },
};

/** Adam whose second moment is used only once its variance is tractable, and then rectified (Liu et al., 2020). */
export class RAdam extends Optimizer<RAdamOptions> {
  constructor(params: Params<RAdamOptions>, options: Partial<RAdamOptions> = {}) {
    super(radam, params, options);
  }
}

/** The variance rectification of a step, or undefined while the approximated simple moving average is too short. */
function rectifier(beta2: number, step: number): number | undefined {
  const limit = 2 / (1 - beta2) - 1;
  const length = limit - (2 * step * pow(beta2, step)) / biasCorrection(beta2, step);
  if (length <= 5) return undefined;
  return pow(((length - 4) * (length - 2) * limit) / ((limit - 4) * (limit - 2) * length), 0.5);
}
