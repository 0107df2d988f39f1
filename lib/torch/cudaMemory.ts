/** Memory of CUDA devices, as libtorch's allocator counts it. Without a device all of it is 0, as in PyTorch. */
import { native } from '../native.ts';
import { type CudaDeviceName, deviceIndex } from './cudaDevice.ts';

/**
 * What the allocator counts, by PyTorch's names: `allocated_bytes.all.current`, `num_alloc_retries`, ... Empty without a
 * CUDA device.
 */
export function memoryStats(device: CudaDeviceName = 'cuda'): Readonly<Record<string, number>> {
  return native().cudaDeviceCount() === 0 ? {} : native().cudaMemoryStats(deviceIndex(device));
}

/** Bytes that tensors take. */
export function memoryAllocated(device?: CudaDeviceName): number {
  return memoryStats(device)['allocated_bytes.all.current'] ?? 0;
}

/** The most bytes that tensors took, since the beginning or `resetPeakMemoryStats`. */
export function maxMemoryAllocated(device?: CudaDeviceName): number {
  return memoryStats(device)['allocated_bytes.all.peak'] ?? 0;
}

/** Bytes that the allocator holds, for tensors that are there and for those to come. */
export function memoryReserved(device?: CudaDeviceName): number {
  return memoryStats(device)['reserved_bytes.all.current'] ?? 0;
}

/** The most bytes that the allocator held, since the beginning or `resetPeakMemoryStats`. */
export function maxMemoryReserved(device?: CudaDeviceName): number {
  return memoryStats(device)['reserved_bytes.all.peak'] ?? 0;
}

/** Peaks begin anew at what is taken now. Nothing without a device, where PyTorch fails. */
export function resetPeakMemoryStats(device: CudaDeviceName = 'cuda'): void {
  if (native().cudaDeviceCount() > 0) native().cudaResetPeak(deviceIndex(device));
}

/** What is summed up since the beginning, such as `allocated_bytes.all.freed`, begins anew at 0. */
export function resetAccumulatedMemoryStats(device: CudaDeviceName = 'cuda'): void {
  if (native().cudaDeviceCount() > 0) native().cudaResetAccumulated(deviceIndex(device));
}

/** Gives memory that no tensor takes back to the device. */
export function emptyCache(): void {
  native().cudaEmptyCache();
}

/** Bytes of a device that are free, of all processes, and all that it has. @throws ArgumentError without a CUDA device */
export function memGetInfo(device: CudaDeviceName = 'cuda'): readonly [free: number, total: number] {
  return native().cudaMemoryInfo(deviceIndex(device));
}
