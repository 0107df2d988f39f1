import type { Tensor } from '../../tensor.ts';
import { cosineSimilarity, pairwiseDistance } from '../functional/distance.ts';
import { Module } from '../module.ts';
import { withDefaults } from '../options.ts';

const COSINE = { dim: 1, eps: 1e-8 };

/** The cosine between two tensors along `dim` (1). `[*, D, *]` twice to `[*, *]`. */
export class CosineSimilarity extends Module {
  readonly dim: number;
  readonly eps: number;

  constructor(options: Partial<Readonly<typeof COSINE>> = {}) {
    super();
    const { dim, eps } = withDefaults('CosineSimilarity', COSINE, options);
    this.dim = dim;
    this.eps = eps;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return cosineSimilarity(x1, x2, { dim: this.dim, eps: this.eps });
  }
}

const PAIRWISE = { p: 2, eps: 1e-6, keepdim: false };

/** The p-norm (2) of the difference over the last dimension. `[*, D]` twice to `[*]`. */
export class PairwiseDistance extends Module {
  readonly norm: number;
  readonly eps: number;
  readonly keepdim: boolean;

  constructor(options: Partial<Readonly<typeof PAIRWISE>> = {}) {
    super();
    const { p, eps, keepdim } = withDefaults('PairwiseDistance', PAIRWISE, options);
    this.norm = p;
    this.eps = eps;
    this.keepdim = keepdim;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return pairwiseDistance(x1, x2, { p: this.norm, eps: this.eps, keepdim: this.keepdim });
  }
}
