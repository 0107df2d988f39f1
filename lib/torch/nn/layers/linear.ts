import type { Tensor } from '../../tensor.ts';
import { bilinear, linear } from '../functional/linear.ts';
import { kaimingUniform_, uniform_ } from '../init/draw.ts';
import { fans } from '../init/fan.ts';
import { Module } from '../module.ts';
import { checkSizes, FACTORY, type FactoryOptions, withDefaults } from '../options.ts';
import { emptyParameter, type Parameter } from '../parameter.ts';
import { bool } from '../python.ts';

export interface LinearOptions extends FactoryOptions {
  /** Whether to learn a bias (true). */
  readonly bias?: boolean;
}

const DEFAULTS = { bias: true, ...FACTORY };

/** Draws what a linear layer or a convolution starts from: weight and bias from U(-1 / √fanIn, 1 / √fanIn). */
export function resetWeightAndBias(weight: Parameter, bias: Parameter | null): void {
  kaimingUniform_(weight, { a: Math.sqrt(5) });
  if (bias === null) return;
  const { fanIn } = fans(weight);
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
  uniform_(bias, -bound, bound);
}

/** `y = x Wᵀ + b`. Input `[*, in]`, output `[*, out]`, weight `[out, in]`, bias `[out]`. */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    const { bias, ...factory } = withDefaults('Linear', DEFAULTS, options);
    checkSizes({ inFeatures, outFeatures });
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = emptyParameter([outFeatures, inFeatures], factory);
    this.bias = bias ? emptyParameter([outFeatures], factory) : null;
    this.resetParameters();
  }

  resetParameters(): void {
    resetWeightAndBias(this.weight, this.bias);
  }

  forward(input: Tensor): Tensor {
    return linear(input, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${bool(this.bias !== null)}`;
  }
}

/** The output projection of attention, under the name that PyTorch prints. */
export class NonDynamicallyQuantizableLinear extends Linear {}

/** `y = x₁ᵀ A x₂ + b`. Inputs `[*, in1]` and `[*, in2]`, output `[*, out]`, weight `[out, in1, in2]`, bias `[out]`. */
export class Bilinear extends Module {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(in1Features: number, in2Features: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    const { bias, ...factory } = withDefaults('Bilinear', DEFAULTS, options);
    checkSizes({ in1Features }, 1);
    checkSizes({ in2Features, outFeatures });
    this.in1Features = in1Features;
    this.in2Features = in2Features;
    this.outFeatures = outFeatures;
    this.weight = emptyParameter([outFeatures, in1Features, in2Features], factory);
    this.bias = bias ? emptyParameter([outFeatures], factory) : null;
    this.resetParameters();
  }

  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.in1Features);
    uniform_(this.weight, -bound, bound);
    if (this.bias !== null) uniform_(this.bias, -bound, bound);
  }

  forward(input1: Tensor, input2: Tensor): Tensor {
    return bilinear(input1, input2, this.weight, this.bias);
  }

  override extraRepr(): string {
    const { in1Features, in2Features, outFeatures } = this;
    const sizes = `in1_features=${in1Features}, in2_features=${in2Features}, out_features=${outFeatures}`;
    return `${sizes}, bias=${bool(this.bias !== null)}`;
  }
}

/** Gives its input back, whatever it was made with. `[*]` to `[*]`. */
export class Identity extends Module {
  constructor(..._ignored: unknown[]) {
    super();
  }

  forward(input: Tensor): Tensor {
    return input;
  }
}
