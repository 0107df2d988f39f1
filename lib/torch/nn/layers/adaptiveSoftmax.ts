import { ArgumentError, expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { checkSizes, FACTORY, type FactoryOptions, withDefaults } from '../options.ts';
import { ModuleList, Sequential } from './containers.ts';
import { Linear } from './linear.ts';

export interface AdaptiveSoftmaxOptions extends FactoryOptions {
  /** Each cluster's projection is so many times smaller than the one before (4). */
  readonly divValue?: number;
  /** Whether the head adds a bias (false). */
  readonly headBias?: boolean;
}

const DEFAULTS = { divValue: 4, headBias: false, ...FACTORY };

/**
 * A softmax over many classes that are sorted by frequency: the frequent ones in a head, the others in clusters that are
 * computed only for the samples that need them; Grave et al., 2017.
 */
export class AdaptiveLogSoftmaxWithLoss extends Module {
  readonly inFeatures: number;
  readonly nClasses: number;
  /** Where each cluster ends. */
  readonly cutoffs: readonly number[];
  readonly divValue: number;
  readonly headBias: boolean;
  readonly head: Linear;
  readonly tail: ModuleList<Sequential>;

  /** @param cutoffs the first class of each cluster, ascending, from 1 to `nClasses - 1` */
  constructor(
    inFeatures: number,
    nClasses: number,
    cutoffs: readonly number[],
    given: AdaptiveSoftmaxOptions = {},
  ) {
    super();
    const { divValue, headBias, dtype, device } = withDefaults('AdaptiveLogSoftmaxWithLoss', DEFAULTS, given);
    checkSizes({ inFeatures, nClasses });
    this.inFeatures = inFeatures;
    this.nClasses = nClasses;
    this.cutoffs = [...checkCutoffs(cutoffs, nClasses), nClasses];
    this.divValue = divValue;
    this.headBias = headBias;
    const clusters = this.cutoffs.length - 1;
    this.head = new Linear(inFeatures, this.#shortlist + clusters, { bias: headBias, dtype, device });
    this.tail = new ModuleList();
    for (let i = 0; i < clusters; i++) {
      const hidden = Math.floor(inFeatures / divValue ** (i + 1));
      const options = { bias: false, dtype, device };
      const size = this.cutoffs[i + 1]! - this.cutoffs[i]!;
      this.tail.append(
        new Sequential(new Linear(inFeatures, hidden, options), new Linear(hidden, size, options)),
      );
    }
  }

  /** How many classes the head itself has. */
  get #shortlist(): number {
    return this.cutoffs[0]!;
  }

  /**
   * @param input `[N, inFeatures]` or `[inFeatures]`
   * @param target classes, int64 `[N]` or `[]`
   * @returns the log-probability of each target, `[N]` or `[]`, and the mean of their negatives, `[]`
   */
  forward(input: Tensor, target: Tensor): [output: Tensor, loss: Tensor] {
    const isBatched = target.ndim > 0;
    if (target.ndim > 1 || input.ndim !== target.ndim + 1)
      throw expected('[N] for an input [N, D], or [] for [D],', 'target', target.shape);
    if (isBatched && input.shape[0] !== target.shape[0])
      throw expected(`${input.shape[0]} classes`, 'target', target.shape);
    const rows = isBatched ? input : input.unsqueeze(0);
    const classes = isBatched ? target : target.unsqueeze(0);
    const output = this.#ofTargets(rows, classes);
    return [isBatched ? output : output.squeeze(0), output.neg().mean()];
  }

  #ofTargets(input: Tensor, target: Tensor): Tensor {
    const count = target.shape[0]!;
    const output = input.newZeros([count]);
    const columns = target.newEmpty([count]);
    let used = 0;
    [0, ...this.cutoffs.slice(0, -1)].forEach((low, i) => {
      const mask = target.ge(low).logicalAnd(target.lt(this.cutoffs[i]!));
      const rows = mask.nonzero().squeeze(1);
      const found = rows.shape[0]!;
      used += found;
      if (found === 0) return;
      const own = target.index([mask]);
      if (i === 0) {
        columns.indexCopy_(0, rows, own);
        return;
      }
      const logits = this.tail.at(i - 1).forward(input.indexSelect(0, rows));
      const chosen = F.logSoftmax(logits, 1).gather(1, own.sub(low).unsqueeze(1));
      columns.indexFill_(0, rows, this.#shortlist + i - 1);
      output.indexCopy_(0, rows, chosen.squeeze(1));
    });
    if (used !== count)
      throw new ArgumentError(
        `Expected classes from 0 to ${this.nClasses - 1} for target but received others`,
      );
    const head = F.logSoftmax(this.head.forward(input), 1);
    return output.add_(head.gather(1, columns.unsqueeze(1)).squeeze(1));
  }

  /** The log-probability of every class: `[N, inFeatures]` to `[N, nClasses]`. */
  logProb(input: Tensor): Tensor {
    const head = F.logSoftmax(this.head.forward(input), 1);
    const parts = [head.narrow(1, 0, this.#shortlist)];
    [...this.tail].forEach((cluster, i) => {
      const own = F.logSoftmax(cluster.forward(input), 1);
      parts.push(own.add(head.select(1, this.#shortlist + i).unsqueeze(1)));
    });
    return F.cat(parts, 1);
  }

  /** The most probable class, without computing clusters that no sample needs: `[N, inFeatures]` to int64 `[N]`. */
  predict(input: Tensor): Tensor {
    const best = this.head.forward(input).argmax(1);
    const outside = best.ge(this.#shortlist);
    if (!outside.any().item()) return best;
    return best.indexPut_([outside], this.logProb(input.index([outside])).argmax(1));
  }
}

function checkCutoffs(cutoffs: readonly number[], classes: number): readonly number[] {
  const fits = (cutoff: number, i: number): boolean =>
    Number.isInteger(cutoff) && cutoff > (i === 0 ? 0 : cutoffs[i - 1]!) && cutoff < classes;
  if (!Array.isArray(cutoffs) || cutoffs.length === 0 || !cutoffs.every(fits))
    throw expected(`ascending integers from 1 to ${classes - 1}`, 'cutoffs', cutoffs);
  return cutoffs;
}
