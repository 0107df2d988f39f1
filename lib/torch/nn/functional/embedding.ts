import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import { noGrad } from '../../modes.ts';
import type { Tensor } from '../../tensor.ts';

/** What both embeddings take. */
export interface EmbeddingOptions {
  /** A row that gets no gradient; negative counts from the end. */
  readonly paddingIdx?: number | null;
  /** Rows that are looked up and whose norm is larger are first scaled down to it, in place. */
  readonly maxNorm?: number | null;
  /** The p of that norm (2). */
  readonly normType?: number;
  /** Divide gradients by the frequency of the index in the batch (false). */
  readonly scaleGradByFreq?: boolean;
  /** Make the weight's gradient a sparse tensor (false). */
  readonly sparse?: boolean;
}

export type BagMode = 'sum' | 'mean' | 'max';

/** What {@link embeddingBag} takes. */
export interface EmbeddingBagOptions extends EmbeddingOptions {
  /** Where each bag starts in an input `[n]`: `[B]`, or `[B + 1]` with `includeLastOffset`. */
  readonly offsets?: Tensor | null;
  /** How a bag becomes one vector; 'mean' unless told otherwise. */
  readonly mode?: BagMode;
  /** Weights of the indices, shaped like the input; only for 'sum'. */
  readonly perSampleWeights?: Tensor | null;
  /** Whether the last offset is the end of the last bag (false). */
  readonly includeLastOffset?: boolean;
}

/**
 * Rows of a table.
 *
 * @param input integers `[*]`
 * @param weight `[n, d]`
 * @returns `[*, d]`
 */
export function embedding(input: Tensor, weight: Tensor, options: EmbeddingOptions = {}): Tensor {
  const {
    paddingIdx = null,
    maxNorm = null,
    normType = 2,
    scaleGradByFreq = false,
    sparse = false,
  } = options;
  const padding = paddingIdx === null ? -1 : rowIndex(paddingIdx, weight.shape[0]!);
  const indices = maxNorm === null ? input : input.contiguous();
  if (maxNorm !== null) renormalize(weight, indices, maxNorm, normType);
  return F.embedding(weight, indices, padding, scaleGradByFreq, sparse);
}

/**
 * Sums, means or maxima of bags of rows, without making the rows.
 *
 * @param input integers: `[B, L]`, bags of equal length, or `[n]` with `offsets` among the options
 * @param weight `[n, d]`
 * @returns `[B, d]`
 */
export function embeddingBag(input: Tensor, weight: Tensor, options: EmbeddingBagOptions = {}): Tensor {
  const {
    paddingIdx = null,
    maxNorm = null,
    normType = 2,
    scaleGradByFreq = false,
    sparse = false,
  } = options;
  const { mode = 'mean', perSampleWeights = null, offsets = null } = options;
  const modeEnum = checkBag(input, weight, { ...options, mode });
  const isRectangular = input.ndim === 2;
  const starts = isRectangular ? rowStarts(input) : offsets!;
  const indices = isRectangular ? input.reshape([-1]) : input;
  if (maxNorm !== null) renormalize(weight, indices, maxNorm, normType);
  const [output] = F.embeddingBag(
    weight,
    indices,
    starts,
    scaleGradByFreq,
    modeEnum,
    sparse,
    isRectangular && perSampleWeights ? perSampleWeights.reshape([-1]) : perSampleWeights,
    !isRectangular && (options.includeLastOffset ?? false),
    paddingIdx,
  );
  return output;
}

/** A row counted from the start. */
export function rowIndex(index: number, rows: number): number {
  if (!(index >= -rows && index < rows)) throw expected(`an index into ${rows} rows`, 'paddingIdx', index);
  return index < 0 ? index + rows : index;
}

const MODES: readonly BagMode[] = ['sum', 'mean', 'max'];

function checkBag(input: Tensor, weight: Tensor, options: EmbeddingBagOptions): number {
  const { mode = 'mean', perSampleWeights, offsets } = options;
  if (weight.ndim !== 2) throw expected('a tensor [n, d]', 'weight', weight.shape);
  if (input.ndim !== 1 && input.ndim !== 2) throw expected('a tensor [B, L] or [n]', 'input', input.shape);
  if (input.ndim === 2 && offsets) throw expected('null with an input [B, L]', 'offsets', offsets.shape);
  if (input.ndim === 1 && offsets?.ndim !== 1)
    throw expected('a tensor [B]', 'offsets', offsets?.shape ?? null);
  if (perSampleWeights && perSampleWeights.shape.join() !== input.shape.join()) {
    throw expected(`the shape of the input, [${input.shape}]`, 'perSampleWeights', perSampleWeights.shape);
  }
  if (perSampleWeights && mode !== 'sum') throw expected("'sum' with perSampleWeights", 'mode', mode);
  if (mode === 'max' && options.scaleGradByFreq)
    throw expected("false with mode 'max'", 'scaleGradByFreq', true);
  if (mode === 'max' && options.sparse) throw expected("false with mode 'max'", 'sparse', true);
  if (!MODES.includes(mode)) throw expected("'sum', 'mean' or 'max'", 'mode', mode);
  return MODES.indexOf(mode);
}

function rowStarts(input: Tensor): Tensor {
  const [rows = 0, length = 0] = input.shape;
  return F.arange(0, rows * length, length, { dtype: input.dtype, device: input.device });
}

function renormalize(weight: Tensor, indices: Tensor, maxNorm: number, normType: number): void {
  noGrad(() => F.embeddingRenorm_(weight.detach(), indices, maxNorm, normType));
}

/**
 * One 1 per row, at the given index.
 *
 * @param input int64 `[*]`
 * @param numClasses how many columns; -1 (default): one more than the largest index
 * @returns int64 `[*, numClasses]`
 */
export function oneHot(input: Tensor, numClasses = -1): Tensor {
  return F.oneHot(input, numClasses);
}
