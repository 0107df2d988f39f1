/**
 * Files that are whole or not there: written beside, forced to the disk, renamed.
 */
import { mkdir, open, readdir, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { replaceFile } from '../torch/io/replaceFile.ts';

/** Writes a text file; a reader sees the old content or the new one. */
export async function writeFileAtomically(path: string, content: string): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(content));
}

/** Makes a directory that is there only once `fill` has written all of it; one that was there is replaced. */
export async function writeDirectoryAtomically(
  path: string,
  fill: (directory: string) => Promise<void>,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const beside = besideName(path);
  await rm(beside, { recursive: true, force: true });
  await mkdir(beside);
  try {
    await fill(beside);
    for (const name of await readdir(beside)) await sync(join(beside, name));
    await sync(beside);
    await rm(path, { recursive: true, force: true });
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw error;
  }
  await sync(dirname(path));
}

/** Lets the symbolic link `path` show to its neighbour `target`; in between it shows to the old one, never to nothing. */
export async function pointTo(path: string, target: string): Promise<void> {
  const beside = besideName(path);
  await rm(beside, { force: true });
  await symlink(target, beside);
  await rename(beside, path);
  await sync(dirname(path));
}

function besideName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
}

/** Forces a file or the entries of a directory to the disk. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
