import type { Tensor } from '../../tensor.ts';
import * as functional from '../functional/loss.ts';
import type { Reduction, ReductionOption } from '../functional/reduction.ts';
import { withDefaults } from '../options.ts';
import { Loss, MEAN, PlainLoss, WEIGHTED, WeightedLoss, type WeightedOptions } from './loss.ts';

/** `(x - y)²`. Input and target `[*]`. */
export class MSELoss extends PlainLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.mseLoss(input, target, { reduction: this.reduction });
  }
}

/** `|x - y|`. Input and target `[*]`. */
export class L1Loss extends PlainLoss {
  forward(input: Tensor, target: Tensor): Tensor {
    return functional.l1Loss(input, target, { reduction: this.reduction });
  }
}

/** Quadratic within `beta` (1) and linear beyond, with slope 1. Input and target `[*]`. */
export class SmoothL1Loss extends Loss {
  readonly beta: number;

  constructor(options: ReductionOption & { readonly beta?: number } = {}) {
    const { reduction, beta } = withDefaults('SmoothL1Loss', { ...MEAN, beta: 1 }, options);
    super(reduction);
    this.beta = beta;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.smoothL1Loss(input, target, this);
  }
}

/** Quadratic within `delta` (1) and linear beyond, with slope `delta`. Input and target `[*]`. */
export class HuberLoss extends Loss {
  readonly delta: number;

  constructor(options: ReductionOption & { readonly delta?: number } = {}) {
    const { reduction, delta } = withDefaults('HuberLoss', { ...MEAN, delta: 1 }, options);
    super(reduction);
    this.delta = delta;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.huberLoss(input, target, { reduction: this.reduction, delta: this.delta });
  }
}

export interface NLLLossOptions extends WeightedOptions {
  /** A class whose targets count for nothing (-100). */
  readonly ignoreIndex?: number;
}

/** `-x[y]`. Log-probabilities `[N, C, *]` or `[C]`, classes int64 `[N, *]` or `[]`, weight `[C]`. */
export class NLLLoss extends WeightedLoss {
  readonly ignoreIndex: number;

  constructor(given: NLLLossOptions = {}) {
    const options = withDefaults('NLLLoss', { ...WEIGHTED, ignoreIndex: -100 }, given);
    super(options);
    this.ignoreIndex = options.ignoreIndex;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.nllLoss(input, target, this);
  }
}

export interface CrossEntropyLossOptions extends NLLLossOptions {
  /** The share of the target spread over all classes (0). */
  readonly labelSmoothing?: number;
}

/**
 * `-log softmax(x)[y]`. Logits `[N, C, *]` or `[C]`; target classes, int64 `[N, *]` or `[]`, or probabilities shaped
 * like the logits; weight `[C]`.
 */
export class CrossEntropyLoss extends WeightedLoss {
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;

  constructor(given: CrossEntropyLossOptions = {}) {
    const options = withDefaults(
      'CrossEntropyLoss',
      { ...WEIGHTED, ignoreIndex: -100, labelSmoothing: 0 },
      given,
    );
    super(options);
    this.ignoreIndex = options.ignoreIndex;
    this.labelSmoothing = options.labelSmoothing;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.crossEntropy(input, target, this);
  }
}

/** `-(y log x + (1 - y) log(1 - x))`. Probabilities and target `[*]`. */
export class BCELoss extends WeightedLoss {
  constructor(options: WeightedOptions = {}) {
    super(withDefaults('BCELoss', WEIGHTED, options));
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.binaryCrossEntropy(input, target, this);
  }
}

/** The same of the sigmoid of logits, computed stably. Logits and target `[*]`; `posWeight` `[C]`, a buffer too. */
export class BCEWithLogitsLoss extends WeightedLoss {
  pos_weight: Tensor | null;

  constructor(given: WeightedOptions & { readonly posWeight?: Tensor | null } = {}) {
    const options = withDefaults(
      'BCEWithLogitsLoss',
      { ...WEIGHTED, posWeight: null as Tensor | null },
      given,
    );
    super(options);
    this.pos_weight = this.registerBuffer('pos_weight', options.posWeight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, reduction, pos_weight: posWeight } = this;
    return functional.binaryCrossEntropyWithLogits(input, target, { weight, reduction, posWeight });
  }
}

export interface KLDivLossOptions {
  /** 'batchmean' divides the sum by the batch, as the definition has it; 'mean', the default, by all elements. */
  readonly reduction?: Reduction | 'batchmean';
  /** Whether the target is logarithms too (false). */
  readonly logTarget?: boolean;
}

/** `y (log y - x)`. Log-probabilities and target `[*]`. */
export class KLDivLoss extends Loss<Reduction | 'batchmean'> {
  readonly logTarget: boolean;

  constructor(given: KLDivLossOptions = {}) {
    const defaults = { reduction: 'mean' as Reduction | 'batchmean', logTarget: false };
    const { reduction, logTarget } = withDefaults('KLDivLoss', defaults, given);
    super(reduction);
    this.logTarget = logTarget;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.klDiv(input, target, this);
  }
}

export interface PoissonNLLLossOptions extends ReductionOption {
  /** Whether the input is the logarithm of the rate (true). */
  readonly logInput?: boolean;
  /** Add Stirling's term (false). */
  readonly full?: boolean;
  /** Added to the rate before its logarithm is taken (1e-8). */
  readonly eps?: number;
}

/** The negative log-likelihood of counts. Input and target `[*]`. */
export class PoissonNLLLoss extends Loss {
  readonly logInput: boolean;
  readonly full: boolean;
  readonly eps: number;

  constructor(given: PoissonNLLLossOptions = {}) {
    const defaults = { ...MEAN, logInput: true, full: false, eps: 1e-8 };
    const { reduction, logInput, full, eps } = withDefaults('PoissonNLLLoss', defaults, given);
    super(reduction);
    this.logInput = logInput;
    this.full = full;
    this.eps = eps;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return functional.poissonNllLoss(input, target, this);
  }
}
