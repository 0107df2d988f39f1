/** What PyTorch has in `torch.cuda`, as far as it is there. Where there is no device, counts are 0 and the rest is refused. */
import { expected } from '../errors.ts';
import { native } from '../native.ts';
import { OwnedTensor } from './lifetime.ts';
import { checkSeed } from './random.ts';
import type { Tensor } from './tensor.ts';
import { wrap } from './wire.ts';

/** A CUDA device: its number, or `cuda` for the first, `cuda:1` for the second. */
export type CudaDeviceName = number | string;

/** Whether libtorch can compute on a CUDA device: it was built for it, and there is one. */
export function isAvailable(): boolean {
  return native().hasCuda();
}

/** How many CUDA devices libtorch sees. */
export function deviceCount(): number {
  return native().cudaDeviceCount();
}

/** Seeds the generator of one device. */
export function manualSeed(seed: number | bigint, device: CudaDeviceName = 'cuda'): void {
  native().setSeed(generatorOf(device), checkSeed(seed));
}

/** Seeds the generators of all devices. */
export function manualSeedAll(seed: number | bigint): void {
  const checked = checkSeed(seed);
  for (let i = 0; i < deviceCount(); i++) manualSeed(checked, i);
}

/** The seed of a device's generator. */
export function initialSeed(device: CudaDeviceName = 'cuda'): bigint {
  return native().currentSeed(generatorOf(device));
}

/** The state of a device's generator: a uint8 tensor on the CPU with its seed and its offset. */
export function getRngState(device: CudaDeviceName = 'cuda'): Tensor {
  return wrap(native().getState(generatorOf(device))) as Tensor;
}

/** Continues a device's generator from a state that `getRngState` gave. */
export function setRngState(state: Tensor, device: CudaDeviceName = 'cuda'): void {
  native().setState(generatorOf(device), OwnedTensor.handleOf(state));
}

/** The states of all devices, in their order. */
export function getRngStateAll(): Tensor[] {
  return Array.from({ length: deviceCount() }, (_, i) => getRngState(i));
}

/** Continues the generators of the first devices from these states. */
export function setRngStateAll(states: readonly Tensor[]): void {
  for (const [i, state] of states.entries()) setRngState(state, i);
}

/** How the native side calls the default generator of a device. */
function generatorOf(device: CudaDeviceName): number {
  const index = indexOf(device);
  const count = deviceCount();
  if (!Number.isSafeInteger(index) || index < 0 || index >= count)
    throw expected(
      count === 0 ? 'a machine with a CUDA device' : `one of ${count} CUDA devices`,
      'device',
      device,
    );
  return -2 - index;
}

/** NaN for what is no name of a device. */
function indexOf(device: CudaDeviceName): number {
  if (typeof device !== 'string') return typeof device === 'number' ? device : Number.NaN;
  const found = /^cuda(?::(\d+))?$/.exec(device);
  return found === null ? Number.NaN : Number(found[1] ?? 0);
}
