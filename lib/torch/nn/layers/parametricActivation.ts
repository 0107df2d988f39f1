import { expected } from '../../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import * as functional from '../functional/activation.ts';
import { constant_ } from '../init/fill.ts';
import { Module } from '../module.ts';
import { FACTORY, type FactoryOptions, withDefaults } from '../options.ts';
import { emptyParameter, type Parameter } from '../parameter.ts';
import { float, number } from '../python.ts';
import { InplaceActivation } from './activation.ts';

/** Activations with numbers of their own: `[*]` to `[*]`; see `functional/activation.ts` for what each computes. */

type InplaceOption = functional.InplaceOption;

/** Slope 0.01. */
export class LeakyReLU extends InplaceActivation {
  readonly negativeSlope: number;

  constructor(negativeSlope = 0.01, options: InplaceOption = {}) {
    super(options);
    this.negativeSlope = negativeSlope;
  }

  forward(input: Tensor): Tensor {
    return functional.leakyRelu(input, this.negativeSlope, this);
  }

  override extraRepr(): string {
    return shown(`negative_slope=${float(this.negativeSlope)}`, this);
  }
}

/** Alpha 1. */
export class ELU extends InplaceActivation {
  readonly alpha: number;

  constructor(alpha = 1, options: InplaceOption = {}) {
    super(options);
    this.alpha = alpha;
  }

  forward(input: Tensor): Tensor {
    return functional.elu(input, this.alpha, this);
  }

  override extraRepr(): string {
    return shown(`alpha=${float(this.alpha)}`, this);
  }
}

/** Alpha 1. */
export class CELU extends InplaceActivation {
  readonly alpha: number;

  constructor(alpha = 1, options: InplaceOption = {}) {
    super(options);
    this.alpha = alpha;
  }

  forward(input: Tensor): Tensor {
    return functional.celu(input, this.alpha, this);
  }

  override extraRepr(): string {
    return shown(`alpha=${float(this.alpha)}`, this);
  }
}

/** Between -1 and 1. */
export class Hardtanh extends InplaceActivation {
  readonly minVal: number;
  readonly maxVal: number;

  constructor(minVal = -1, maxVal = 1, options: InplaceOption = {}) {
    super(options);
    if (!(minVal < maxVal)) throw expected(`more than minVal = ${minVal}`, 'maxVal', maxVal);
    this.minVal = minVal;
    this.maxVal = maxVal;
  }

  forward(input: Tensor): Tensor {
    return functional.hardtanh(input, this.minVal, this.maxVal, this);
  }

  override extraRepr(): string {
    return shown(`min_val=${float(this.minVal)}, max_val=${float(this.maxVal)}`, this);
  }
}

export class Threshold extends InplaceActivation {
  readonly threshold: number;
  readonly value: number;

  constructor(threshold: number, value: number, options: InplaceOption = {}) {
    super(options);
    this.threshold = threshold;
    this.value = value;
  }

  forward(input: Tensor): Tensor {
    return functional.threshold(input, this.threshold, this.value, this);
  }

  override extraRepr(): string {
    return shown(`threshold=${number(this.threshold)}, value=${number(this.value)}`, this);
  }
}

/** Slopes between 1/8 and 1/3. */
export class RReLU extends InplaceActivation {
  readonly lower: number;
  readonly upper: number;

  constructor(lower = 1 / 8, upper = 1 / 3, options: InplaceOption = {}) {
    super(options);
    this.lower = lower;
    this.upper = upper;
  }

  forward(input: Tensor): Tensor {
    return functional.rrelu(input, this.lower, this.upper, this);
  }

  override extraRepr(): string {
    return shown(`lower=${float(this.lower)}, upper=${float(this.upper)}`, this);
  }
}

/** Beta 1, threshold 20. */
export class Softplus extends Module {
  readonly beta: number;
  readonly threshold: number;

  constructor(beta = 1, threshold = 20) {
    super();
    this.beta = beta;
    this.threshold = threshold;
  }

  forward(input: Tensor): Tensor {
    return functional.softplus(input, this.beta, this.threshold);
  }

  override extraRepr(): string {
    return `beta=${float(this.beta)}, threshold=${float(this.threshold)}`;
  }
}

/** Lambda 0.5. */
export class Hardshrink extends Module {
  readonly lambd: number;

  constructor(lambd = 0.5) {
    super();
    this.lambd = lambd;
  }

  forward(input: Tensor): Tensor {
    return functional.hardshrink(input, this.lambd);
  }

  override extraRepr(): string {
    return float(this.lambd);
  }
}

/** Lambda 0.5. */
export class Softshrink extends Hardshrink {
  override forward(input: Tensor): Tensor {
    return functional.softshrink(input, this.lambd);
  }
}

/** One learned slope, or one per channel; both start at 0.25. Input `[N, C, *]`, weight `[1]` or `[C]`. */
export class PReLU extends Module {
  readonly numParameters: number;
  readonly init: number;
  weight: Parameter;

  constructor(numParameters = 1, options: FactoryOptions & { readonly init?: number } = {}) {
    super();
    const { init, ...factory } = withDefaults('PReLU', { init: 0.25, ...FACTORY }, options);
    this.numParameters = numParameters;
    this.init = init;
    this.weight = emptyParameter([numParameters], factory);
    this.resetParameters();
  }

  resetParameters(): void {
    constant_(this.weight, this.init);
  }

  forward(input: Tensor): Tensor {
    return functional.prelu(input, this.weight);
  }

  override extraRepr(): string {
    return `num_parameters=${this.numParameters}`;
  }
}

/** PyTorch prints the option only when it is set. */
function shown(numbers: string, { inplace }: InplaceActivation): string {
  return inplace ? `${numbers}, inplace=True` : numbers;
}
