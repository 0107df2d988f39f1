/** Room on the disk: known to be there before anything is written, as far as it can be. */
import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { megabytes } from './progress.mjs';

/** Bytes that may still be written in a directory. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** Too little room, known before anything was written. */
class SpaceError extends Error {}

/** @throws Error where there is less room than `bytes` in `directory` */
export function checkSpace(directory: string, bytes: number): void {
  const free = freeBytes(directory);
  if (free >= bytes) return;
  throw new SpaceError(
    `Expected ${megabytes(bytes)} free in ${directory} but there are ${megabytes(free)}: make room, or set XDG_CACHE_HOME to another disk`,
  );
}

/** Whether an error is of the disk or its file system, and not of what was to be written. */
export function isOfDisk(error: unknown): boolean {
  return error instanceof SpaceError || (error as NodeJS.ErrnoException).syscall !== undefined;
}

/**
 * Makes a directory and those that it is in; Node's own way (`recursive`) never ends under /proc.
 *
 * @throws Error that says what to do where it cannot be made
 */
export function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectory(dirname(directory));
  try {
    mkdirSync(directory);
  } catch (error) {
    if (!existsSync(directory)) throw writeProblem(directory, error); // else another process was first
  }
}

const unwritable: readonly string[] = ['EROFS', 'EACCES', 'EPERM', 'ENOTDIR'];

/** Says what to do where the disk filled up or cannot be written to; gives back any other error as it is. */
export function writeProblem(directory: string, error: unknown): unknown {
  const { code = '', syscall, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new Error(
      `The disk of ${directory} is full: make room, or set XDG_CACHE_HOME to another one (${message})`,
    );
  // On a read-only file system Node makes no directory and says that there is none; below a file, that it is no directory.
  if (unwritable.includes(code) || (syscall === 'mkdir' && ['ENOENT', 'EEXIST'].includes(code)))
    return new Error(
      `Expected to write in ${directory} but could not: set XDG_CACHE_HOME to a directory that can be written to (${message})`,
    );
  return error;
}
