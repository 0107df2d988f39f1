import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import type { Tensor } from '../../tensor.ts';
import { type ReductionOption, reductionEnum } from './reduction.ts';

/** Losses on predictions and targets of one shape, and on classes. */

interface WeightOption extends ReductionOption {
  /** A weight per class or per element. */
  readonly weight?: Tensor | null;
}

export interface NllOptions extends WeightOption {
  /** A class whose targets count for nothing (-100). */
  readonly ignoreIndex?: number;
}

export interface CrossEntropyOptions extends NllOptions {
  /** The share of the target spread over all classes (0). */
  readonly labelSmoothing?: number;
}

/** `(x - y)²`. Both `[*]`. */
export function mseLoss(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean', weight = null }: WeightOption = {},
): Tensor {
  const [x, y] = broadcast(input, target);
  if (weight === null) return F.mseLoss(x, y, reductionEnum(reduction));
  return weighted(x.sub(y).pow(2), input, weight, reduction);
}

/** `|x - y|`. Both `[*]`. */
export function l1Loss(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean', weight = null }: WeightOption = {},
): Tensor {
  const [x, y] = broadcast(input, target);
  if (weight === null) return F.l1Loss(x, y, reductionEnum(reduction));
  return weighted(x.sub(y).abs(), input, weight, reduction);
}

/** `(x - y)² / 2 beta` where `|x - y| < beta`, `|x - y| - beta / 2` elsewhere. Both `[*]`; `beta` is 1. */
export function smoothL1Loss(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean', beta = 1 }: ReductionOption & { readonly beta?: number } = {},
): Tensor {
  const [x, y] = broadcast(input, target);
  if (beta === 0) return F.l1Loss(x, y, reductionEnum(reduction));
  return F.smoothL1Loss(x, y, reductionEnum(reduction), beta);
}

/** `(x - y)² / 2` where `|x - y| < delta`, `delta (|x - y| - delta / 2)` elsewhere. Both `[*]`; `delta` is 1. */
export function huberLoss(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean', delta = 1, weight = null }: WeightOption & { readonly delta?: number } = {},
): Tensor {
  const [x, y] = broadcast(input, target);
  if (weight === null) return F.huberLoss(x, y, reductionEnum(reduction), delta);
  checkSameShape(weight, input);
  return reduce(F.huberLoss(x, y, reductionEnum('none'), delta).mul(weight), reduction);
}

/**
 * `-log softmax(x)[y]`.
 *
 * @param input logits `[N, C, *]` or `[C]`
 * @param target classes, int64 `[N, *]` or `[]`, or probabilities shaped like the input
 */
export function crossEntropy(input: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weight = null, reduction = 'mean', ignoreIndex = -100, labelSmoothing = 0 } = options;
  return F.crossEntropyLoss(input, target, weight, reductionEnum(reduction), ignoreIndex, labelSmoothing);
}

/**
 * `-x[y]`.
 *
 * @param input log-probabilities `[N, C, *]` or `[C]`
 * @param target classes, int64 `[N, *]` or `[]`
 */
export function nllLoss(input: Tensor, target: Tensor, options: NllOptions = {}): Tensor {
  const { weight = null, reduction = 'mean', ignoreIndex = -100 } = options;
  return F.nllLossNd(input, target, weight, reductionEnum(reduction), ignoreIndex);
}

/** `-(y log x + (1 - y) log(1 - x))` for probabilities. Both `[*]`. */
export function binaryCrossEntropy(
  input: Tensor,
  target: Tensor,
  { weight = null, reduction = 'mean' }: WeightOption = {},
): Tensor {
  checkSameShape(target, input);
  const expanded = weight === null ? null : F.broadcastTensors([target, weight])[1]!;
  return F.binaryCrossEntropy(input, target, expanded, reductionEnum(reduction));
}

/** {@link binaryCrossEntropy} of the sigmoid of logits, computed stably. Both `[*]`; `posWeight` per class. */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  {
    weight = null,
    reduction = 'mean',
    posWeight = null,
  }: WeightOption & { readonly posWeight?: Tensor | null } = {},
): Tensor {
  checkSameShape(target, input);
  return F.binaryCrossEntropyWithLogits(input, target, weight, posWeight, reductionEnum(reduction));
}

/**
 * `y (log y - x)`.
 *
 * @param input log-probabilities `[*]`
 * @param target probabilities `[*]`, or their logarithms with `logTarget`
 * @param options `reduction`: 'batchmean' divides the sum by the first dimension, as the definition has it
 */
export function klDiv(
  input: Tensor,
  target: Tensor,
  {
    reduction = 'mean',
    logTarget = false,
  }: { readonly reduction?: 'none' | 'mean' | 'sum' | 'batchmean'; readonly logTarget?: boolean } = {},
): Tensor {
  const isBatchMean = reduction === 'batchmean';
  const loss = F.klDiv(input, target, reductionEnum(isBatchMean ? 'sum' : reduction), { logTarget });
  return isBatchMean && input.ndim > 0 ? loss.div(input.shape[0]!) : loss;
}

/** `exp(x) - y x`, or `x - y log(x + eps)` without `logInput`. Both `[*]`; `full` adds Stirling's term. */
export function poissonNllLoss(
  input: Tensor,
  target: Tensor,
  {
    logInput = true,
    full = false,
    eps = 1e-8,
    reduction = 'mean',
  }: ReductionOption & { readonly logInput?: boolean; readonly full?: boolean; readonly eps?: number } = {},
): Tensor {
  return F.poissonNllLoss(input, target, logInput, full, eps, reductionEnum(reduction));
}

/** The reduction that the composed losses share. */
export function reduce(loss: Tensor, reduction: ReductionOption['reduction'] & string): Tensor {
  if (reductionEnum(reduction) === 0) return loss;
  return reduction === 'mean' ? loss.mean() : loss.sum();
}

/** Both of one shape. PyTorch broadcasts them too, with a warning: it is hardly ever what was meant. */
function broadcast(input: Tensor, target: Tensor): [Tensor, Tensor] {
  if (!sameShape(input.shape, target.shape)) {
    process.emitWarning(
      `a loss of an input of shape [${input.shape.join(', ')}] and a target of shape [${target.shape.join(', ')}] ` +
        'compares them broadcast; give both the same shape',
      { code: 'XPMIR_BROADCAST' },
    );
  }
  return F.broadcastTensors([input, target]) as [Tensor, Tensor];
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

function weighted(
  errors: Tensor,
  input: Tensor,
  weight: Tensor,
  reduction: ReductionOption['reduction'] & string,
): Tensor {
  checkSameShape(weight, input);
  const loss = errors.mul(weight);
  return reduction === 'mean' ? loss.sum().div(weight.sum()) : reduce(loss, reduction);
}

function checkSameShape(other: Tensor, input: Tensor): void {
  if (other.shape.join() !== input.shape.join())
    throw expected(`the shape of the input, [${input.shape}]`, 'shape', other.shape);
}
