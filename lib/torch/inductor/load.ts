import { join } from 'node:path';
import { ArgumentError, expected, TorchError } from '../../errors.ts';
import { native } from '../../native.ts';
import { checkOptions } from '../../options.ts';
import type { Device } from '../dtype.ts';
import { bytesOf } from '../io/knownBytes.ts';
import { FROM_NATIVE } from '../lifetime.ts';
import { AOTICompiledModel } from './compiledModel.ts';
import { checkMachine } from './machine.ts';
import { readPackage, removeUnpacked, unpack } from './package.ts';
import { readWrapper } from './wrapper.ts';

/** What `aotiLoadPackage` takes. */
export interface AotiLoadPackageOptions {
  /** Which of the models in the package. Default `'model'` */
  readonly modelName?: string;
  /** Where to run it, of the kind of device that it was compiled for: `'cuda:1'`. The current one of that kind by default. */
  readonly device?: Device;
  /** What the file must be, in hexadecimal: anything else is refused before it is looked at. */
  readonly sha256?: string;
}

/**
 * Loads a model that `torch._inductor.aoti_compile_and_package` compiled, from a file or from its bytes.
 *
 * A package holds machine code, which runs in this process as soon as it is loaded: load what you would run, and say with
 * `sha256` that it is the file that you know. It was compiled for a platform, a processor and a libtorch. What the package
 * says of them is compared first; it does not say more of the processor than its vector instructions, nor which libtorch it was,
 * which is found out by what it needs of one.
 *
 * @throws ArgumentError with the code `ERR_FILE` for a file that cannot be read, is no package or another one than `sha256`
 * says, and for one that was compiled for another machine or libtorch
 * @example const model = torch.inductor.aotiLoadPackage('ranker.pt2');
 */
export function aotiLoadPackage(
  source: string | URL | Uint8Array,
  options: AotiLoadPackageOptions = {},
): AOTICompiledModel {
  const known = ['modelName', 'device', 'sha256'];
  const { modelName = 'model', device, sha256 } = checkOptions('aotiLoadPackage', options, known);
  if (typeof modelName !== 'string') throw expected('a string', 'modelName', modelName);
  const { metadata, wrapper, library, files } = readPackage(bytesOf(source, sha256), modelName);
  checkMachine(metadata);
  const spec = readWrapper(wrapper);
  const { AOTI_DEVICE_KEY: kind = '' } = metadata;
  const index = indexOf(device, kind);
  const directory = unpack(files);
  // Kernels of other devices are read from their files when they are first called.
  const isWhole = kind === 'cpu';
  let id: number | undefined;
  const end = () => {
    if (id !== undefined) native().aotiRelease(id);
    kept.delete(directory);
    removeUnpacked(directory);
  };
  try {
    id = loadUnpacked(() => native().aotiLoad(directory, join(directory, library), modelName, index));
    const model = new AOTICompiledModel(id, FROM_NATIVE, { metadata, spec, end });
    if (isWhole) removeUnpacked(directory);
    else keepUntilExit(directory);
    return model;
  } catch (error) {
    end();
    throw error;
  }
}

const kept = new Set<string>();

function keepUntilExit(directory: string): void {
  if (kept.size === 0) process.once('exit', () => kept.forEach(removeUnpacked));
  kept.add(directory);
}

function indexOf(device: unknown, kind: string): number {
  if (device === undefined) return -1;
  if (typeof device !== 'string') throw expected('a device', 'device', device);
  const [, name, index = '-1'] = /^([a-z]+)(?::(\d{1,2}))?$/.exec(device) ?? [];
  if (name !== kind) throw expected(`${kind}, which the package was compiled for,`, 'device', device);
  return kind === 'cpu' ? -1 : Number(index);
}

function loadUnpacked(load: () => number): number {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof TorchError) || error.code === 'ERR_OUT_OF_MEMORY') throw error;
    const here = `libtorch ${native().version()}`;
    const symbol = /undefined symbol: (\w+)/.exec(error.message)?.[1];
    const reason =
      symbol === undefined
        ? error.message
        : `it needs ${symbol}, which is not there; compile it with PyTorch of this version`;
    throw new ArgumentError(`Expected a .pt2 package compiled for ${here}: ${reason}`, 'ERR_FILE');
  }
}
