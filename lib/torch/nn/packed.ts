import { ArgumentError, expected } from '../../errors.ts';
import { tensor } from '../factories.ts';
import { F } from '../functions.ts';
import { ops } from '../ops.ts';
import { Tensor } from '../tensor.ts';

/**
 * Sequences of different lengths without their padding, step by step: what recurrent layers take beside a padded tensor.
 * Made by {@link packPaddedSequence} and {@link packSequence}.
 */
export class PackedSequence {
  /** The elements of step 0 of every sequence, then of step 1, ...: `[Σ lengths, *]`. */
  readonly data: Tensor;
  /** How many sequences reach each step: int64 `[T]`, on the CPU. */
  readonly batchSizes: Tensor;
  /** The order by falling length that the sequences were brought into, `[N]`; null if they came in it. */
  readonly sortedIndices: Tensor | null;
  /** The way back from it, `[N]`. */
  readonly unsortedIndices: Tensor | null;

  constructor(
    data: Tensor,
    batchSizes: Tensor,
    sortedIndices: Tensor | null = null,
    unsortedIndices: Tensor | null = invertPermutation(sortedIndices),
  ) {
    if (batchSizes.device !== 'cpu') throw expected('a tensor on the CPU', 'batchSizes', batchSizes.device);
    this.data = data;
    this.batchSizes = batchSizes;
    this.sortedIndices = sortedIndices;
    this.unsortedIndices = unsortedIndices;
  }
}

interface Layout {
  /** Whether the batch is the first dimension (false). */
  readonly batchFirst?: boolean;
}

export interface PackOptions extends Layout {
  /** A promise that the lengths fall (true); otherwise they are sorted here. */
  readonly enforceSorted?: boolean;
}

/** The permutation that undoes another: int64 `[N]`. */
export function invertPermutation<P extends Tensor | null>(permutation: P): P {
  if (permutation === null) return permutation;
  const { shape, device } = permutation;
  const positions = F.arange(0, shape[0]!, { dtype: 'int64', device });
  return F.emptyLike(permutation).scatter_(0, permutation, positions) as P;
}

/**
 * Drops the padding.
 *
 * @param input `[T, N, *]`, or `[N, T, *]` with `batchFirst`
 * @param lengths of the sequences, `[N]`
 */
export function packPaddedSequence(
  input: Tensor,
  lengths: Tensor | readonly number[],
  { batchFirst = false, enforceSorted = true }: PackOptions = {},
): PackedSequence {
  const given = lengths instanceof Tensor ? lengths.to('int64') : tensor(lengths, { dtype: 'int64' });
  if (enforceSorted) {
    const [data, batchSizes] = ops.aten._pack_padded_sequence(input, given, batchFirst);
    return new PackedSequence(data, batchSizes);
  }
  const [sorted, order] = given.sort(-1, true);
  const sortedIndices = order.to(input.device);
  const [data, batchSizes] = ops.aten._pack_padded_sequence(
    input.indexSelect(batchFirst ? 0 : 1, sortedIndices),
    sorted,
    batchFirst,
  );
  return new PackedSequence(data, batchSizes, sortedIndices);
}

export interface PadPackedOptions extends Layout {
  /** What to pad with (0). */
  readonly paddingValue?: number;
  /** Pad to this length instead of the longest sequence's. */
  readonly totalLength?: number;
}

/** The padded tensor, `[T, N, *]` or `[N, T, *]` with `batchFirst`, and the lengths, int64 `[N]`. */
export function padPackedSequence(
  sequence: PackedSequence,
  { batchFirst = false, paddingValue = 0, totalLength }: PadPackedOptions = {},
): [padded: Tensor, lengths: Tensor] {
  const { data, batchSizes, unsortedIndices } = sequence;
  const longest = batchSizes.shape[0]!;
  if (totalLength !== undefined && totalLength < longest)
    throw expected(`at least ${longest}`, 'totalLength', totalLength);
  const [padded, lengths] = ops.aten._pad_packed_sequence(
    data,
    batchSizes,
    batchFirst,
    paddingValue,
    totalLength ?? longest,
  );
  if (unsortedIndices === null) return [padded, lengths];
  return [
    padded.indexSelect(batchFirst ? 0 : 1, unsortedIndices),
    lengths.indexSelect(0, unsortedIndices.to('cpu')),
  ];
}

/** Stacks sequences `[L, *]` to `[T, N, *]`, or `[N, T, *]` with `batchFirst`, T being the longest L. */
export function padSequence(
  sequences: readonly Tensor[],
  {
    batchFirst = false,
    paddingValue = 0,
    paddingSide = 'right',
  }: Layout & {
    readonly paddingValue?: number;
    readonly paddingSide?: 'left' | 'right';
  } = {},
): Tensor {
  return F.padSequence(sequences, batchFirst, paddingValue, paddingSide);
}

/** The inverse of {@link padSequence}: each sequence cut to its length. */
export function unpadSequence(
  padded: Tensor,
  lengths: Tensor | readonly number[],
  { batchFirst = false }: Layout = {},
): Tensor[] {
  const rows = batchFirst ? padded : padded.transpose(0, 1);
  const cuts = lengths instanceof Tensor ? (lengths.tolist() as number[]) : lengths;
  if (cuts.length !== rows.shape[0])
    throw new ArgumentError(`Expected ${rows.shape[0]} lengths but received ${cuts.length}`);
  return cuts.map((length, i) => rows.select(0, i).slice(0, 0, length));
}

/** Packs sequences `[L, *]`. */
export function packSequence(
  sequences: readonly Tensor[],
  { enforceSorted = true }: PackOptions = {},
): PackedSequence {
  const lengths = sequences.map((sequence) => sequence.shape[0] ?? 0);
  return packPaddedSequence(padSequence(sequences), lengths, { enforceSorted });
}

/** The sequences `[L, *]` in a packed one. */
export function unpackSequence(packed: PackedSequence): Tensor[] {
  const [padded, lengths] = padPackedSequence(packed, { batchFirst: true });
  return unpadSequence(padded, lengths, { batchFirst: true });
}
