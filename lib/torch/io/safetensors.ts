/** Files in the safetensors format (huggingface/safetensors). */
import { checkOptions } from '../../options.ts';
import type { Device } from '../dtype.ts';
import type { Tensor } from '../tensor.ts';
import { collected, OpenSafetensors, placed } from './openSafetensors.ts';
import { type ByteSource, readHeader, readTensor } from './safetensorsReader.ts';

export {
  OpenSafetensors,
  type OpenSafetensorsOptions,
  openSafetensors,
  readSafetensorsHeader,
  type TensorSlice,
} from './openSafetensors.ts';
export type { ByteSource } from './safetensorsReader.ts';
export {
  type NamedTensors,
  type SafetensorsFile,
  safetensorsOf,
  saveSafetensors,
} from './safetensorsWriter.ts';

/**
 * Reads every tensor of a safetensors file, in the order of its header, each into memory of its own.
 *
 * @param options `device` ('cpu'): where to put them
 * @throws SafetensorsError for a file that is not exactly in the format; its `reason` says which check failed.
 */
export async function loadSafetensors(
  path: string | URL,
  options: { readonly device?: Device } = {},
): Promise<Map<string, Tensor>> {
  const { device = 'cpu' } = checkOptions('loadSafetensors', options, ['device']);
  const file = await OpenSafetensors.open(path, { device });
  try {
    return await file.getTensors();
  } finally {
    await file.close();
  }
}

/** @internal As `loadSafetensors`, from whatever has bytes. */
export async function readSafetensors(
  source: ByteSource,
  { device = 'cpu' }: { readonly device?: Device } = {},
): Promise<Map<string, Tensor>> {
  const { header, start } = await readHeader(source);
  return collected(header.tensors, async (info) => placed(await readTensor(source, info, start), device));
}
