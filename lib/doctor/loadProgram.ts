/** Loads the addon and libtorch, computes one sum, and prints what it saw as JSON. Run by `xpmir doctor` as a process. */
import { types } from 'node:util';
import { native } from '../native.ts';
import { tensor } from '../torch/factories.ts';
import { getNumThreads } from '../torch/threads.ts';

export interface Loaded {
  /** Of libtorch. */
  readonly version: string;
  readonly seconds: number;
  readonly threads: number;
  readonly sum: number;
  readonly hasCuda: boolean;
  /** One sentence for each device. */
  readonly devices: readonly string[];
  readonly cudaProblem: string;
}

function look(): Loaded {
  const started = performance.now();
  const version = native().version();
  const seconds = (performance.now() - started) / 1000;
  const sum = tensor(1).add(1).item() as number;
  let [devices, cudaProblem]: [string[], string] = [[], ''];
  try {
    devices = cudaDevices();
  } catch (error) {
    cudaProblem = types.isNativeError(error) ? error.message : String(error);
  }
  return {
    version,
    seconds,
    threads: getNumThreads(),
    sum,
    hasCuda: native().hasCuda(),
    devices,
    cudaProblem,
  };
}

function cudaDevices(): string[] {
  return Array.from({ length: native().cudaDeviceCount() }, (_, i) => {
    const { name, major, minor, totalMemory } = native().cudaProperties(i);
    return `cuda:${i} ${name}, compute capability ${major}.${minor}, ${(totalMemory / 2 ** 30).toFixed(1)} GiB`;
  });
}

let result: Loaded | { message: string };
try {
  result = look();
} catch (error) {
  result = { message: types.isNativeError(error) ? error.message : String(error) };
}
console.log(JSON.stringify(result));
