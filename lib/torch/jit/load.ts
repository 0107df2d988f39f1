import { readFileSync } from 'node:fs';
import { types } from 'node:util';
import { ArgumentError, expected, TorchError } from '../../errors.ts';
import { native } from '../../native.ts';
import type { Device } from '../dtype.ts';
import { cannotRead, checkPath } from '../io/path.ts';
import { FROM_NATIVE } from '../lifetime.ts';
import { ScriptModule } from './scriptModule.ts';

/** What `load` takes. */
export interface ScriptLoadOptions {
  /** Where to put all tensors; where they were saved from unless given. */
  readonly device?: Device;
}

/**
 * Loads a model that `torch.jit.save` wrote, from a file or from its bytes.
 *
 * @throws ArgumentError with the code `ERR_FILE` for a file that cannot be read or holds no TorchScript
 * @example const model = torch.jit.load('model.pt').eval();
 */
export function load(source: string | URL | Uint8Array, { device }: ScriptLoadOptions = {}): ScriptModule {
  const bytes = types.isUint8Array(source) ? source : readBytes(checkPath(source));
  if (device !== undefined && typeof device !== 'string') throw expected('a device', 'device', device);
  return new ScriptModule(loadBytes(bytes, device), FROM_NATIVE);
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
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
