/** Which CUDA device a name means. */
import { expected } from '../errors.ts';
import { native } from '../native.ts';

/** A CUDA device: its number, or `cuda` for the first, `cuda:1` for the second. */
export type CudaDeviceName = number | string;

/** The number of a device that is there. @throws ArgumentError for what is none, and where there is none at all */
export function deviceIndex(device: CudaDeviceName): number {
  const index = indexOf(device);
  const count = native().cudaDeviceCount();
  if (Number.isSafeInteger(index) && index >= 0 && index < count) return index;
  throw expected(
    count === 0 ? 'a machine with a CUDA device' : `one of ${count} CUDA devices`,
    'device',
    device,
  );
}

/** NaN for what is no name of a device. */
function indexOf(device: CudaDeviceName): number {
  if (typeof device !== 'string') return typeof device === 'number' ? device : Number.NaN;
  const found = /^cuda(?::(\d+))?$/.exec(device);
  return found === null ? Number.NaN : Number(found[1] ?? 0);
}
