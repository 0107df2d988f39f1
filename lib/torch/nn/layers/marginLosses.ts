import { expected } from '../../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import * as functional from '../functional/marginLoss.ts';
import type { ReductionOption } from '../functional/reduction.ts';
import { Module } from '../module.ts';
import { withDefaults } from '../options.ts';
import { PairwiseDistance } from './distance.ts';
import { Loss, MarginLoss, MEAN, PlainLoss, WEIGHTED, WeightedLoss, type WeightedOptions } from './loss.ts';

export interface MarginOptions extends ReductionOption {
  readonly margin?: number;
}

/** `max(0, -y (x₁ - x₂) + margin)`. All `[*]`; the margin is 0. */
export class MarginRankingLoss extends MarginLoss {
  constructor(options: MarginOptions = {}) {
    super(withDefaults('MarginRankingLoss', { ...MEAN, margin: 0 }, options));
  }

  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return functional.marginRankingLoss(input1, input2, target, this);
  }
}

/** `x` where `y = 1`, `max(0, margin - x)` where `y = -1`. Both `[*]`; the margin is 1. */
export class HingeEmbeddingLoss extends MarginLoss {
  constructor(options: MarginOptions = {}) {
    super(withDefaults('HingeEmbeddingLoss', { ...MEAN, margin: 1 }, options));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.hingeEmbeddingLoss(input, target, this);
  }
}

/** `1 - cos(x₁, x₂)` where `y = 1`, `max(0, cos(x₁, x₂) - margin)` where `y = -1`. `[N, D]` twice, `[N]`; margin 0. */
export class CosineEmbeddingLoss extends MarginLoss {
  constructor(options: MarginOptions = {}) {
    super(withDefaults('CosineEmbeddingLoss', { ...MEAN, margin: 0 }, options));
  }

  forward(input1: Tensor, input2: Tensor, target: Tensor): Tensor {
    return functional.cosineEmbeddingLoss(input1, input2, target, this);
  }
}

/** `log(1 + exp(-y x))`. Both `[*]`. */
export class SoftMarginLoss extends PlainLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.softMarginLoss(input, target, this);
  }
}

/** Each class but the right one should be `margin` (1) below it. `[N, C]`, classes int64 `[N]`; `p` is 1 or 2 (1). */
export class MultiMarginLoss extends WeightedLoss {
  readonly p: number;
  readonly margin: number;

  constructor(given: WeightedOptions & { readonly p?: number; readonly margin?: number } = {}) {
    const options = withDefaults('MultiMarginLoss', { ...WEIGHTED, p: 1, margin: 1 }, given);
    super(options);
    const { p, margin, weight } = options;
    if (p !== 1 && p !== 2) throw expected('1 or 2', 'p', p);
    if (weight !== null && weight.ndim !== 1) throw expected('a tensor [C]', 'weight', weight.shape);
    this.p = p;
    this.margin = margin;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.multiMarginLoss(input, target, this);
  }
}

/** Each right class should be 1 above each wrong one. `[N, C]`; target classes int64 `[N, C]`, closed by -1. */
export class MultiLabelMarginLoss extends PlainLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.multilabelMarginLoss(input, target, this);
  }
}

/** Binary cross entropy of logits, averaged over the classes. Both `[N, C]`; weight `[C]`. */
export class MultiLabelSoftMarginLoss extends WeightedLoss {
  constructor(options: WeightedOptions = {}) {
    super(withDefaults('MultiLabelSoftMarginLoss', WEIGHTED, options));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.multilabelSoftMarginLoss(input, target, this);
  }
}

/** `max(0, d(a, p) - d(a, n) + margin)`. All `[N, D]` or `[D]`; margin 1, p 2, eps 1e-6, no swap. */
export class TripletMarginLoss extends MarginLoss {
  readonly p: number;
  readonly eps: number;
  readonly swap: boolean;

