/** Bytes of files that are programs: of the one that is known, where its hash is given. */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { types } from 'node:util';
import { ArgumentError, expected } from '../../errors.ts';
import { cannotRead, checkPath } from './path.ts';

/**
 * All bytes of a file, or those that are given.
 *
 * @param sha256 what they must be, in hexadecimal
 * @throws ArgumentError with the code `ERR_FILE` where the file cannot be read, or is another one
 */
export function bytesOf(source: string | URL | Uint8Array, sha256: string | undefined): Uint8Array {
  const bytes = types.isUint8Array(source) ? source : readBytes(checkPath(source));
  if (sha256 !== undefined) checkDigest(bytes, sha256);
  return bytes;
}

function checkDigest(bytes: Uint8Array, wanted: string): void {
  if (typeof wanted !== 'string' || !/^[0-9a-f]{64}$/i.test(wanted))
    throw expected('64 hexadecimal digits', 'sha256', wanted);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found === wanted.toLowerCase()) return;
  throw new ArgumentError(`Expected a file with the SHA-256 ${wanted} but received ${found}`, 'ERR_FILE');
}

/** One read of the system gives at most 2 GiB. */
const LARGEST_READ = 2 ** 30;

/** All bytes of a file. @throws ArgumentError where it cannot be read */
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
