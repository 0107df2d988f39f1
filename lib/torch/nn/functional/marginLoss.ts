import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import { noGrad } from '../../modes.ts';
import { Tensor } from '../../tensor.ts';
import { logsigmoid } from './activation.ts';
import { reduce } from './loss.ts';
import { type ReductionOption, reductionEnum } from './reduction.ts';

/** Losses on pairs, triplets, labels, distributions and sequences. */

interface MarginOption extends ReductionOption {
  readonly margin?: number;
}

/** `max(0, -y (x₁ - x₂) + margin)`: the first should rank higher where `y = 1`. All `[*]`; `margin` is 0. */
export function marginRankingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  { margin = 0, reduction = 'mean' }: MarginOption = {},
): Tensor {
  if (input1.ndim !== input2.ndim || input1.ndim !== target.ndim) {
    throw expected('inputs of the same number of dimensions', 'target', target.shape);
  }
  return F.marginRankingLoss(input1, input2, target, margin, reductionEnum(reduction));
}

/** `x` where `y = 1`, `max(0, margin - x)` where `y = -1`. Both `[*]`; `margin` is 1. */
export function hingeEmbeddingLoss(
  input: Tensor,
  target: Tensor,
  { margin = 1, reduction = 'mean' }: MarginOption = {},
): Tensor {
  return F.hingeEmbeddingLoss(input, target, margin, reductionEnum(reduction));
}

/** `1 - cos(x₁, x₂)` where `y = 1`, `max(0, cos(x₁, x₂) - margin)` where `y = -1`. `[N, D]`, `[N]`; `margin` is 0. */
export function cosineEmbeddingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  { margin = 0, reduction = 'mean' }: MarginOption = {},
): Tensor {
  return F.cosineEmbeddingLoss(input1, input2, target, margin, reductionEnum(reduction));
}

/** `log(1 + exp(-y x))`. Both `[*]`. */
export function softMarginLoss(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean' }: ReductionOption = {},
): Tensor {
  return F.softMarginLoss(input, target, reductionEnum(reduction));
}

/**
 * `Σ_i max(0, margin - x[y] + x[i])ᵖ / C` over the wrong classes.
 *
 * @param input `[N, C]` or `[C]`
 * @param target classes, int64 `[N]` or `[]`
 * @param options `p` (1 or 2), `margin` (1), `weight` per class
 */
export function multiMarginLoss(
  input: Tensor,
  target: Tensor,
  {
    p = 1,
    margin = 1,
    weight = null,
    reduction = 'mean',
  }: MarginOption & { readonly p?: number; readonly weight?: Tensor | null } = {},
): Tensor {
  if (p !== 1 && p !== 2) throw expected('1 or 2', 'p', p);
  if (weight !== null && weight.ndim !== 1) throw expected('a tensor [C]', 'weight', weight.shape);
  return F.multiMarginLoss(input, target, p, margin, weight, reductionEnum(reduction));
}

/** `Σ max(0, 1 - (x[y_j] - x[i])) / C`; targets are classes, closed by -1. `[N, C]` or `[C]`, target int64. */
export function multilabelMarginLoss(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean' }: ReductionOption = {},
): Tensor {
  return F.multilabelMarginLoss(input, target, reductionEnum(reduction));
}

/** Binary cross entropy of logits, averaged over the last dimension. Both `[N, C]`; `weight` `[C]`. */
export function multilabelSoftMarginLoss(
  input: Tensor,
  target: Tensor,
  { weight = null, reduction = 'mean' }: ReductionOption & { readonly weight?: Tensor | null } = {},
): Tensor {
  const positive = target.mul(logsigmoid(input));
  const negative = target.rsub(1).mul(logsigmoid(input.neg()));
  const loss = positive.add(negative).neg();
  const perClass = weight === null ? loss : loss.mul(weight);
  return reduce(perClass.sum(input.ndim - 1).div(input.shape.at(-1)!), reduction);
}

/** What {@link tripletMarginLoss} takes: margin 1, p 2, eps 1e-6, no swap. */
export interface TripletOptions extends MarginOption {
  readonly p?: number;
  readonly eps?: number;
  /** Take the negative's distance from whichever of anchor and positive is nearer. */
  readonly swap?: boolean;
}

/** `max(0, d(a, p) - d(a, n) + margin)`. All `[N, D]` or `[D]`. */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { margin = 1, p = 2, eps = 1e-6, swap = false, reduction = 'mean' }: TripletOptions = {},
): Tensor {
  if (!(margin > 0)) throw expected('a positive number', 'margin', margin);
  return F.tripletMarginLoss(anchor, positive, negative, margin, p, eps, swap, reductionEnum(reduction));
}

