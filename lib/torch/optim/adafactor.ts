import { ops } from '../ops.ts';
import { keep, tidy } from '../scope.ts';
import type { Tensor } from '../tensor.ts';
import { type Algorithm, type Batch, type ParamState, tensorOf } from './algorithm.ts';
import { pow } from './libm.ts';
import { zeros } from './moments.ts';
import { Optimizer, type Params } from './optimizer.ts';
import { flag, nullable, number, pair } from './rules.ts';

export interface AdafactorOptions {
  /** Upper bound of the relative step size (0.01). */
  lr: number;
  /** Exponent of the decay of second moments: `1 - step^beta2Decay` (-0.8). */
  beta2Decay: number;
  /** Lower bounds of the second moment, null for the machine epsilon, and of the parameter's scale ([null, 0.001]). */
  eps: readonly [number | null, number];
  /** Clipping threshold of an update's root mean square (1). */
  d: number;
  /** Decoupled weight decay (0). */
  weightDecay: number;
  /** Goes up instead of down (false). */
  maximize: boolean;
}

const adafactor: Algorithm<AdafactorOptions> = {
  name: 'Adafactor',
  defaults: { lr: 1e-2, beta2Decay: -0.8, eps: [null, 1e-3], d: 1, weightDecay: 0, maximize: false },
  rules: {
    lr: number('Learning rate should be >= 0 but is'),
    beta2Decay: number('beta2Decay should be <= 0 but is', (value) => value <= 0),
    eps: pair(nullable(number('epsilon1 should be >= 0 but is')), number('epsilon2 should be >= 0 but is')),
    d: number('Clipping threshold d should be >= 1 but is', (value) => value >= 1),
    weightDecay: number('weightDecay should be >= 0 but is'),
    maximize: flag,
  },
  start: (param): ParamState => {
    const { shape } = param;
    if (shape.length < 2) return { step: 0, variance: zeros(param) };
    return {
      step: 0,
      row_var: keep(param.newZeros([...shape.slice(0, -1), 1])),
      col_var: keep(param.newZeros([...shape.slice(0, -2), 1, shape.at(-1)!])),
    };
  },
  complex: 'none',

  update(batch, options) {
    const steps = batch.count();
    for (const [row, step] of steps.entries()) {
      // Large intermediates: freed parameter by parameter.
      tidy(() => updateOne(batch, row, step, options));
    }
  },
};

/**
 * Adafactor (Shazeer and Stern, 2018) as `torch.optim` has it: second moments of matrices are kept as a row and a
 * column, and the step is relative to the scale of the parameter. See {@link RelativeStepAdafactor} for transformers'.
 */
export class Adafactor extends Optimizer<AdafactorOptions> {
  constructor(params: Params<AdafactorOptions>, options: Partial<AdafactorOptions> = {}) {
    super(adafactor, params, options);
  }
}

function updateOne(batch: Batch, row: number, step: number, options: AdafactorOptions): void {
  const { lr, beta2Decay, eps, d, weightDecay, maximize } = options;
  const param = batch.params[row]!;
  const state = batch.states[row]!;
  const eps1 = eps[0] ?? MACHINE_EPSILON[param.dtype] ?? 2 ** -23;
  const grad = maximize ? batch.grads[row]!.neg() : batch.grads[row]!;
  const admitted = pow(step, beta2Decay);
  const root = pow(param.numel(), 0.5);
  const size = Math.max(eps[1], norm(param) / root) * Math.min(lr, 1 / pow(step, 0.5));
  if (weightDecay !== 0) batch.scale([param], 1 - lr * weightDecay);
  const variance = grad.ndim > 1 ? factored(grad, state, admitted, eps1) : whole(grad, state, admitted);
  const update = variance
    .clamp_(eps1 * eps1)
    .rsqrt_()
    .mul_(grad);
  param.add_(update, { alpha: -size / Math.max(1, norm(update) / (root * d)) });
}

const MACHINE_EPSILON: Readonly<Record<string, number>> = {
  float64: 2 ** -52,
  float32: 2 ** -23,
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
};

/** Lets the gradient into the row and the column of means, whose product is the second moment. */
function factored(grad: Tensor, state: ParamState, admitted: number, eps1: number): Tensor {
  const row = tensorOf(state, 'row_var');
  const column = tensorOf(state, 'col_var');
  row.lerp_(squaredMean(grad, -1), admitted);
  column.lerp_(squaredMean(grad, -2), admitted);
  return row.matmul(column).div_(row.mean(-2, { keepdim: true }).clamp_(eps1));
}

function whole(grad: Tensor, state: ParamState, admitted: number): Tensor {
  const variance = tensorOf(state, 'variance');
  return variance.lerp_(grad.mul(grad), admitted).clone();
}

/** The mean of g² over one dimension, from the norm, which needs no second tensor of the gradient's size. */
function squaredMean(grad: Tensor, dim: number): Tensor {
  return ops.aten.linalg_vector_norm(grad, 2, [dim], true).square_().div_(grad.shape.at(dim)!);
}

/** The Euclidean norm of all elements. Waits for the device. */
function norm(tensor: Tensor): number {
  return ops.aten.linalg_vector_norm(tensor).item() as number;
}
