import { expected } from '../../../errors.ts';

/** How a loss becomes one number: each element's own, their mean, or their sum. */
export type Reduction = 'none' | 'mean' | 'sum';

const ENUM = { none: 0, mean: 1, sum: 2 } as const;

/** What every loss takes. */
export interface ReductionOption {
  /** 'mean' unless told otherwise. */
  readonly reduction?: Reduction;
}

/** ATen's number for a reduction. */
export function reductionEnum(reduction: Reduction): 0 | 1 | 2 {
  if (!Object.hasOwn(ENUM, reduction)) throw expected("'none', 'mean' or 'sum'", 'reduction', reduction);
  return ENUM[reduction];
}
