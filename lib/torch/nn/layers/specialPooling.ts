import { expected } from '../../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import type { Size } from '../functional/conv.ts';
import * as functional from '../functional/specialPooling.ts';
import { Module } from '../module.ts';
import { withDefaults } from '../options.ts';
import { bool, number, size, tuple } from '../python.ts';

/** Pooling by norms, over random regions, and back to where maxima were; see `functional/specialPooling.ts`. */

const POWER = { stride: null as Size | null, ceilMode: false };

/** What the pools by norms share. */
abstract class LPPool<K extends Size> extends Module {
  readonly normType: number;
  readonly kernelSize: K;
  readonly stride: Size | null;
  readonly ceilMode: boolean;

  constructor(normType: number, kernelSize: K, given: functional.LPPoolOptions = {}) {
    super();
    const { stride, ceilMode } = withDefaults(new.target.name, POWER, given);
    if (typeof normType !== 'number') throw expected('a number', 'normType', normType);
    this.normType = normType;
    this.kernelSize = kernelSize;
    this.stride = stride;
    this.ceilMode = ceilMode;
  }

  override extraRepr(): string {
    const { normType, kernelSize, stride, ceilMode } = this;
    const shown = `norm_type=${number(normType)}, kernel_size=${size(kernelSize)}`;
    return `${shown}, stride=${size(stride)}, ceil_mode=${bool(ceilMode)}`;
  }
}

/** The p-norm of each window. `[N, C, L]` to `[N, C, L']`. */
export class LPPool1d extends LPPool<number> {
  forward(input: Tensor): Tensor {
    return functional.lpPool1d(input, this.normType, this.kernelSize, this);
  }
}

/** The p-norm of each window. `[N, C, H, W]` to `[N, C, H', W']`. */
export class LPPool2d extends LPPool<Size> {
  forward(input: Tensor): Tensor {
    return functional.lpPool2d(input, this.normType, this.kernelSize, this);
  }
}

const FRACTION = {
  outputSize: null as Size | null,
  outputRatio: null as Size | null,
  randomSamples: null as Tensor | null,
};

/** The maxima of windows at pseudo-random places. `[N, C, H, W]` to `[N, C, ...outputSize]`; Graham, 2014. */
export class FractionalMaxPool2d extends Module {
  readonly kernelSize: readonly number[];
  readonly outputSize: readonly number[] | null;
  readonly outputRatio: readonly number[] | null;
  _random_samples: Tensor | null;

  /** @param given `outputSize` or `outputRatio`; `randomSamples` fixes where regions begin */
  constructor(kernelSize: Size, given: functional.FractionalPoolOptions) {
    super();
    const options = withDefaults('FractionalMaxPool2d', FRACTION, given);
    const { outputSize, outputRatio, randomSamples } = options;
    if ((outputSize === null) === (outputRatio === null))
      throw expected('either outputSize or outputRatio', 'options of FractionalMaxPool2d', given);
    this.kernelSize = functional.sizes(kernelSize, 2);
    this.outputSize = outputSize === null ? null : functional.sizes(outputSize, 2);
    this.outputRatio = outputRatio === null ? null : functional.checkRatios(functional.sizes(outputRatio, 2));
    this._random_samples = this.registerBuffer('_random_samples', randomSamples);
  }

  forward(input: Tensor): Tensor {
    return this.forwardWithIndices(input)[0];
  }

  /** PyTorch's `return_indices=True`: also where each value was, counted over the flattened image. */
  forwardWithIndices(input: Tensor): [output: Tensor, indices: Tensor] {
    const { outputSize, outputRatio, _random_samples: randomSamples } = this;
    const options = { outputSize, outputRatio, randomSamples };
    return functional.fractionalMaxPool2dWithIndices(input, this.kernelSize, options);
  }
}

const UNPOOL = { stride: null as Size | null, padding: 0 as Size };

/** What the unpooling layers share. */
abstract class MaxUnpool extends Module {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];

  constructor(kernelSize: Size, given: Omit<functional.UnpoolOptions, 'outputSize'>, dimensions: number) {
    super();
    const { stride, padding } = withDefaults(new.target.name, UNPOOL, given);
    this.kernelSize = functional.sizes(kernelSize, dimensions);
    this.stride = functional.sizes(stride ?? kernelSize, dimensions);
    this.padding = functional.sizes(padding, dimensions);
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding } = this;
    return `kernel_size=${tuple(kernelSize)}, stride=${tuple(stride)}, padding=${tuple(padding)}`;
  }
}

/** What the forward of an unpooling layer takes. */
export type UnpoolCall = Pick<functional.UnpoolOptions, 'outputSize'>;

/** Puts maxima of {@link MaxPool1d} back where they were. `[N, C, L]` and its indices to `[N, C, L']`. */
export class MaxUnpool1d extends MaxUnpool {
  constructor(kernelSize: Size, options: Omit<functional.UnpoolOptions, 'outputSize'> = {}) {
    super(kernelSize, options, 1);
  }

  forward(input: Tensor, indices: Tensor, { outputSize }: UnpoolCall = {}): Tensor {
    const { stride, padding } = this;
    return functional.maxUnpool1d(input, indices, this.kernelSize, { stride, padding, outputSize });
  }
}

/** Puts maxima of {@link MaxPool2d} back where they were. `[N, C, H, W]` and its indices to `[N, C, H', W']`. */
export class MaxUnpool2d extends MaxUnpool {
  constructor(kernelSize: Size, options: Omit<functional.UnpoolOptions, 'outputSize'> = {}) {
    super(kernelSize, options, 2);
  }

  forward(input: Tensor, indices: Tensor, { outputSize }: UnpoolCall = {}): Tensor {
    const { stride, padding } = this;
    return functional.maxUnpool2d(input, indices, this.kernelSize, { stride, padding, outputSize });
  }
}
