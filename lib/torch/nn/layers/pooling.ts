import type { Tensor } from '../../tensor.ts';
import type { Size } from '../functional/conv.ts';
import * as functional from '../functional/pooling.ts';
import { Module } from '../module.ts';
import { withDefaults } from '../options.ts';
import { bool, size, tuple } from '../python.ts';

/** Pooling over `[N, C, L]` or `[N, C, H, W]`, the batch being optional; see `functional/pooling.ts` for the options. */

type WithIndices = [output: Tensor, indices: Tensor];

const MAX = { stride: null as Size | null, padding: 0 as Size, dilation: 1 as Size, ceilMode: false };

/** What the max pools share. */
abstract class MaxPool extends Module {
  readonly kernelSize: Size;
  readonly stride: Size;
  readonly padding: Size;
  readonly dilation: Size;
  readonly ceilMode: boolean;

  constructor(kernelSize: Size, given: functional.MaxPoolOptions = {}) {
    super();
    const options = withDefaults(new.target.name, MAX, given);
    this.kernelSize = kernelSize;
    this.stride = options.stride ?? kernelSize;
    this.padding = options.padding;
    this.dilation = options.dilation;
    this.ceilMode = options.ceilMode;
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this;
    const shown = `kernel_size=${size(kernelSize)}, stride=${size(stride)}, padding=${size(padding)}`;
    return `${shown}, dilation=${size(dilation)}, ceil_mode=${bool(ceilMode)}`;
  }
}

/** The largest value of each window. `[N, C, L]` to `[N, C, L']`. */
export class MaxPool1d extends MaxPool {
  forward(input: Tensor): Tensor {
    return functional.maxPool1d(input, this.kernelSize, this);
  }

  /** PyTorch's `return_indices=True`: also where each value was. */
  forwardWithIndices(input: Tensor): WithIndices {
    return functional.maxPool1dWithIndices(input, this.kernelSize, this);
  }
}

/** The largest value of each window. `[N, C, H, W]` to `[N, C, H', W']`. */
export class MaxPool2d extends MaxPool {
  forward(input: Tensor): Tensor {
    return functional.maxPool2d(input, this.kernelSize, this);
  }

  /** PyTorch's `return_indices=True`: also where each value was, counted over the flattened image. */
  forwardWithIndices(input: Tensor): WithIndices {
    return functional.maxPool2dWithIndices(input, this.kernelSize, this);
  }
}

const AVERAGE = { stride: null as Size | null, padding: 0 as Size, ceilMode: false, countIncludePad: true };

/** What the average pools share. */
abstract class AvgPool extends Module {
  readonly kernelSize: Size;
  readonly stride: Size;
  readonly padding: Size;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;

  constructor(kernelSize: Size, options: typeof AVERAGE) {
    super();
    this.kernelSize = kernelSize;
    this.stride = options.stride ?? kernelSize;
    this.padding = options.padding;
    this.ceilMode = options.ceilMode;
    this.countIncludePad = options.countIncludePad;
  }

  override extraRepr(): string {
    return `kernel_size=${size(this.kernelSize)}, stride=${size(this.stride)}, padding=${size(this.padding)}`;
  }
}

/** The mean of each window. `[N, C, L]` to `[N, C, L']`. */
export class AvgPool1d extends AvgPool {
  constructor(kernelSize: Size, options: functional.AvgPoolOptions = {}) {
    super(kernelSize, withDefaults('AvgPool1d', AVERAGE, options));
  }

  forward(input: Tensor): Tensor {
    return functional.avgPool1d(input, this.kernelSize, this);
  }

  /** PyTorch keeps these as tuples, whatever they were given as. */
  override extraRepr(): string {
    const one = (value: Size): string => tuple([value].flat() as number[]);
    return `kernel_size=${one(this.kernelSize)}, stride=${one(this.stride)}, padding=${one(this.padding)}`;
  }
}

/** The mean of each window. `[N, C, H, W]` to `[N, C, H', W']`. */
export class AvgPool2d extends AvgPool {
  readonly divisorOverride: number | null;

  constructor(kernelSize: Size, options: functional.AvgPool2dOptions = {}) {
    const defaults = { ...AVERAGE, divisorOverride: null as number | null };
    const { divisorOverride, ...shared } = withDefaults('AvgPool2d', defaults, options);
    super(kernelSize, shared);
    this.divisorOverride = divisorOverride;
  }

  forward(input: Tensor): Tensor {
    return functional.avgPool2d(input, this.kernelSize, this);
  }
}

/** Pools to a given size, whatever the input's. */
abstract class Adaptive<S extends functional.OutputSize> extends Module {
  readonly outputSize: S;

  constructor(outputSize: S) {
    super();
    this.outputSize = outputSize;
  }

  override extraRepr(): string {
    return `output_size=${size(this.outputSize)}`;
  }
}

/** Means. `[N, C, L]` to `[N, C, outputSize]`. */
export class AdaptiveAvgPool1d extends Adaptive<number> {
  forward(input: Tensor): Tensor {
    return functional.adaptiveAvgPool1d(input, this.outputSize);
  }
}

/** Means. `[N, C, H, W]` to `[N, C, ...outputSize]`; null keeps a size. */
export class AdaptiveAvgPool2d extends Adaptive<functional.OutputSize> {
  forward(input: Tensor): Tensor {
    return functional.adaptiveAvgPool2d(input, this.outputSize);
  }
}

/** Maxima. `[N, C, L]` to `[N, C, outputSize]`. */
export class AdaptiveMaxPool1d extends Adaptive<number> {
  forward(input: Tensor): Tensor {
    return functional.adaptiveMaxPool1d(input, this.outputSize);
  }

  /** PyTorch's `return_indices=True`: also where each value was. */
  forwardWithIndices(input: Tensor): WithIndices {
    return functional.adaptiveMaxPool1dWithIndices(input, this.outputSize);
  }
}

/** Maxima. `[N, C, H, W]` to `[N, C, ...outputSize]`; null keeps a size. */
export class AdaptiveMaxPool2d extends Adaptive<functional.OutputSize> {
  forward(input: Tensor): Tensor {
    return functional.adaptiveMaxPool2d(input, this.outputSize);
  }

  /** PyTorch's `return_indices=True`: also where each value was, counted over the flattened image. */
  forwardWithIndices(input: Tensor): WithIndices {
    return functional.adaptiveMaxPool2dWithIndices(input, this.outputSize);
  }
}
