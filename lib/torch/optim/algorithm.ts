import { expected } from '../../errors.ts';
import type { DType } from '../dtype.ts';
import { scalarTensor } from '../factories.ts';
import { ops } from '../ops.ts';
import { Tensor } from '../tensor.ts';
import { pow } from './libm.ts';
import type { Rules } from './rules.ts';

/** What an optimizer remembers of one parameter, under PyTorch's names (`exp_avg`, `momentum_buffer`, `step`). */
export type ParamState = Record<string, Tensor | number>;

/** An option that every algorithm has. */
export interface BaseOptions {
  lr: number | null;
}

/**
 * One optimization algorithm: everything in which two optimizers differ. The class `Optimizer` is the machinery.
 *
 * `update` runs without gradients inside a scope: what it makes is freed, except state. The tensors of a batch share
 * their device and dtype.
 */
export interface Algorithm<O extends BaseOptions> {
  readonly name: string;
  readonly defaults: Readonly<O>;
  readonly rules: Rules<O>;
  /** Completes the options of a group or rejects their combination; each was checked alone before. */
  settle?(options: O): void;
  /** The state of a parameter before its first update. Tensors made here outlive every scope. */
  start(param: Tensor, options: O): ParamState;
  /** Whether state exists from construction on, not from the first gradient. */
  readonly early?: boolean;
  /** Whether `update` takes complex tensors as they are, does not take them, or sees them as pairs of reals. */
  readonly complex: 'native' | 'none' | 'pairs';
  /** The dtype that state has for a parameter, when it is not the parameter's own. */
  stateDtype?(param: Tensor): 'float32' | undefined;
  update(batch: Batch, options: O): void;
  /** The same through one fused operator; absent where libtorch has none. */
  fused?(batch: Batch, options: O): void;
}

/** Parameters of one group, one device and one dtype that have a gradient, with their gradients and state. */
export class Batch {
  /** What `update` changes: complex tensors as pairs of reals where the algorithm asked for that. */
  readonly params: readonly Tensor[];
  /** The gradients as they are. */
  readonly grads: readonly Tensor[];
  readonly states: readonly ParamState[];
  readonly #params: readonly Tensor[];
  readonly #dtype: DType;
  readonly #view: (tensor: Tensor) => Tensor;

  constructor(rows: BatchRows, dtype: DType, pairs: boolean) {
    this.#dtype = dtype;
    this.#view = pairs ? (tensor) => ops.aten.view_as_real(tensor) : (tensor) => tensor;
    this.#params = rows.params;
    this.params = rows.params.map(this.#view);
    this.grads = rows.grads;
    this.states = rows.states;
  }

  /** One tensor of every parameter's state. */
  list(name: string): Tensor[] {
    return this.states.map((state) => this.#view(tensorOf(state, name)));
  }

  /** Counts one more step of every parameter and returns the counts. */
  count(): number[] {
    return this.states.map((state) => {
      const step = numberOf(state, 'step') + 1;
      state.step = step;
      return step;
    });
  }

  /**
   * The direction to go down: the gradients, negated for `maximize`, with L2 weight decay added; never in place. With
   * `decoupledWeightDecay` the parameters themselves shrink instead.
   */
  descent(options: Decay & { readonly lr?: number | null }): readonly Tensor[] {
    const { maximize, weightDecay, decoupledWeightDecay = false } = options;
    let grads = maximize ? ops.aten._foreach_neg(this.grads) : this.grads;
    if (weightDecay !== 0) {
      if (decoupledWeightDecay) this.scale(this.params, 1 - options.lr! * weightDecay);
      else grads = ops.aten._foreach_add(grads, this.#params, { alpha: weightDecay });
    }
    return grads.map(this.#view);
  }

  /**
   * Multiplies tensors of the batch's dtype by a number, in place. The operator for numbers rounds the factor itself to
   * half precision, unlike PyTorch's loop over parameters on the CPU; a factor in a tensor is taken as it is.
   */
  scale(tensors: readonly Tensor[], factor: number): void {
    const half = this.#dtype === 'float16' || this.#dtype === 'bfloat16';
    const exact = half && tensors[0]!.device === 'cpu';
    if (exact) ops.aten._foreach_mul_(tensors, scalarTensor(factor, { dtype: 'float32' }));
    else ops.aten._foreach_mul_(tensors, factor);
  }
}

/** A tensor of a parameter's state, which is missing when the state dict of another algorithm was loaded. */
export function tensorOf(state: ParamState, name: string): Tensor {
  const value = state[name];
  if (!(value instanceof Tensor)) throw expected('a Tensor', `${name} in the state of a parameter`, value);
  return value;
}

/** The same for a number. */
export function numberOf(state: ParamState, name: string): number {
  const value = state[name];
  if (typeof value !== 'number') throw expected('a number', `${name} in the state of a parameter`, value);
  return value;
}

/** The tensors of a batch, row by row. */
export interface BatchRows {
  readonly params: Tensor[];
  readonly grads: Tensor[];
  readonly states: ParamState[];
}

interface Decay {
  readonly maximize: boolean;
  readonly weightDecay: number;
  readonly decoupledWeightDecay?: boolean;
}

/** One value for every count of steps; parameters mostly share theirs, and then it is computed once. */
export function perStep<T>(steps: readonly number[], compute: (step: number) => T): T[] {
  const known = new Map<number, T>();
  return steps.map((step) => {
    if (!known.has(step)) known.set(step, compute(step));
    return known.get(step)!;
  });
}

/** `1 - beta ** step`: what an exponential average that began at zero is short of. */
export function biasCorrection(beta: number, step: number): number {
  return 1 - pow(beta, step);
}
