import { expected } from '../../errors.ts';
import type { DType } from '../dtype.ts';
import { ops } from '../ops.ts';
import type { Rates } from '../rates.ts';
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
  /**
   * Whether all numbers of updates that depend on counts of steps or on the learning rate come from `Batch.rate` and
   * `Batch.rates`, and nothing else differs between two steps of the same parameters. Such updates can be compiled.
   */
  readonly isRated?: boolean;
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
  readonly #group: BaseOptions;
  readonly #rates: Rates | undefined;
  readonly #view: (tensor: Tensor) => Tensor;

  constructor(rows: BatchRows, { dtype, pairs, group, rates }: BatchOptions) {
    this.#dtype = dtype;
    this.#group = group;
    this.#rates = rates;
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

  /** A number that follows from the learning rate. */
  rate(compute: (lr: number) => number): number {
    return this.#rated(undefined, (_, lr) => compute(lr));
  }

  /** For every parameter a number that follows from its count of steps and the learning rate. */
  rates(compute: (step: number, lr: number) => number): number[] {
    const known = new Map<number, number>();
    return this.states.map((state) => {
      const step = numberOf(state, 'step');
      const rate = known.get(step) ?? this.#rated(state, compute);
      known.set(step, rate);
      return rate;
    });
  }

  /** Where the operators are written down a Rate, which they take in the place of a number. */
  #rated(state: ParamState | undefined, compute: (step: number, lr: number) => number): number {
    const group = this.#group;
    if (this.#rates !== undefined) return this.#rates.note({ group, state, compute }) as unknown as number;
    return compute(state === undefined ? 0 : numberOf(state, 'step'), group.lr ?? 0);
  }

  /**
   * The direction to go down: the gradients, negated for `maximize`, with L2 weight decay added; never in place. With
   * `decoupledWeightDecay` the parameters themselves shrink instead.
   */
  descent(options: Decay): readonly Tensor[] {
    const { maximize, weightDecay, decoupledWeightDecay = false } = options;
    let grads = maximize ? ops.aten._foreach_neg(this.grads) : this.grads;
    if (weightDecay !== 0) {
      if (decoupledWeightDecay) {
        const shrink = this.rate((lr) => 1 - lr * weightDecay);
        this.scale(this.params, shrink);
      } else grads = ops.aten._foreach_add(grads, this.#params, { alpha: weightDecay });
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
    if (exact) ops.aten._foreach_mul_(tensors, ops.aten.scalar_tensor(factor, { dtype: 'float32' }));
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

export interface BatchOptions {
  readonly dtype: DType;
  /** Whether complex tensors are seen as pairs of reals. */
  readonly pairs: boolean;
  /** Options of the group. */
  readonly group: BaseOptions;
  /** Where rates are noted, while operators are written down. */
  readonly rates: Rates | undefined;
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
