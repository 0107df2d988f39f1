import { fromTypedArray } from '../torch/factories.ts';
import type { TokenArrays, TokenBatch } from './encoding.ts';

/** Arrays, such as those of a thread, as tensors. */
export function toTensors(arrays: TokenArrays): TokenBatch {
  const shape = [arrays.rows, arrays.columns];
  const tensor = (array: Int32Array) => fromTypedArray(array, shape, { dtype: 'int64' });
  return {
    inputIds: tensor(arrays.inputIds),
    attentionMask: tensor(arrays.attentionMask),
    tokenTypeIds: tensor(arrays.tokenTypeIds),
    specialTokensMask: tensor(arrays.specialTokensMask),
  };
}
