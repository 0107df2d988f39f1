/**
 * Files that are whole or not there: written beside, forced to the disk, renamed.
 */
import { mkdir, open, readdir, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../experiment/files.ts';
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
    await replaceDirectory(path, beside);
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

/** Removes from a directory what processes that are gone were writing in it. */
export async function removeUnfinished(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = BESIDE.exec(name)?.[1];
    if (pid !== undefined && !lives(Number(pid)))
      await rm(join(directory, name), { recursive: true, force: true });
  }
}

const BESIDE = /^\..+\.(\d+)\.tmp$/;

function besideName(path: string, suffix = ''): string {
  return join(dirname(path), `.${basename(path)}${suffix}.${process.pid}.tmp`);
}

function lives(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Any other reason, such as a lack of rights, is about a process that is there.
    return codeOf(error) !== 'ESRCH';
  }
}

async function replaceDirectory(path: string, by: string): Promise<void> {
  const old = besideName(path, '.old');
  await rm(old, { recursive: true, force: true });
  try {
    await rename(path, old);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  await rename(by, path);
  await rm(old, { recursive: true, force: true });
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
