import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { types } from 'node:util';
import { ArgumentError, expected, TorchError } from '../../errors.ts';
import { native } from '../../native.ts';
import type { Device } from '../dtype.ts';
import { cannotRead, checkPath } from '../io/path.ts';
import { FROM_NATIVE } from '../lifetime.ts';
import { type ArchiveEntry, readArchive } from './archive.ts';
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
export function load(
  source: string | URL | Uint8Array,
  { device, sha256 }: ScriptLoadOptions = {},
): ScriptModule {
  const bytes = types.isUint8Array(source) ? source : readBytes(checkPath(source));
  if (device !== undefined && typeof device !== 'string') throw expected('a device', 'device', device);
  if (sha256 !== undefined) checkDigest(bytes, sha256);
  const entries = readArchive(bytes);
  return new ScriptModule(loadBytes(bytes, device), FROM_NATIVE, { extraFiles: extraFiles(entries) });
}

function checkDigest(bytes: Uint8Array, wanted: string): void {
  if (typeof wanted !== 'string' || !/^[0-9a-f]{64}$/i.test(wanted))
    throw expected('64 hexadecimal digits', 'sha256', wanted);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found === wanted.toLowerCase()) return;
  throw new ArgumentError(`Expected a file with the SHA-256 ${wanted} but received ${found}`, 'ERR_FILE');
}

const EXTRA = 'extra/';

function extraFiles(entries: ReadonlyMap<string, ArchiveEntry>): ReadonlyMap<string, Uint8Array> {
  return new Map(
    [...entries]
      .filter(([name]) => name.startsWith(EXTRA))
      .map(([name, entry]) => [name.slice(EXTRA.length), entry.read().slice()]),
  );
}

/** One read of the system gives at most 2 GiB. */
const LARGEST_READ = 2 ** 30;

/** @internal All bytes of a file. @throws ArgumentError where it cannot be read */
export function readBytes(path: string): Uint8Array {
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = new Uint8Array(fstatSync(file).size);
      for (let at = 0; at < bytes.length; ) {
        const read = readSync(file, bytes, at, Math.min(LARGEST_READ, bytes.length - at), at);
        if (read === 0) return bytes.subarray(0, at);
        at += read;
      }
      return bytes;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw cannotRead(path, error);
  }
}

function loadBytes(bytes: Uint8Array, device: string | undefined): number {
  try {
    return native().scriptLoad(bytes, device);
  } catch (error) {
    if (!(error instanceof TorchError) || error.code === 'ERR_OUT_OF_MEMORY') throw error;
    throw new ArgumentError(`Expected a TorchScript archive: ${error.message}`, 'ERR_FILE');
  }
}
