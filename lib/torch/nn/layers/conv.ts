import { expected } from '../../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import * as functional from '../functional/conv.ts';
import { type PadMode, pad } from '../functional/vision.ts';
import { Module } from '../module.ts';
import { checkSizes, FACTORY, type FactoryOptions, withDefaults } from '../options.ts';
import { emptyParameter, type Parameter } from '../parameter.ts';
import { tuple } from '../python.ts';
import { resetWeightAndBias } from './linear.ts';

type Size = functional.Size;
type Padding = Size | 'same' | 'valid';
type PaddingMode = 'zeros' | Exclude<PadMode, 'constant'>;

export interface ConvOptions extends FactoryOptions {
  readonly stride?: Size;
  /** On both sides (0); 'same' keeps the size (stride 1 only), 'valid' is 0. */
  readonly padding?: Padding;
  readonly dilation?: Size;
  readonly groups?: number;
  /** Whether to learn a bias (true). */
  readonly bias?: boolean;
  /** What to pad with; zeros unless told otherwise. */
  readonly paddingMode?: PaddingMode;
}

const DEFAULTS = {
  stride: 1 as Size,
  padding: 0 as Padding,
  dilation: 1 as Size,
  groups: 1,
  bias: true,
  paddingMode: 'zeros' as PaddingMode,
  ...FACTORY,
};
const PADDING_MODES: readonly string[] = ['zeros', 'reflect', 'replicate', 'circular'];

/** What the convolutions share; `rank` is the number of spatial dimensions. */
abstract class Convolution extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | 'same' | 'valid';
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly paddingMode: PaddingMode;
  weight: Parameter;
  bias: Parameter | null;

  constructor(rank: number, inChannels: number, outChannels: number, kernelSize: Size, given: ConvOptions) {
    super();
    const { bias, ...options } = withDefaults(new.target.name, DEFAULTS, given);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perDimension('kernelSize', kernelSize, rank);
    this.stride = perDimension('stride', options.stride, rank);
    this.padding =
      typeof options.padding === 'string' ? options.padding : perDimension('padding', options.padding, rank);
    this.dilation = perDimension('dilation', options.dilation, rank);
    this.groups = options.groups;
    this.paddingMode = options.paddingMode;
    check(this);
    this.weight = emptyParameter([outChannels, inChannels / this.groups, ...this.kernelSize], options);
    this.bias = bias ? emptyParameter([outChannels], options) : null;
    this.resetParameters();
  }

  resetParameters(): void {
    resetWeightAndBias(this.weight, this.bias);
  }

  /** The input, padded by hand where the convolution itself can only pad with zeros, and what it is to be given. */
  protected prepare(input: Tensor): [input: Tensor, options: functional.ConvOptions] {
    const { bias, stride, dilation, groups, paddingMode } = this;
    if (paddingMode === 'zeros') return [input, { bias, stride, padding: this.padding, dilation, groups }];
    return [pad(input, sides(this), { mode: paddingMode }), { bias, stride, padding: 0, dilation, groups }];
  }

  override extraRepr(): string {
    const { padding, dilation } = this;
    const shown = [`${this.inChannels}, ${this.outChannels}`, `kernel_size=${tuple(this.kernelSize)}`];
    shown.push(`stride=${tuple(this.stride)}`);
    if (typeof padding === 'string') shown.push(`padding=${padding}`);
    else if (padding.some((size) => size !== 0)) shown.push(`padding=${tuple(padding)}`);
    if (dilation.some((size) => size !== 1)) shown.push(`dilation=${tuple(dilation)}`);
    if (this.groups !== 1) shown.push(`groups=${this.groups}`);
    if (this.bias === null) shown.push('bias=False');
    if (this.paddingMode !== 'zeros') shown.push(`padding_mode=${this.paddingMode}`);
    return shown.join(', ');
  }
}

/** Convolution over `[N, in, L]` or `[in, L]`, giving `[N, out, L']`; weight `[out, in / groups, k]`, bias `[out]`. */
export class Conv1d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options: ConvOptions = {}) {
    super(1, inChannels, outChannels, kernelSize, options);
  }

  forward(input: Tensor): Tensor {
    const [padded, options] = this.prepare(input);
    return functional.conv1d(padded, this.weight, options);
  }
}

/** Convolution over `[N, in, H, W]` or `[in, H, W]`, giving `[N, out, H', W']`; weight `[out, in / groups, kH, kW]`. */
export class Conv2d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options: ConvOptions = {}) {
    super(2, inChannels, outChannels, kernelSize, options);
  }

  forward(input: Tensor): Tensor {
    const [padded, options] = this.prepare(input);
    return functional.conv2d(padded, this.weight, options);
  }
}

/** One number for all spatial dimensions, spelt out. */
function perDimension(name: string, size: Size, rank: number): readonly number[] {
  if (typeof size === 'number') return Array(rank).fill(size);
  if (!Array.isArray(size) || size.length !== rank) throw expected(`a number or ${rank} numbers`, name, size);
  return size;
}

function check({ inChannels, outChannels, groups, padding, stride, paddingMode }: Convolution): void {
  checkSizes({ inChannels, outChannels });
  checkSizes({ groups }, 1);
  if (inChannels % groups !== 0) throw expected(`a multiple of groups = ${groups}`, 'inChannels', inChannels);
  if (outChannels % groups !== 0)
    throw expected(`a multiple of groups = ${groups}`, 'outChannels', outChannels);
  if (typeof padding === 'string' && padding !== 'same' && padding !== 'valid') {
    throw expected("'same', 'valid' or numbers", 'padding', padding);
  }
  if (padding === 'same' && stride.some((step) => step !== 1))
    throw expected("1 with padding 'same'", 'stride', stride);
  if (!PADDING_MODES.includes(paddingMode))
    throw expected(`one of ${PADDING_MODES.join(', ')}`, 'paddingMode', paddingMode);
}

/** What `pad` wants: before and after each dimension, the last dimension first. */
function sides({ padding, dilation, kernelSize }: Convolution): number[] {
  const perSide = kernelSize.map((kernel, i): [number, number] => {
    if (padding === 'valid') return [0, 0];
    if (padding !== 'same') return [padding[i]!, padding[i]!];
    const total = dilation[i]! * (kernel - 1);
    return [Math.floor(total / 2), total - Math.floor(total / 2)];
  });
  return perSide.reverse().flat();
}
