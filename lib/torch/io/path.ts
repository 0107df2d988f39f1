import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { ArgumentError, expected } from '../../errors.ts';

/** A path from what a caller gave as one. */
export function checkPath(path: unknown): string {
  if (typeof path === 'object' && path !== null && 'href' in path) return fileURLToPath(path as URL);
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw expected('a path', 'path', path);
  return path;
}

/** The system's reason why a file cannot be read, as an error of ours with the code `ERR_FILE`. */
export function cannotRead(path: string, error: unknown): unknown {
  if (!types.isNativeError(error) || !('syscall' in error)) return error;
  return new ArgumentError(
    `Expected a file to read for path but received ${path}: ${error.message}`,
    'ERR_FILE',
  );
}
