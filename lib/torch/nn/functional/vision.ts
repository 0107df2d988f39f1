import { expected } from '../../../errors.ts';
import { F } from '../../functions.ts';
import { ops } from '../../ops.ts';
import type { Tensor } from '../../tensor.ts';

export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

/**
 * Pads the last dimensions.
 *
 * @param padding before and after the last dimension, then before and after the one before it, ...; negative crops
 * @param options `mode` ('constant'), `value` (0)
 */
export function pad(
  input: Tensor,
  padding: readonly number[],
  { mode = 'constant', value = null }: { readonly mode?: PadMode; readonly value?: number | null } = {},
): Tensor {
  return F.pad(input, padding, mode, value);
}

export type InterpolateMode =
  | 'nearest'
  | 'nearest-exact'
  | 'linear'
  | 'bilinear'
  | 'bicubic'
  | 'trilinear'
  | 'area';

/** What {@link interpolate} takes: `size` or `scaleFactor`. */
export interface InterpolateOptions {
  readonly size?: number | readonly number[];
  readonly scaleFactor?: number | readonly number[];
  /** 'nearest' unless told otherwise. */
  readonly mode?: InterpolateMode;
  /** Whether corners stay corners; only for the linear and cubic modes (false). */
  readonly alignCorners?: boolean;
  /** Compute the scale again from the rounded size (false). */
  readonly recomputeScaleFactor?: boolean;
  /** Smooth when shrinking; only for 'bilinear' and 'bicubic' (false). */
  readonly antialias?: boolean;
}

/** Spatial dimensions that each mode works on. */
const SPATIAL: Readonly<Record<InterpolateMode, readonly number[]>> = {
  nearest: [1, 2, 3],
  'nearest-exact': [1, 2, 3],
  area: [1, 2, 3],
  linear: [1],
  bilinear: [2],
  bicubic: [2],
  trilinear: [3],
};

/** Resizes the spatial dimensions of `[N, C, *]`. */
export function interpolate(input: Tensor, options: InterpolateOptions): Tensor {
  const { mode = 'nearest', antialias = false, alignCorners } = options;
  if (!Object.hasOwn(SPATIAL, mode))
    throw expected(`one of ${Object.keys(SPATIAL).join(', ')}`, 'mode', mode);
  const spatial = input.ndim - 2;
  if (!SPATIAL[mode].includes(spatial)) {
    throw expected(`[N, C] and ${SPATIAL[mode].join(' or ')} dimensions for '${mode}'`, 'input', input.shape);
  }
  const isPlain = mode === 'nearest' || mode === 'nearest-exact' || mode === 'area';
  if (isPlain && alignCorners !== undefined)
    throw expected(`nothing with mode '${mode}'`, 'alignCorners', alignCorners);
  if (antialias && mode !== 'bilinear' && mode !== 'bicubic')
    throw expected("'bilinear' or 'bicubic' with antialias", 'mode', mode);
  const { size, scales } = target(input, mode, options);
  if (mode === 'area') return F[`adaptiveAvgPool${spatial as 1 | 2 | 3}d`](input, size!);
  if (mode === 'nearest')
    return ops.aten[`upsample_nearest${spatial as 1 | 2 | 3}d`].vec(input, size, scales);
  if (mode === 'nearest-exact') {
    return ops.aten[`_upsample_nearest_exact${spatial as 1 | 2 | 3}d`].vec(input, size, scales);
  }
  const corners = alignCorners ?? false;
  if (mode === 'linear') return ops.aten.upsample_linear1d.vec(input, size, corners, scales);
  if (mode === 'trilinear') return ops.aten.upsample_trilinear3d.vec(input, size, corners, scales);
  if (antialias) return ops.aten[`_upsample_${mode}2d_aa`].vec(input, size, corners, scales);
  return ops.aten[`upsample_${mode}2d`].vec(input, size, corners, scales);
}

interface Target {
  readonly size: readonly number[] | null;
  readonly scales: readonly number[] | null;
}

function target(input: Tensor, mode: InterpolateMode, options: InterpolateOptions): Target {
  const { size, scaleFactor, recomputeScaleFactor = false } = options;
  const spatial = input.shape.slice(2);
  if ((size === undefined) === (scaleFactor === undefined)) {
    throw expected('either size or scaleFactor', 'options', { size, scaleFactor });
  }
  const perDimension = (name: string, given: number | readonly number[]): readonly number[] => {
    const all = typeof given === 'number' ? spatial.map(() => given) : given;
    if (all.length !== spatial.length) throw expected(`${spatial.length} numbers`, name, given);
    return all;
  };
  if (size !== undefined) {
    if (recomputeScaleFactor) throw expected('false with a size', 'recomputeScaleFactor', true);
    return { size: perDimension('size', size), scales: null };
  }
  const scales = perDimension('scaleFactor', scaleFactor!);
  if (mode !== 'area' && !recomputeScaleFactor) return { size: null, scales };
  return { size: spatial.map((length, i) => Math.trunc(length * scales[i]!)), scales: null };
}

/** `[N, C r², H, W]` to `[N, C, H r, W r]`. */
export function pixelShuffle(input: Tensor, upscaleFactor: number): Tensor {
  return F.pixelShuffle(input, upscaleFactor);
}

/** `[N, C, H r, W r]` to `[N, C r², H, W]`. */
export function pixelUnshuffle(input: Tensor, downscaleFactor: number): Tensor {
  return F.pixelUnshuffle(input, downscaleFactor);
}
