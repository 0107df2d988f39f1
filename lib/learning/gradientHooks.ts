/**
 * Hooks on gradients. They run in the order in which they are listed: a norm logged after clipping is the clipped one.
 */

import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { nameOf } from '../experiment/declaration.ts';
import { param } from '../experiment/parameters.ts';
import { bool, float, string } from '../experiment/types.ts';
import { clipGradNorm_, getTotalNorm } from '../torch/nn/utils.ts';
import { tidy } from '../torch/scope.ts';
import type { TrainerContext } from './context.ts';
import { GradientHook } from './hooks.ts';

/** Scales all gradients of the model together, once per step, so that their L2 norm is at most `maxNorm`. */
export class GradientClippingHook extends config(
  import.meta,
  'xpmir.learning.optim.GradientClippingHook',
  { maxNorm: param(float) },
  GradientHook,
) {
  constructor(values: { readonly maxNorm: number }) {
    super(values);
    // NaN is not at least 0 either.
    if (!(this.maxNorm >= 0)) throw wrong(`${nameOf(this)}.maxNorm`, 'a number of at least 0', this.maxNorm);
  }

  gradients({ model }: TrainerContext): void {
    tidy(() => clipGradNorm_(model.parameters(), this.maxNorm));
  }

  override get isCompilable(): boolean {
    return true;
  }
}

/**
 * Adds a metric with the norm of the gradients at each step, which waits for the device.
 *
 * - `<name>/l2`, the L2 norm of all gradients as one vector, 0 when there are none;
 * - with `upstream: true`, `<name>` as upstream computes it, Σ n·‖g‖² / Σ n over the parameters with a gradient, n being
 *   the number of their elements: to compare with its logs. Nothing is added when there are no gradients.
 */
export class GradientLogHook extends config(
  import.meta,
  'xpmir.learning.optim.GradientLogHook',
  { name: param(string, { default: 'gradient_norm' }), upstream: param(bool, { default: false }) },
  GradientHook,
) {
  override get isCompilable(): boolean {
    return !this.upstream;
  }

  gradients(context: TrainerContext): void {
    const gradients = context.model.parameters().flatMap(({ grad }) => grad ?? []);
    if (!this.upstream) {
      context.addMetric(`${this.name}/l2`, getTotalNorm(gradients));
      return;
    }
    let sum = 0;
    let count = 0;
    for (const gradient of gradients) {
      const elements = gradient.shape.reduce((product, size) => product * size, 1);
      sum += elements * tidy(() => Number(getTotalNorm(gradient).item())) ** 2;
      count += elements;
    }
    if (count > 0) context.addMetric(this.name, sum / count);
  }
}
