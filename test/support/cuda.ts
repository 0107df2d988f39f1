/** Tests that need a CUDA device, and tests of what happens without one. */
import { test } from '@jest/globals';
import { isAvailable } from '../../lib/torch/cuda.ts';

export const itCuda: typeof test.skip = isAvailable() ? test : test.skip;
export const itWithoutCuda: typeof test.skip = isAvailable() ? test.skip : test;
