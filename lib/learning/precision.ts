/**
 * In which precision a run computes.
 */
import type { DType } from '../torch/dtype.ts';

/** Lightning's names of precisions. */
export const PRECISIONS = ['32-true', '16-mixed', 'bf16-mixed', 'bf16-true'] as const;
export type PrecisionName = (typeof PRECISIONS)[number];

export interface Precision {
  /** What autocast narrows to, from float32 parameters; undefined without autocast. */
  readonly autocast: DType | undefined;
  /** Whether losses are scaled, so that gradients of float16 do not vanish. */
  readonly isScaled: boolean;
  /** Of the parameters, and of what trainers collate; undefined where they stay as they are. */
  readonly dtype: DType | undefined;
}

const NONE: Precision = { autocast: undefined, isScaled: false, dtype: undefined };

const BY_NAME: Readonly<Record<PrecisionName, Precision>> = {
  '32-true': NONE,
  '16-mixed': { ...NONE, autocast: 'float16', isScaled: true },
  'bf16-mixed': { ...NONE, autocast: 'bfloat16' },
  'bf16-true': { ...NONE, dtype: 'bfloat16' },
};

/** Of a name, or else of `useFp16`: float16 with a scaler on a GPU, bfloat16 on the CPU. */
export function precisionOf(name: PrecisionName | undefined, useFp16: boolean, device: string): Precision {
  if (name !== undefined) return BY_NAME[name];
  if (!useFp16) return NONE;
  return device.startsWith('cuda') ? BY_NAME['16-mixed'] : BY_NAME['bf16-mixed'];
}
