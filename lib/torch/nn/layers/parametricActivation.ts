import { expected } from '../../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import * as functional from '../functional/activation.ts';
import { constant_ } from '../init/fill.ts';
import { Module } from '../module.ts';
import { FACTORY, type FactoryOptions, type NumbersThenOptions, withNumbers } from '../options.ts';
import { emptyParameter, type Parameter } from '../parameter.ts';
import { float, number } from '../python.ts';
import { InplaceActivation } from './activation.ts';

/**
 * Activations with numbers of their own, in PyTorch's order or by name: `new LeakyReLU(0.2, { inplace: true })`,
 * `new LeakyReLU({ negativeSlope: 0.2 })`. `[*]` to `[*]`; see `functional/activation.ts` for what each computes.
 */

type One<Name extends string> = NumbersThenOptions<
  [value?: number],
  { readonly [K in Name]?: number },
  functional.InplaceOption
>;
type Two<First extends string, Second extends string> = NumbersThenOptions<
  [first?: number, second?: number],
  { readonly [K in First | Second]?: number },
  functional.InplaceOption
>;

/** `x` above 0, `negativeSlope x` (0.01) below. `[*]` to `[*]`. */
export class LeakyReLU extends InplaceActivation {
  readonly negativeSlope: number;

  constructor(...args: One<'negativeSlope'>) {
    const { negativeSlope, inplace } = withNumbers(
      'LeakyReLU',
      { negativeSlope: 0.01, inplace: false },
      args,
    );
    super({ inplace });
    this.negativeSlope = negativeSlope;
  }

  forward(input: Tensor): Tensor {
    return functional.leakyRelu(input, this.negativeSlope, this);
  }

  override extraRepr(): string {
    return shown(`negative_slope=${float(this.negativeSlope)}`, this);
  }
}

/** `x` above 0, `alpha (exp(x) - 1)` below; alpha is 1. `[*]` to `[*]`. */
export class ELU extends InplaceActivation {
  readonly alpha: number;

  constructor(...args: One<'alpha'>) {
    const { alpha, inplace } = withNumbers('ELU', { alpha: 1, inplace: false }, args);
    super({ inplace });
    this.alpha = alpha;
  }

  forward(input: Tensor): Tensor {
    return functional.elu(input, this.alpha, this);
  }

  override extraRepr(): string {
    return shown(`alpha=${float(this.alpha)}`, this);
  }
}

/** `max(0, x) + min(0, alpha (exp(x / alpha) - 1))`; alpha is 1. `[*]` to `[*]`. */
export class CELU extends InplaceActivation {
  readonly alpha: number;

  constructor(...args: One<'alpha'>) {
    const { alpha, inplace } = withNumbers('CELU', { alpha: 1, inplace: false }, args);
    super({ inplace });
    this.alpha = alpha;
  }

  forward(input: Tensor): Tensor {
    return functional.celu(input, this.alpha, this);
  }

  override extraRepr(): string {
    return shown(`alpha=${float(this.alpha)}`, this);
  }
}

/** `x` bent to stay between `minVal` (-1) and `maxVal` (1). `[*]` to `[*]`. */
export class Hardtanh extends InplaceActivation {
  readonly minVal: number;
  readonly maxVal: number;

  constructor(...args: Two<'minVal', 'maxVal'>) {
    const { minVal, maxVal, inplace } = withNumbers(
      'Hardtanh',
      { minVal: -1, maxVal: 1, inplace: false },
      args,
    );
    super({ inplace });
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

/** `x` over the threshold, `value` elsewhere; both numbers must be given. */
export class Threshold extends InplaceActivation {
  readonly threshold: number;
  readonly value: number;

  constructor(threshold: number, value: number, options: functional.InplaceOption = {}) {
    super(options);
    if (typeof threshold !== 'number') throw expected('a number', 'threshold', threshold);
    if (typeof value !== 'number') throw expected('a number', 'value', value);
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

/** A leaky ReLU with slopes drawn from U(1/8, 1/3) in training, and their mean otherwise. `[*]` to `[*]`. */
export class RReLU extends InplaceActivation {
  readonly lower: number;
  readonly upper: number;

  constructor(...args: Two<'lower', 'upper'>) {
    const { lower, upper, inplace } = withNumbers(
      'RReLU',
      { lower: 1 / 8, upper: 1 / 3, inplace: false },
      args,
    );
    super({ inplace });
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

/** `log(1 + exp(beta x)) / beta`, and `x` where `beta x` is over the threshold; beta 1, threshold 20. `[*]` to `[*]`. */
export class Softplus extends Module {
  readonly beta: number;
  readonly threshold: number;

  constructor(
    ...args: NumbersThenOptions<
      [beta?: number, threshold?: number],
      { readonly beta?: number; readonly threshold?: number },
      object
    >
  ) {
    super();
    const { beta, threshold } = withNumbers('Softplus', { beta: 1, threshold: 20 }, args);
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

/** What the two shrinks share. */
abstract class Shrink extends Module {
  readonly lambd: number;

  constructor(...args: NumbersThenOptions<[lambd?: number], { readonly lambd?: number }, object>) {
    super();
    this.lambd = withNumbers(new.target.name, { lambd: 0.5 }, args).lambd;
  }

  override extraRepr(): string {
    return float(this.lambd);
  }
}

/** `x` over `lambd` (0.5) and under `-lambd`, 0 between. `[*]` to `[*]`. */
export class Hardshrink extends Shrink {
  forward(input: Tensor): Tensor {
    return functional.hardshrink(input, this.lambd);
  }
}

/** `x` drawn towards 0 by `lambd` (0.5), and 0 within it. `[*]` to `[*]`. */
export class Softshrink extends Shrink {
  forward(input: Tensor): Tensor {
    return functional.softshrink(input, this.lambd);
  }
}

/** One learned slope, or one per channel; all start at `init` (0.25). Input `[N, C, *]`, weight `[1]` or `[C]`. */
export class PReLU extends Module {
  readonly numParameters: number;
  readonly init: number;
  weight: Parameter;

  constructor(
    ...args: NumbersThenOptions<
      [numParameters?: number],
      { readonly numParameters?: number },
      FactoryOptions & { readonly init?: number }
    >
  ) {
    super();
    const { numParameters, init, ...factory } = withNumbers(
      'PReLU',
      { numParameters: 1, init: 0.25, ...FACTORY },
      args,
    );
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
