/**
 * Hooks on gradients.
 */
import { clipGradNorm_ } from '../torch/nn/utils.ts';
import type { TrainerContext } from './context.ts';
import { GradientHook } from './hooks.ts';
import { number, readOptions } from './options.ts';

/** Scales all gradients of the model together, so that their L2 norm is at most `maxNorm`. */
export class GradientClippingHook extends GradientHook {
  readonly maxNorm: number;

  constructor(options: { readonly maxNorm: number }) {
    super();
    this.maxNorm = readOptions('gradientClippingHook', options, { maxNorm: number({ min: 0 }) }).maxNorm;
  }

  gradients({ model }: TrainerContext): void {
    clipGradNorm_(model.parameters(), this.maxNorm);
  }
}
