/** Which kernels libtorch chooses on this machine: bits can be compared only with what the same ones recorded. */

import { readFileSync } from 'node:fs';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { expectBitEqual, expectClose, type TensorEntry } from './fixtures.ts';

export interface RecordedOn {
  /** ATen's name of the vector instructions. */
  readonly cpu: string;
  /** Maker of the CPU. */
  readonly vendor: string;
}

const AVX512 = ['avx512vl', 'avx512bw', 'avx512dq', 'fma'];
const AVX2 = ['avx2', 'fma'];

function thisMachine(): RecordedOn {
  let text: string;
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return { cpu: 'unknown', vendor: 'unknown' };
  }
  const flags = new Set(/^flags\s*:(.*)$/m.exec(text)?.[1]?.trim().split(' '));
  const found = AVX512.every((flag) => flags.has(flag))
    ? 'AVX512'
    : AVX2.every((flag) => flags.has(flag))
      ? 'AVX2'
      : 'DEFAULT';
  const vendor = /^vendor_id\s*:(.*)$/m.exec(text)?.[1]?.trim() ?? 'unknown';
  return { cpu: process.env.ATEN_CPU_CAPABILITY?.toUpperCase() ?? found, vendor };
}

/** Equality to the bit where the recording machine had this one's kernels; within rounding elsewhere. */
export function comparison(
  recorded: RecordedOn,
): (actual: Tensor, entry: TensorEntry, label: string) => void {
  const here = thisMachine();
  if (here.cpu === recorded.cpu && here.vendor === recorded.vendor) return expectBitEqual;
  return (actual, entry, label) => expectClose(actual, entry, { rtol: 1e-4, atol: 1e-5, label });
}

/** Largest relative and absolute error between kernels that round otherwise, over the steps of an optimizer. */
const ROUNDING: Readonly<Record<string, number>> = { float64: 1e-12, bfloat16: 2e-2, float16: 4e-3 };

/**
 * As `comparison`, for element-wise operators, which no vendor's library computes: those for AVX2 and for AVX-512 give
 * the same bits, those without either fuse no multiplication with an addition.
 */
export function elementwiseComparison(
  recorded: Pick<RecordedOn, 'cpu'>,
): (actual: Tensor, entry: TensorEntry, label: string) => void {
  const isVector = (cpu: string): boolean => cpu === 'AVX2' || cpu === 'AVX512';
  const here = thisMachine().cpu;
  if (here === recorded.cpu || (isVector(here) && isVector(recorded.cpu))) return expectBitEqual;
  return (actual, entry, label) => {
    const tolerance = ROUNDING[entry.dtype] ?? 2e-5;
    expectClose(actual, entry, { rtol: tolerance, atol: tolerance / 10, label });
  };
}
