import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { config, identifier, meta, param } from '../../lib/experiment/index.ts';
import { BestDevice, CudaDevice, Device } from '../../lib/learning/devices.ts';
import { F } from '../../lib/torch/functions.ts';
import {
  areDeterministicAlgorithmsEnabled,
  isDeterministicAlgorithmsWarnOnlyEnabled,
  useDeterministicAlgorithms,
} from '../../lib/torch/threads.ts';
import { begin, newPlace } from '../experiment/support.ts';
import { itCuda, itWithoutCuda } from '../support/cuda.ts';
import { Compute } from './models.ts';

afterEach(() => useDeterministicAlgorithms(false));

describe('devices', () => {
  test('the CPU calls back with itself and returns what it gets', async () => {
    const seen = await new Device().execute(async (info) => ({ ...info, answer: 42 }));
    expect(seen).toEqual({ device: 'cpu', main: true, count: 1, rank: 0, answer: 42 });
  });

  itWithoutCuda('no GPU is an error that says what to do, and nothing is computed', async () => {
    let calls = 0;
    await expect(new CudaDevice().execute(() => calls++)).rejects.toThrow(
      /^cudaDevice: expected a CUDA device, but libtorch sees none: .*cpuFallback: true, BestDevice or Device$/,
    );
    expect(calls).toBe(0);
  });

  itWithoutCuda(
    'a job whose device is missing fails, and says why',
    async () => {
      const xp = begin(newPlace());
      const [bad, good] = [{ id: 1 }, { id: 2, cpuFallback: true }].map(
        ({ id, ...options }) => new Compute({ id, device: new CudaDevice(options) }),
      );
      for (const task of [bad, good]) task!.submit();
      await expect(xp.wait()).rejects.toThrow('cudaDevice: expected a CUDA device, but libtorch sees none');
      expect(existsSync(bad!.result)).toBe(false);
      expect(readFileSync(good!.result, 'utf8')).toBe('cpu');
    },
    60_000,
  );

  itWithoutCuda('the CPU is taken where it is asked for', async () => {
    const device = (info: { readonly device: string }) => info.device;
    expect(await new CudaDevice({ cpuFallback: true }).execute(device)).toBe('cpu');
    expect(await new BestDevice().execute(device)).toBe('cpu');
  });

  itCuda('the GPU is taken where there is one', async () => {
    const sum = ({ device }: { readonly device: string }) => F.ones([3], { device }).sum().item();
    for (const device of [new CudaDevice(), new BestDevice(), new CudaDevice({ gpuDeterm: true })])
      expect(await device.execute(sum)).toBe(3);
  });

  test('distributed training is refused before anything runs', async () => {
    const device = new CudaDevice({ distributed: true, cpuFallback: true });
    expect(() => device.validate()).toThrow('cudaDevice.distributed: expected false');
    await expect(device.execute(() => 1)).rejects.toThrow('cudaDevice.distributed: expected false');
  });

  test('gpuDeterm holds while it computes, also when that fails', async () => {
    // With deterministic algorithms libtorch fills what nobody has set.
    const empty = () => F.empty([4]).tolist();
    const device = new CudaDevice({ gpuDeterm: true, cpuFallback: true });
    expect(await device.execute(empty)).toEqual([NaN, NaN, NaN, NaN]);
    expect(areDeterministicAlgorithmsEnabled()).toBe(false);

    useDeterministicAlgorithms(true, { warnOnly: true });
    const failing = device.execute(() => {
      expect(isDeterministicAlgorithmsWarnOnlyEnabled()).toBe(false);
      throw new Error('as planned');
    });
    await expect(failing).rejects.toThrow('as planned');
    expect(areDeterministicAlgorithmsEnabled()).toBe(true);
    expect(isDeterministicAlgorithmsWarnOnlyEnabled()).toBe(true);

    const other = new CudaDevice({ cpuFallback: true });
    useDeterministicAlgorithms(false);
    expect(await other.execute(areDeterministicAlgorithmsEnabled)).toBe(false);
  });

  test('are not in an identity, and their own options are not either', () => {
    class Holder extends config(import.meta, 'test.devices.Holder', {
      device: meta(Device, { default: () => new Device() }),
    }) {}
    expect(identifier(new Holder({ device: new CudaDevice() }))).toBe(identifier(new Holder()));
    class Inside extends config(import.meta, 'test.devices.Inside', { device: param(Device) }) {}
    const options = { gpuDeterm: true, cpuFallback: true, distributed: true };
    expect(identifier(new Inside({ device: new CudaDevice(options) }))).toBe(
      identifier(new Inside({ device: new CudaDevice() })),
    );
  });
});
