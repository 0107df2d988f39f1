import { describe, expect, test } from '@jest/globals';
import { native } from '../../lib/native.ts';
import * as torch from '../../lib/torch/index.ts';
import { itCuda, itWithoutCuda } from '../support/cuda.ts';

const { cuda } = torch;

describe('generators of CUDA devices', () => {
  test.each([['cpu'], ['cuda:'], ['cuda:x'], ['cuda:999'], [-1], [0.5], [999], [Number.NaN], [null], [{}]])(
    '%p is no such device',
    (device) => {
      expect(() => cuda.getRngState(device as never)).toThrow(/^Expected .*device.* for device but received/);
    },
  );

  test('on the native side numbers of devices that are not there are refused too', () => {
    for (const id of [-2 - cuda.deviceCount(), -130, -1e9, -1.5, Number.NEGATIVE_INFINITY])
      expect(() => native().getState(id)).toThrow(/^Expected /);
  });

  itWithoutCuda('without a device there is nothing to save, and that is said', () => {
    expect(cuda.deviceCount()).toBe(0);
    expect(cuda.getRngStateAll()).toEqual([]);
    cuda.setRngStateAll([]);
    cuda.manualSeedAll(1);
    expect(() => cuda.getRngState()).toThrow(
      'Expected a machine with a CUDA device for device but received "cuda"',
    );
    expect(() => cuda.setRngStateAll([torch.getRngState()])).toThrow('Expected a machine with a CUDA device');
  });

  itCuda('the same state gives the same numbers', () => {
    const draw = () => torch.rand([8], { device: 'cuda' }).tolist();
    torch.manualSeed(7);
    expect(cuda.initialSeed()).toBe(7n);
    const first = draw();
    const state = cuda.getRngStateAll();
    expect(state).toHaveLength(cuda.deviceCount());
    const second = draw();
    cuda.setRngStateAll(state);
    expect(draw()).toEqual(second);
    cuda.manualSeed(7, 'cuda:0');
    expect(draw()).toEqual(first);
    cuda.manualSeedAll(7n);
    expect(draw()).toEqual(first);
  });
});
