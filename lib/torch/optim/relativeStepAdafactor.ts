import { ArgumentError } from '../../errors.ts';
import { F } from '../functions.ts';
import { keep, tidy } from '../scope.ts';
import type { Tensor } from '../tensor.ts';
import { type Algorithm, type ParamState, tensorOf } from './algorithm.ts';
import { pow } from './libm.ts';
import { Optimizer, type Params } from './optimizer.ts';
import { flag, lr, nullable, number, pair } from './rules.ts';

export interface RelativeStepAdafactorOptions {
  /** Learning rate; null with `relativeStep`, which sets its own (null). */
  lr: number | null;
  /** Added to squared gradients, and the lower bound of the parameter's scale ([1e-30, 0.001]). */
  eps: readonly [number, number];
  /** Clipping threshold of an update's root mean square (1). */
  clipThreshold: number;
  /** Exponent of the decay of second moments: `1 - step^decayRate` (-0.8). */
  decayRate: number;
  /** Decay of an average of updates; null for none (null). */
  beta1: number | null;
  /** Decoupled weight decay (0). */
  weightDecay: number;
  /** Scales the learning rate by the root mean square of the parameter (true). */
  scaleParameter: boolean;
  /** Takes `min(0.01, 1 / sqrt(step))` as the learning rate (true). */
  relativeStep: boolean;
  /** With `relativeStep`, begins with `step / 1e6` in place of 0.01 (false). */
  warmupInit: boolean;
}

const adafactor: Algorithm<RelativeStepAdafactorOptions> = {
  name: 'RelativeStepAdafactor',
  defaults: {
    lr: null,
    eps: [1e-30, 1e-3],
    clipThreshold: 1,
    decayRate: -0.8,
    beta1: null,
    weightDecay: 0,
    scaleParameter: true,
    relativeStep: true,
    warmupInit: false,
  },
  rules: {
    lr: nullable(lr),
    eps: pair(number('Invalid epsilon value at index 0'), number('Invalid epsilon value at index 1')),
    clipThreshold: number('Invalid clipThreshold value', (value) => value > 0),
    decayRate: number('Invalid decayRate value', (value) => value <= 0),
    beta1: nullable(number('Invalid beta1 value', (value) => value >= 0 && value < 1)),
    weightDecay: number('Invalid weightDecay value'),
    scaleParameter: flag,
    relativeStep: flag,
    warmupInit: flag,
  },
  settle: ({ lr, relativeStep, warmupInit }) => {
    if (lr !== null && relativeStep)
      throw new ArgumentError('Cannot combine manual lr and relativeStep: true');
    if (lr === null && !relativeStep) throw new ArgumentError('relativeStep: false requires lr');
    if (warmupInit && !relativeStep) throw new ArgumentError('warmupInit: true requires relativeStep: true');
  },
  start: (param, { beta1 }) => {
    const { shape } = param;
    const zeros = (size: readonly number[]) =>
      keep(F.zeros([...size], { dtype: isSmall(param) ? 'float32' : param.dtype, device: param.device }));
    return {
      step: 0,
      ...(beta1 === null ? {} : { exp_avg: zeros(shape) }),
      ...(shape.length < 2
        ? { exp_avg_sq: zeros(shape) }
        : {
            exp_avg_sq_row: zeros(shape.slice(0, -1)),
            exp_avg_sq_col: zeros([...shape.slice(0, -2), shape.at(-1)!]),
          }),
    };
  },
  complex: 'none',
  stateDtype: (param) => (isSmall(param) ? 'float32' : undefined),

  update(batch, options) {
    const steps = batch.count();
    for (const [row, param] of batch.params.entries()) {
      // Large intermediates: freed parameter by parameter.
      tidy(() => updateOne(param, batch.grads[row]!, batch.states[row]!, steps[row]!, options));
    }
  },
};

/**
 * Adafactor (Shazeer and Stern, 2018) as transformers has it, with a learning rate of its own by default. It differs
 * from `torch.optim`'s {@link Adafactor} in where the epsilons enter, in clipping, and in its first moment.
 */
export class RelativeStepAdafactor extends Optimizer<RelativeStepAdafactorOptions> {
  constructor(
    params: Params<RelativeStepAdafactorOptions>,
    options: Partial<RelativeStepAdafactorOptions> = {},
  ) {
    super(adafactor, params, options);
  }
}

function updateOne(
  param: Tensor,
  given: Tensor,
  state: ParamState,
  step: number,
  options: RelativeStepAdafactorOptions,
): void {
  const { eps, clipThreshold, decayRate, beta1, weightDecay } = options;
  const grad = isSmall(param) ? given.to('float32') : given;
  const master = isSmall(param) ? param.to('float32') : param;
  const rate = learningRate(master, step, options);
  const kept = 1 - pow(step, decayRate);
  const squares = grad.pow(2).add_(eps[0]);
  let update = grad.ndim > 1 ? factored(squares, state, kept) : whole(squares, state, kept);
  update.mul_(grad);
  update.div_(rms(update).div(clipThreshold).clamp_(1));
  // A scaled rate is a tensor of the parameter's own precision, as in the original.
  if (typeof rate === 'number') update.mul_(rate);
  else update.mul_(rate);
  if (beta1 !== null) {
    const average = tensorOf(state, 'exp_avg');
    update = average.mul_(beta1).add_(update, { alpha: 1 - beta1 });
  }
  if (weightDecay !== 0) {
    const shrink = typeof rate === 'number' ? -weightDecay * rate : (rate.mul(-weightDecay).item() as number);
    master.add_(master, { alpha: shrink });
  }
  master.sub_(update);
  if (master !== param) param.copy_(master);
}

function learningRate(param: Tensor, step: number, options: RelativeStepAdafactorOptions): Tensor | number {
  const { lr, eps, scaleParameter, relativeStep, warmupInit } = options;
  const rate = relativeStep ? Math.min(warmupInit ? 1e-6 * step : 1e-2, 1 / Math.sqrt(step)) : lr!;
  if (!scaleParameter) return rate;
  const scale = rms(param);
  return scale.gt(eps[1]).item() ? scale.mul(rate) : eps[1] * rate;
}

/** Lets squared gradients into the row and the column of means; the inverse root of their product. */
function factored(squares: Tensor, state: ParamState, kept: number): Tensor {
  const row = tensorOf(state, 'exp_avg_sq_row');
  const column = tensorOf(state, 'exp_avg_sq_col');
  row.mul_(kept).add_(squares.mean(-1), { alpha: 1 - kept });
  column.mul_(kept).add_(squares.mean(-2), { alpha: 1 - kept });
  const left = row
    .div(row.mean(-1, { keepdim: true }))
    .rsqrt_()
    .unsqueeze(-1);
  return left.mul(column.unsqueeze(-2).rsqrt());
}

function whole(squares: Tensor, state: ParamState, kept: number): Tensor {
  const average = tensorOf(state, 'exp_avg_sq');
  return average
    .mul_(kept)
    .add_(squares, { alpha: 1 - kept })
    .rsqrt();
}

/** The root mean square of all elements, as a tensor without dimensions. */
function rms(tensor: Tensor): Tensor {
  return F.linalgVectorNorm(tensor).div(pow(tensor.numel(), 0.5));
}

function isSmall(param: Tensor): boolean {
  return param.dtype === 'float16' || param.dtype === 'bfloat16';
}