  constructor(given: functional.TripletOptions = {}) {
    const defaults = { ...MEAN, margin: 1, p: 2, eps: 1e-6, swap: false };
    const options = withDefaults('TripletMarginLoss', defaults, given);
    super(options);
    if (!(options.margin > 0)) throw expected('a positive number', 'margin', options.margin);
    this.p = options.p;
    this.eps = options.eps;
    this.swap = options.swap;
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return functional.tripletMarginLoss(anchor, positive, negative, this);
  }
}

/** `max(0, d(a, p) - d(a, n) + margin)` for a distance of the caller's, or the Euclidean one; margin 1, no swap. */
export class TripletMarginWithDistanceLoss extends MarginLoss {
  readonly distance_function: Module | ((a: Tensor, b: Tensor) => Tensor);
  readonly swap: boolean;

  /** @param given `distanceFunction` is a function, or a module with two inputs, which is then a part of this one */
  constructor(
    given: Omit<functional.TripletDistanceOptions, 'distanceFunction'> & {
      readonly distanceFunction?: Module | ((a: Tensor, b: Tensor) => Tensor) | null;
    } = {},
  ) {
    const { distanceFunction, swap, ...shared } = withDefaults(
      'TripletMarginWithDistanceLoss',
      { ...MEAN, margin: 1, swap: false, distanceFunction: null as typeof given.distanceFunction },
      given,
    );
    super(shared);
    if (!(shared.margin > 0)) throw expected('a positive number', 'margin', shared.margin);
    this.distance_function = distanceFunction ?? new PairwiseDistance();
    this.swap = swap;
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    const { distance_function: distance, margin, swap, reduction } = this;
    const distanceFunction =
      distance instanceof Module ? (a: Tensor, b: Tensor) => distance.forward(a, b) as Tensor : distance;
    const options = { distanceFunction, margin, swap, reduction };
    return functional.tripletMarginWithDistanceLoss(anchor, positive, negative, options);
  }
}

export interface GaussianNLLLossOptions extends ReductionOption {
  /** Add the constant term (false). */
  readonly full?: boolean;
  /** The least variance (1e-6). */
  readonly eps?: number;
}

/** The negative log-likelihood of a normal law. Input and target `[*]`, variance `[*]`, `[*, 1]` or one number. */
export class GaussianNLLLoss extends Loss {
  readonly full: boolean;
  readonly eps: number;

  constructor(given: GaussianNLLLossOptions = {}) {
    const { reduction, full, eps } = withDefaults(
      'GaussianNLLLoss',
      { ...MEAN, full: false, eps: 1e-6 },
      given,
    );
    super(reduction);
    this.full = full;
    this.eps = eps;
  }

  forward(input: Tensor, target: Tensor, variance: Tensor | number): Tensor {
    return functional.gaussianNllLoss(input, target, variance, this);
  }
}

export interface CTCLossOptions extends ReductionOption {
  /** The class that means nothing (0). */
  readonly blank?: number;
  /** Count samples that cannot be aligned as 0 (false). */
  readonly zeroInfinity?: boolean;
}

/** Aligns sequences without knowing where their labels are; see `functional.ctcLoss` for the shapes. */
export class CTCLoss extends Loss {
  readonly blank: number;
  readonly zeroInfinity: boolean;

  constructor(given: CTCLossOptions = {}) {
    const { reduction, blank, zeroInfinity } = withDefaults(
      'CTCLoss',
      { ...MEAN, blank: 0, zeroInfinity: false },
      given,
    );
    super(reduction);
    this.blank = blank;
    this.zeroInfinity = zeroInfinity;
  }

  forward(
    logProbs: Tensor,
    targets: Tensor,
    inputLengths: Tensor | readonly number[],
    targetLengths: Tensor | readonly number[],
  ): Tensor {
    return functional.ctcLoss(logProbs, targets, inputLengths, targetLengths, this);
  }
}
