import { expected } from '../../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import * as functional from '../functional/normalization.ts';
import { ones_, zeros_ } from '../init/fill.ts';
import { Module } from '../module.ts';
import { checkSizes, FACTORY, type FactoryOptions, withDefaults } from '../options.ts';
import { emptyParameter, type Parameter } from '../parameter.ts';
import { bool, float, tuple } from '../python.ts';

export interface LayerNormOptions extends FactoryOptions {
  /** Added to the variance (1e-5). */
  readonly eps?: number;
  /** Learn a scale, and a shift too unless `bias` is false (true). */
  readonly elementwiseAffine?: boolean;
  readonly bias?: boolean;
}

export interface RMSNormOptions extends FactoryOptions {
  /** Added to the mean square; the machine epsilon of the input's dtype unless given. */
  readonly eps?: number | null;
  /** Learn a scale (true). */
  readonly elementwiseAffine?: boolean;
}

export interface GroupNormOptions extends FactoryOptions {
  /** Added to the variance (1e-5). */
  readonly eps?: number;
  /** Learn a scale per channel, and a shift too unless `bias` is false (true). */
  readonly affine?: boolean;
  readonly bias?: boolean;
}

const LAYER = { eps: 1e-5, elementwiseAffine: true, bias: true, ...FACTORY };
const RMS = { eps: null as number | null, elementwiseAffine: true, ...FACTORY };
const GROUP = { eps: 1e-5, affine: true, bias: true, ...FACTORY };

/** Sets what an affine normalization starts from: scale 1, shift 0. */
export function resetAffine(weight: Parameter | null, bias: Parameter | null): void {
  if (weight !== null) ones_(weight);
  if (bias !== null) zeros_(bias);
}

function toShape(given: number | readonly number[]): readonly number[] {
  const shape = typeof given === 'number' ? [given] : given;
  if (!Array.isArray(shape) || shape.length === 0)
    throw expected('a size or sizes', 'normalizedShape', given);
  for (const size of shape) checkSizes({ normalizedShape: size });
  return [...shape];
}

/** Normalizes the last dimensions; Ba et al., 2016. `[*, ...normalizedShape]` to the same; weight, bias `normalizedShape`. */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly elementwiseAffine: boolean;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(normalizedShape: number | readonly number[], options: LayerNormOptions = {}) {
    super();
    const { eps, elementwiseAffine, bias, ...factory } = withDefaults('LayerNorm', LAYER, options);
    this.normalizedShape = toShape(normalizedShape);
    this.eps = eps;
    this.elementwiseAffine = elementwiseAffine;
    this.weight = elementwiseAffine ? emptyParameter(this.normalizedShape, factory) : null;
    this.bias = elementwiseAffine && bias ? emptyParameter(this.normalizedShape, factory) : null;
    this.resetParameters();
  }

  resetParameters(): void {
    resetAffine(this.weight, this.bias);
  }

  forward(input: Tensor): Tensor {
    return functional.layerNorm(input, this.normalizedShape, this);
  }

  override extraRepr(): string {
    const { normalizedShape, eps, elementwiseAffine, bias } = this;
    const affine = `elementwise_affine=${bool(elementwiseAffine)}, bias=${bool(bias !== null)}`;
    return `${tuple(normalizedShape)}, eps=${float(eps)}, ${affine}`;
  }
}

/** Divides by the root mean square over the last dimensions. `[*, ...normalizedShape]` to the same. */
export class RMSNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number | null;
  readonly elementwiseAffine: boolean;
  weight: Parameter | null;

  constructor(normalizedShape: number | readonly number[], options: RMSNormOptions = {}) {
    super();
    const { eps, elementwiseAffine, ...factory } = withDefaults('RMSNorm', RMS, options);
    this.normalizedShape = toShape(normalizedShape);
    this.eps = eps;
    this.elementwiseAffine = elementwiseAffine;
    this.weight = elementwiseAffine ? emptyParameter(this.normalizedShape, factory) : null;
    this.resetParameters();
  }

  resetParameters(): void {
    resetAffine(this.weight, null);
  }

  forward(input: Tensor): Tensor {
    return functional.rmsNorm(input, this.normalizedShape, this);
  }

  override extraRepr(): string {
    const { normalizedShape, eps, elementwiseAffine } = this;
    const shown = eps === null ? 'None' : float(eps);
    return `${tuple(normalizedShape)}, eps=${shown}, elementwise_affine=${bool(elementwiseAffine)}`;
  }
}

/** Normalizes each group of channels; Wu and He, 2018. `[N, numChannels, *]` to the same; weight, bias `[numChannels]`. */
export class GroupNorm extends Module {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  readonly affine: boolean;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(numGroups: number, numChannels: number, options: GroupNormOptions = {}) {
    super();
    const { eps, affine, bias, ...factory } = withDefaults('GroupNorm', GROUP, options);
    checkSizes({ numGroups }, 1);
    checkSizes({ numChannels });
    if (numChannels % numGroups !== 0)
      throw expected(`a multiple of numGroups = ${numGroups}`, 'numChannels', numChannels);
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.eps = eps;
    this.affine = affine;
    this.weight = affine ? emptyParameter([numChannels], factory) : null;
    this.bias = affine && bias ? emptyParameter([numChannels], factory) : null;
    this.resetParameters();
  }

  resetParameters(): void {
    resetAffine(this.weight, this.bias);
  }

  forward(input: Tensor): Tensor {
    return functional.groupNorm(input, this.numGroups, this);
  }

  override extraRepr(): string {
    const { numGroups, numChannels, eps, affine, bias } = this;
    return `${numGroups}, ${numChannels}, eps=${float(eps)}, affine=${bool(affine)}, bias=${bool(bias !== null)}`;
  }
}
