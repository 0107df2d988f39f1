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
