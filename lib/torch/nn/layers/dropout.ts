import type { Tensor } from '../../tensor.ts';
import type { InplaceOption } from '../functional/activation.ts';
import * as functional from '../functional/dropout.ts';
import { Module } from '../module.ts';
import { type NumbersThenOptions, withNumbers } from '../options.ts';
import { bool, float } from '../python.ts';

/** Drops in training with probability `p` (0.5) and passes its input through in evaluation. `[*]` to `[*]`. */
abstract class AnyDropout extends Module {
  readonly p: number;
  readonly inplace: boolean;

  /**
   * @param args `(0.1, { inplace: true })`, or both by name: `({ p: 0.1 })`
   * @throws ArgumentError unless `p` is within [0, 1]
   */
  constructor(...args: NumbersThenOptions<[p?: number], { readonly p?: number }, InplaceOption>) {
    super();
    const { p, inplace } = withNumbers(new.target.name, { p: 0.5, inplace: false }, args);
    functional.checkProbability(p);
    this.p = p;
    this.inplace = inplace;
  }

  override extraRepr(): string {
    return `p=${float(this.p)}, inplace=${bool(this.inplace)}`;
  }
}

/** Drops elements, and scales the others by `1 / (1 - p)`. `[*]` to `[*]`. */
export class Dropout extends AnyDropout {
  forward(input: Tensor): Tensor {
    return functional.dropout(input, this.p, this);
  }
}

/** Drops channels of `[N, C, L]` or `[C, L]`. */
export class Dropout1d extends AnyDropout {
  forward(input: Tensor): Tensor {
    return functional.dropout1d(input, this.p, this);
  }
}

/** Drops channels of `[N, C, H, W]`; three dimensions are read as `[N, C, L]`. */
export class Dropout2d extends AnyDropout {
  forward(input: Tensor): Tensor {
    return functional.dropout2d(input, this.p, this);
  }
}

/** Drops elements and keeps mean and variance, for networks with SELU; never in place, as in PyTorch. `[*]` to `[*]`. */
export class AlphaDropout extends AnyDropout {
  forward(input: Tensor): Tensor {
    return functional.alphaDropout(input, this.p, { training: this.training });
  }
}

/** Alpha dropout of whole channels `[N, C, *]`; never in place, as in PyTorch. */
export class FeatureAlphaDropout extends AnyDropout {
  forward(input: Tensor): Tensor {
    return functional.featureAlphaDropout(input, this.p, { training: this.training });
  }
}