/** What {@link tripletMarginWithDistanceLoss} takes: the Euclidean distance, margin 1, no swap. */
export interface TripletDistanceOptions extends MarginOption {
  /** From two tensors `[N, *]` to their distances. */
  readonly distanceFunction?: ((a: Tensor, b: Tensor) => Tensor) | null;
  /** Take the negative's distance from whichever of anchor and positive is nearer. */
  readonly swap?: boolean;
}

/** `max(0, d(a, p) - d(a, n) + margin)` for a distance of the caller's. All `[N, *]`. */
export function tripletMarginWithDistanceLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { distanceFunction = null, margin = 1, swap = false, reduction = 'mean' }: TripletDistanceOptions = {},
): Tensor {
  if (!(margin > 0)) throw expected('a positive number', 'margin', margin);
  if (anchor.ndim !== positive.ndim || anchor.ndim !== negative.ndim)
    throw expected(`${anchor.ndim} dimensions for all three`, 'positive and negative', [positive, negative]);
  const distance = distanceFunction ?? ((a, b) => F.pairwiseDistance(a, b));
  const near = distance(anchor, positive);
  const far = distance(anchor, negative);
  const least = swap ? far.minimum(distance(positive, negative)) : far;
  return reduce(near.add(margin).sub(least).clampMin(0), reduction);
}

/**
 * `(log var + (x - y)² / var) / 2`.
 *
 * @param variance `[*]`, `[*, 1]` or without the last dimension, or one number
 * @param options `full` (false): add the constant `log(2π) / 2`; `eps` (1e-6): least variance
 */
export function gaussianNllLoss(
  input: Tensor,
  target: Tensor,
  variance: Tensor | number,
  {
    full = false,
    eps = 1e-6,
    reduction = 'mean',
  }: ReductionOption & { readonly full?: boolean; readonly eps?: number } = {},
): Tensor {
  const given = variance instanceof Tensor ? variance : F.onesLike(input).mul(variance);
  if (given.lt(0).any().item()) throw expected('no negative entries', 'variance', variance);
  const varied = alignVariance(given, input).clone();
  noGrad(() => varied.clampMin_(eps));
  const loss = varied.log().add(input.sub(target).pow(2).div(varied)).mul(0.5);
  return reduce(full ? loss.add(0.5 * Math.log(2 * Math.PI)) : loss, reduction);
}

function alignVariance(variance: Tensor, input: Tensor): Tensor {
  const [given, wanted] = [variance.shape, input.shape];
  if (given.join() === wanted.join()) return variance;
  if (given.join() === wanted.slice(0, -1).join()) return variance.unsqueeze(-1);
  const differing = given.length === wanted.length ? given.filter((size, i) => size !== wanted[i]) : [];
  if (differing.length !== 1 || differing[0] !== 1)
    throw expected(`a shape that fits [${wanted}]`, 'variance', given);
  return variance;
}

/**
 * The connectionist temporal classification loss; Graves et al., 2006.
 *
 * @param logProbs `[T, N, C]` or `[T, C]`
 * @param targets classes, `[N, S]`, or all of them in one `[Σ lengths]`
 * @param inputLengths how much of T each sample uses: `[N]` or numbers
 * @param targetLengths how much of S each sample uses: `[N]` or numbers
 * @param options `blank` (0): the class that means nothing; `zeroInfinity` (false): count impossible samples as 0
 */
export function ctcLoss(
  logProbs: Tensor,
  targets: Tensor,
  inputLengths: Tensor | readonly number[],
  targetLengths: Tensor | readonly number[],
  {
    blank = 0,
    reduction = 'mean',
    zeroInfinity = false,
  }: ReductionOption & { readonly blank?: number; readonly zeroInfinity?: boolean } = {},
): Tensor {
  const by = reductionEnum(reduction);
  if (inputLengths instanceof Tensor && targetLengths instanceof Tensor) {
    return F.ctcLoss(logProbs, targets, inputLengths, targetLengths, blank, by, zeroInfinity);
  }
  if (inputLengths instanceof Tensor || targetLengths instanceof Tensor) {
    throw expected('lengths of one kind, tensors or numbers', 'targetLengths', targetLengths);
  }
  return F.ctcLoss(logProbs, targets, inputLengths, targetLengths, blank, by, zeroInfinity);
}
