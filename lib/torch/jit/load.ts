import { ArgumentError, expected, TorchError } from '../../errors.ts';
import { native } from '../../native.ts';
import { checkOptions } from '../../options.ts';
import type { Device } from '../dtype.ts';
import { F } from '../functions.ts';
import type { ArchiveEntry } from '../io/archive.ts';
import { bytesOf } from '../io/knownBytes.ts';
import { FROM_NATIVE } from '../lifetime.ts';
import { readScriptArchive } from './archive.ts';
import { ScriptModule } from './scriptModule.ts';

/** What `load` takes. */
export interface ScriptLoadOptions {
  /** Where to put all tensors; where they were saved from unless given. */
  readonly device?: Device;
  /** What the file must be, in hexadecimal: anything else is refused before it is looked at. */
  readonly sha256?: string;
}

/**
 * Loads a model that `torch.jit.save` wrote, from a file or from its bytes.
 *
 * A TorchScript file is a program, which runs when the model is called: load what you would run. The archive is checked
 * before libtorch reads it (see `readArchive`), which keeps accidents and crude attacks out, not programs that mean harm.
 * `sha256` says that it is the file that you know, and `probe` loads it in a process of its own first.
 *
 * @throws ArgumentError with the code `ERR_FILE` for a file that cannot be read, holds no TorchScript, or is another one
 * than `sha256` says
 * @example const model = torch.jit.load('model.pt').eval();
 */
export function load(source: string | URL | Uint8Array, options: ScriptLoadOptions = {}): ScriptModule {
  const { device, sha256 } = checkOptions('torch.jit.load', options, ['device', 'sha256']);
  const bytes = bytesOf(source, sha256);
  if (device !== undefined && typeof device !== 'string') throw expected('a device', 'device', device);
  const entries = readScriptArchive(bytes);
  // A device that is not there is no fault of the file.
  if (device !== undefined) F.zeros([0]).to(device).dispose();
  return new ScriptModule(loadBytes(bytes, device), FROM_NATIVE, { extraFiles: extraFiles(entries) });
}

const EXTRA = 'extra/';

function extraFiles(entries: ReadonlyMap<string, ArchiveEntry>): ReadonlyMap<string, Uint8Array> {
  return new Map(
    [...entries]
      .filter(([name]) => name.startsWith(EXTRA))
      .map(([name, entry]) => [name.slice(EXTRA.length), entry.read().slice()]),
  );
}

function loadBytes(bytes: Uint8Array, device: string | undefined): number {
  try {
    return native().scriptLoad(bytes, device);
  } catch (error) {
    if (!(error instanceof TorchError) || error.code === 'ERR_OUT_OF_MEMORY') throw error;
    throw new ArgumentError(`Expected a TorchScript archive: ${error.message}`, 'ERR_FILE');
  }
}
