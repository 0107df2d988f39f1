/** Small files that are whole or not there. Synchronous, as a process that is being ended must finish them. */

import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Replaces a file: a reader sees the old content or the new one, also after a power failure. */
export function writeAtomically(path: string, content: string): void {
  const beside = writeBeside(path, content);
  renameSync(beside, path);
  syncDirectory(dirname(path));
}

/** Makes a file that nobody else made before: false, and nothing is changed, when it is there. */
export function createExclusively(path: string, content: string): boolean {
  const beside = writeBeside(path, content);
  try {
    // Unlike opening it exclusively, a link puts the file there with its content.
    linkSync(beside, path);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(beside, { force: true });
  }
}

/** The content of a file; undefined when it is not there. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** JSON of a file; undefined when there is no such file, or no JSON in it. */
export function readJson<T>(path: string): T | undefined {
  const content = readIfThere(path);
  if (content === undefined) return undefined;
  try {
    return JSON.parse(content) as T;
  } catch {
    return undefined;
  }
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}

function writeBeside(path: string, content: string): string {
  mkdirSync(dirname(path), { recursive: true });
  const beside = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  const file = openSync(beside, 'wx');
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return beside;
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
