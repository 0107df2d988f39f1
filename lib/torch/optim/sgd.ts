import { ArgumentError } from '../../errors.ts';
import { ops } from '../ops.ts';
import { keep } from '../scope.ts';
import type { Algorithm, Batch } from './algorithm.ts';
import { Optimizer, type Params } from './optimizer.ts';
import { flag, lr, number, weightDecay } from './rules.ts';

export interface SGDOptions {
  /** Learning rate (0.001). */
  lr: number;
  /** How much of the last update is kept (0). */
  momentum: number;
  /** How much of the gradient is kept from entering the momentum (0). */
  dampening: number;
  /** L2 penalty (0). */
  weightDecay: number;
  /** Looks one momentum step ahead (false). */
  nesterov: boolean;
  /** Goes up instead of down (false). */
  maximize: boolean;
  /** Updates through one fused operator, faster and bit-equal to PyTorch's with the same option (false). */
  fused: boolean;
}

const sgd: Algorithm<SGDOptions> = {
  name: 'SGD',
  defaults: {
    lr: 1e-3,
    momentum: 0,
    dampening: 0,
    weightDecay: 0,
    nesterov: false,
    maximize: false,
    fused: false,
  },
  rules: {
    lr,
    momentum: number('Invalid momentum value'),
    dampening: number('Invalid dampening value', Number.isFinite),
    weightDecay,
    nesterov: flag,
    maximize: flag,
    fused: flag,
  },
  settle: ({ nesterov, momentum, dampening }) => {
    if (nesterov && (momentum <= 0 || dampening !== 0)) {
      throw new ArgumentError('Nesterov momentum requires a momentum and zero dampening');
    }
  },
  start: () => ({}),
  complex: 'native',
  isRated: true,

  update(batch, options) {
    const { momentum, dampening, nesterov } = options;
    const grads = batch.descent(options);
    let direction = grads;
    if (momentum !== 0) {
      const [known, fresh] = [rows(batch, true), rows(batch, false)];
      // The first gradient enters the momentum whole.
      for (const row of fresh) batch.states[row]!.momentum_buffer = keep(grads[row]!.clone());
      const buffers = batch.list('momentum_buffer');
      if (known.length > 0) {
        batch.scale(at(buffers, known), momentum);
        ops.aten._foreach_add_(at(buffers, known), at(grads, known), { alpha: 1 - dampening });
      }
      direction = nesterov ? ops.aten._foreach_add(grads, buffers, { alpha: momentum }) : buffers;
    }
    ops.aten._foreach_add_(batch.params, direction, { alpha: batch.rate((lr) => -lr) });
  },

  fused(batch, { weightDecay, momentum, dampening, nesterov, maximize }) {
    const lr = batch.rate((rate) => rate);
    const options = { weightDecay, momentum, lr, dampening, nesterov, maximize };
    if (momentum === 0) {
      ops.aten._fused_sgd_(batch.params, batch.grads, [], { ...options, isFirstStep: false });
      return;
    }
    const [known, fresh] = [rows(batch, true), rows(batch, false)];
    for (const row of fresh) batch.states[row]!.momentum_buffer = keep(batch.grads[row]!.emptyLike());
    const buffers = batch.list('momentum_buffer');
    for (const part of [known, fresh]) {
      if (part.length === 0) continue;
      const lists = [at(batch.params, part), at(batch.grads, part), at(buffers, part)] as const;
      ops.aten._fused_sgd_(...lists, { ...options, isFirstStep: part === fresh });
    }
  },
};

/** Stochastic gradient descent, optionally with momentum: `b = momentum b + (1 - dampening) g; p = p - lr b`. */
export class SGD extends Optimizer<SGDOptions> {
  constructor(params: Params<SGDOptions>, options: Partial<SGDOptions> = {}) {
    super(sgd, params, options);
  }
}

/** The rows that have a momentum already, or those that do not. */
function rows(batch: Batch, known: boolean): number[] {
  return [...batch.states.keys()].filter((row) => 'momentum_buffer' in batch.states[row]! === known);
}

/** The entries of some rows, in order; mostly of all. */
function at<T>(all: readonly T[], part: readonly number[]): readonly T[] {
  return part.length === all.length ? all : part.map((row) => all[row]!);
}
