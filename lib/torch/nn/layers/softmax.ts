import { expected } from '../../../errors.ts';
import type { Tensor } from '../../tensor.ts';
import { glu, logSoftmax, softmax, softmin } from '../functional/activation.ts';
import { Module } from '../module.ts';

/** Activations along one dimension, which must be given (PyTorch only warns). */
abstract class Along extends Module {
  readonly dim: number;

  constructor(dim: number) {
    super();
    if (!Number.isInteger(dim)) throw expected('a dimension', 'dim', dim);
    this.dim = dim;
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** Values between 0 and 1 that sum to 1 along `dim`. `[*]` to `[*]`. */
export class Softmax extends Along {
  forward(input: Tensor): Tensor {
    return softmax(input, this.dim);
  }
}

/** The softmax of the negated input along `dim`. `[*]` to `[*]`. */
export class Softmin extends Along {
  forward(input: Tensor): Tensor {
    return softmin(input, this.dim);
  }
}

/** The logarithm of the softmax along `dim`. `[*]` to `[*]`. */
export class LogSoftmax extends Along {
  forward(input: Tensor): Tensor {
    return logSoftmax(input, this.dim);
  }
}

/** One half of `dim` (-1) gated by the sigmoid of the other. `[*, 2n, *]` to `[*, n, *]`. */
export class GLU extends Along {
  constructor(dim = -1) {
    super(dim);
  }

  forward(input: Tensor): Tensor {
    return glu(input, this.dim);
  }
}
