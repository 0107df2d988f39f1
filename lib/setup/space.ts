/** Room on the disk: known to be there before anything is written, as far as it can be. */
import { statfsSync } from 'node:fs';
import { megabytes } from './progress.mjs';

/** Bytes that may still be written in a directory. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** @throws Error where there is less room than `bytes` in `directory` */
export function checkSpace(directory: string, bytes: number): void {
  const free = freeBytes(directory);
  if (free >= bytes) return;
  throw new Error(
    `Expected ${megabytes(bytes)} free in ${directory} but there are ${megabytes(free)}: make room, or set XDG_CACHE_HOME to another disk`,
  );
}

/** Says what to do where the disk filled up or cannot be written to; gives back any other error as it is. */
export function writeProblem(directory: string, error: unknown): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new Error(
      `The disk of ${directory} is full: make room, or set XDG_CACHE_HOME to another one (${message})`,
    );
  // On a read-only file system Node makes no directory and says that there is none.
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM' || (code === 'ENOENT' && syscall === 'mkdir'))
    return new Error(
      `Expected to write in ${directory} but could not: set XDG_CACHE_HOME to a directory that can be written to (${message})`,
    );
  return error;
}
