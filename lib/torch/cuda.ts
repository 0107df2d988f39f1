/** What PyTorch has in `torch.cuda`, as far as it is there. Where there is no device, counts are 0 and the rest is refused. */
import { native } from '../native.ts';
import { type CudaDeviceName, deviceIndex } from './cudaDevice.ts';
import { OwnedTensor } from './lifetime.ts';
import { checkSeed } from './random.ts';
import type { Tensor } from './tensor.ts';
import { wrap } from './wire.ts';

export type { CudaDeviceName } from './cudaDevice.ts';
export {
  emptyCache,
  maxMemoryAllocated,
  maxMemoryReserved,
  memGetInfo,
  memoryAllocated,
  memoryReserved,
  memoryStats,
  resetAccumulatedMemoryStats,
  resetPeakMemoryStats,
} from './cudaMemory.ts';
export {
  currentStream,
  defaultStream,
  Event,
  type EventOptions,
  Stream,
  type StreamOptions,
  withStream,
} from './streams.ts';

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

/** Waits, with JavaScript standing still, until a device has done all that it was asked. */
export function synchronize(device: CudaDeviceName = 'cuda'): void {
  native().cudaSynchronize(deviceIndex(device));
}

export interface DeviceProperties {
  /** As its maker calls it. */
  readonly name: string;
  /** Of its compute capability, as 9 and 0. */
  readonly major: number;
  readonly minor: number;
  /** Bytes. */
  readonly totalMemory: number;
  readonly multiProcessorCount: number;
}

/** What a device is, as its driver says. */
export function getDeviceProperties(device: CudaDeviceName = 'cuda'): DeviceProperties {
  return native().cudaProperties(deviceIndex(device));
}

/** As its maker calls it. */
export function getDeviceName(device?: CudaDeviceName): string {
  return getDeviceProperties(device).name;
}

/** Its compute capability. */
export function getDeviceCapability(device?: CudaDeviceName): readonly [major: number, minor: number] {
  const { major, minor } = getDeviceProperties(device);
  return [major, minor];
}

/** How the native side calls the default generator of a device. */
function generatorOf(device: CudaDeviceName): number {
  return -2 - deviceIndex(device);
}
