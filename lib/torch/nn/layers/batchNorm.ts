import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import { noGrad } from '../../modes.ts';
import type { Tensor } from '../../tensor.ts';
import { batchNorm } from '../functional/normalization.ts';
import { Module } from '../module.ts';
import { checkSizes, FACTORY, type FactoryOptions, withDefaults } from '../options.ts';
import { emptyParameter, type Parameter } from '../parameter.ts';
import { bool, float } from '../python.ts';
import type { LoadContext, StateDict } from '../state.ts';
import { resetAffine } from './normalization.ts';

export interface BatchNormOptions extends FactoryOptions {
  /** Added to the variance (1e-5). */
  readonly eps?: number;
  /** How much of each batch enters the running statistics (0.1); null takes the mean over all batches. */
  readonly momentum?: number | null;
  /** Learn a scale per channel, and a shift too unless `bias` is false (true). */
  readonly affine?: boolean;
  /** Keep running statistics and use them in evaluation (true). */
  readonly trackRunningStats?: boolean;
  readonly bias?: boolean;
}

const DEFAULTS = {
  eps: 1e-5,
  momentum: 0.1 as number | null,
  affine: true,
  trackRunningStats: true,
  bias: true,
  ...FACTORY,
};

/** Normalizes each channel over the batch; Ioffe and Szegedy, 2015. Every parameter and statistic is `[numFeatures]`. */
abstract class BatchNorm extends Module {
  protected readonly ranks: readonly number[];
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  weight: Parameter | null;
  bias: Parameter | null;
  running_mean: Tensor | null;
  running_var: Tensor | null;
  num_batches_tracked: Tensor | null;

  /** @param ranks how many dimensions an input may have */
  constructor(ranks: readonly number[], numFeatures: number, given: BatchNormOptions) {
    super();
    this.ranks = ranks;
    const { bias, dtype, device, ...options } = withDefaults(new.target.name, DEFAULTS, given);
    checkSizes({ numFeatures });
    this.numFeatures = numFeatures;
    this.eps = options.eps;
    this.momentum = options.momentum;
    this.affine = options.affine;
    this.trackRunningStats = options.trackRunningStats;
    this.weight = options.affine ? emptyParameter([numFeatures], { dtype, device }) : null;
    this.bias = options.affine && bias ? emptyParameter([numFeatures], { dtype, device }) : null;
    const track = options.trackRunningStats;
    this.running_mean = this.registerBuffer(
      'running_mean',
      track ? F.zeros([numFeatures], { dtype, device }) : null,
    );
    this.running_var = this.registerBuffer(
      'running_var',
      track ? F.ones([numFeatures], { dtype, device }) : null,
    );
    const count = track ? F.zeros([], { dtype: 'int64', device }) : null;
    this.num_batches_tracked = this.registerBuffer('num_batches_tracked', count);
    this.resetParameters();
  }

  resetParameters(): void {
    this.resetRunningStats();
    resetAffine(this.weight, this.bias);
  }

  /** Forgets every batch. */
  resetRunningStats(): void {
    noGrad(() => {
      this.running_mean?.zero_();
      this.running_var?.fill_(1);
      this.num_batches_tracked?.zero_();
    });
  }

  forward(input: Tensor): Tensor {
    const { ranks, training, weight, bias, eps } = this;
    if (!ranks.includes(input.ndim)) throw expected(`${ranks.join(' or ')} dimensions`, 'input', input.shape);
    const momentum = countBatch(this);
    const isTracked = !training || this.trackRunningStats;
    const [mean, variance] = isTracked ? [this.running_mean, this.running_var] : [null, null];
    const fromBatch = training || (this.running_mean === null && this.running_var === null);
    return batchNorm(input, mean, variance, { weight, bias, training: fromBatch, momentum, eps });
  }

  /** State dicts older than PyTorch 0.4.1, and those of files without versions, may lack the count. */
  override loadOwnState(state: StateDict, prefix: string, context: LoadContext): void {
    const key = `${prefix}num_batches_tracked`;
    if (this.num_batches_tracked !== null && !state.has(key)) state.set(key, this.num_batches_tracked);
    super.loadOwnState(state, prefix, context);
  }

  override extraRepr(): string {
    const momentum = this.momentum === null ? 'None' : float(this.momentum);
    const affine = `affine=${bool(this.affine)}, bias=${bool(this.bias !== null)}`;
    const shown = `${this.numFeatures}, eps=${float(this.eps)}, momentum=${momentum}, ${affine}`;
    return `${shown}, track_running_stats=${bool(this.trackRunningStats)}`;
  }
}

/** Counts a training batch, and says how much of it enters the running statistics. */
function countBatch({ training, trackRunningStats, num_batches_tracked, momentum }: BatchNorm): number {
  if (!training || !trackRunningStats || num_batches_tracked === null) return momentum ?? 0;
  num_batches_tracked.add_(1);
  return momentum ?? 1 / Number(num_batches_tracked.item());
}

/** Over `[N, C]` or `[N, C, L]`. */
export class BatchNorm1d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super([2, 3], numFeatures, options);
  }
}

/** Over `[N, C, H, W]`. */
export class BatchNorm2d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super([4], numFeatures, options);
  }
}
