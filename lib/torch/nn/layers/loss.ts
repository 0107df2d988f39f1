import { expected } from '../../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import { type Reduction, type ReductionOption, reductionEnum } from '../functional/reduction.ts';
import { Module } from '../module.ts';
import { withDefaults } from '../options.ts';

/** The defaults that every loss has. */
export const MEAN = { reduction: 'mean' as Reduction };

/** The defaults of the losses that weigh classes or elements. */
export const WEIGHTED = { ...MEAN, weight: null as Tensor | null };

export interface WeightedOptions extends ReductionOption {
  /** A weight per class or per element; a buffer of the module. */
  readonly weight?: Tensor | null;
}

/** What the losses share. Their output is `[]`, and shaped like the elements with the reduction 'none'. */
export abstract class Loss<R extends string = Reduction> extends Module {
  readonly reduction: R;

  constructor(reduction: R) {
    super();
    if (reduction !== 'batchmean') reductionEnum(reduction as string as Reduction);
    this.reduction = reduction;
  }
}

/** A loss whose only option is the reduction. */
export abstract class PlainLoss extends Loss {
  constructor(options: ReductionOption = {}) {
    super(withDefaults(new.target.name, MEAN, options).reduction);
  }
}

/** A loss with weights. */
export abstract class WeightedLoss extends Loss {
  weight: Tensor | null;

  constructor({ reduction, weight }: Required<WeightedOptions>) {
    super(reduction);
    this.weight = this.registerBuffer('weight', weight);
  }
}

/** A loss with a margin. */
export abstract class MarginLoss extends Loss {
  readonly margin: number;

  constructor({ reduction, margin }: { readonly reduction: Reduction; readonly margin: number }) {
    super(reduction);
    if (typeof margin !== 'number') throw expected('a number', 'margin', margin);
    this.margin = margin;
  }
}
