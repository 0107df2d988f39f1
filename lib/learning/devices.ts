/**
 * Where a model is trained.
 */

import { ArgumentError } from '../errors.ts';
import { config } from '../experiment/config.ts';
import { nameOf } from '../experiment/declaration.ts';
import { meta } from '../experiment/parameters.ts';
import { bool } from '../experiment/types.ts';
import { isAvailable } from '../torch/cuda.ts';
import {
  areDeterministicAlgorithmsEnabled,
  isDeterministicAlgorithmsWarnOnlyEnabled,
  useDeterministicAlgorithms,
} from '../torch/threads.ts';

/** What a computation knows about its device. */
export interface DeviceInformation {
  /** As libtorch calls it: `cpu` or `cuda:0`. */
  readonly device: string;
  /** Whether this process is the one that writes files and tells progress. */
  readonly main: boolean;
  /** Devices that compute together, and the number of this one. */
  readonly count: number;
  readonly rank: number;
}

/** The CPU. */
export class Device extends config(import.meta, 'xpmir.learning.devices.Device', {}) {
  /** Calls `callback` with the device that is there, and returns what it returns. */
  async execute<T>(callback: (info: DeviceInformation) => T | Promise<T>): Promise<T> {
    return callback(alone('cpu'));
  }
}

/**
 * The first CUDA device.
 *
 * - `gpuDeterm`: only algorithms that give the same result each time, while it computes; an operator that has none fails
 * - `cpuFallback`: the CPU where there is no CUDA device; without it that is an error
 * - `distributed`: not there yet, an error
 */
export class CudaDevice extends config(
  import.meta,
  'xpmir.learning.devices.CudaDevice',
  {
    gpuDeterm: meta(bool, { default: false }),
    cpuFallback: meta(bool, { default: false }),
    distributed: meta(bool, { default: false }),
  },
  Device,
) {
  /** Refuses what no device can do; whether there is a GPU is only known where the job runs. */
  override validate(): void {
    if (this.distributed) {
      throw new ArgumentError(
        `${nameOf(this)}.distributed: expected false, as training runs on one device so far`,
      );
    }
  }

  /** @throws ArgumentError when there is no CUDA device and `cpuFallback` is off; then nothing is called */
  override async execute<T>(callback: (info: DeviceInformation) => T | Promise<T>): Promise<T> {
    this.validate();
    const device = this.#find();
    if (!this.gpuDeterm) return callback(alone(device));
    // cuBLAS reads it when it is used first, and libtorch refuses matrix products without it.
    process.env.CUBLAS_WORKSPACE_CONFIG ??= ':4096:8';
    const before = areDeterministicAlgorithmsEnabled();
    const warnOnly = isDeterministicAlgorithmsWarnOnlyEnabled();
    useDeterministicAlgorithms(true);
    try {
      return await callback(alone(device));
    } finally {
      useDeterministicAlgorithms(before, { warnOnly });
    }
  }

  #find(): string {
    if (isAvailable()) return 'cuda:0';
    if (this.cpuFallback) return 'cpu';
    throw new ArgumentError(
      `${nameOf(this)}: expected a CUDA device, but libtorch sees none: check the driver and that libtorch is a CUDA build, ` +
        'or ask for the CPU with cpuFallback: true, BestDevice or Device',
    );
  }
}

/** The first CUDA device, or the CPU where there is none. */
export class BestDevice extends config(import.meta, 'xpmir.learning.devices.BestDevice', {}, Device) {
  override async execute<T>(callback: (info: DeviceInformation) => T | Promise<T>): Promise<T> {
    return callback(alone(isAvailable() ? 'cuda:0' : 'cpu'));
  }
}

function alone(device: string): DeviceInformation {
  return { device, main: true, count: 1, rank: 0 };
}
