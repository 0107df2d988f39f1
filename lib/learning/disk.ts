/**
 * The calls by which checkpoints reach the disk. Each is one that the system may cut short or refuse, so that tests can
 * give a disk that forgets what was not forced to it, or fails at the n-th call.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rmdir,
  symlink,
  unlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from '../experiment/files.ts';
import { NotAFileError } from './damaged.ts';

/** An open file. */
export interface DiskFile {
  /** Bytes, when it was opened. */
  readonly size: number;
  /** Appends all of the bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Reads from a place on. @returns how many bytes there were, at most as many as fit */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Forces what was written to the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** Makes a directory, whose parent is there. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory. */
  list(path: string): Promise<string[]>;
  /** Makes a file that is not there. */
  create(path: string): Promise<DiskFile>;
  /** Opens a file to read it; never a link, a pipe or a device. */
  open(path: string): Promise<DiskFile>;
  /** Renames; onto a directory with something in it, it fails. */
  rename(from: string, to: string): Promise<void>;
  /** A second name for a file. */
  link(from: string, to: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  /** Removes a file or a link. */
  remove(path: string): Promise<void>;
  /** Removes an empty directory. */
  removeDirectory(path: string): Promise<void>;
  /** Forces the names in a directory to the disk. */
  sync(path: string): Promise<void>;
}

/** The disk of this machine. */
export const disk: Disk = {
  makeDirectory: async (path) => void (await mkdir(path)),
  list: (path) => readdir(path),
  create: async (path) => new RealFile(await open(path, 'wx'), 0),
  async open(path) {
    // Without O_NONBLOCK, a named pipe in place of a file would wait for its other end.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
    const handle = await open(path, flags).catch((error: unknown) => {
      if (codeOf(error) === 'ELOOP' || codeOf(error) === 'EMLINK' || codeOf(error) === 'ENXIO')
        throw new NotAFileError();
      throw error;
    });
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new NotAFileError();
      return new RealFile(handle, stat.size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  },
  rename,
  link,
  symlink: (target, path) => symlink(target, path),
  remove: unlink,
  removeDirectory: rmdir,
  async sync(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } catch (error) {
      // Some file systems, such as those of other machines, have no such thing, and need none.
      if (codeOf(error) !== 'EINVAL' && codeOf(error) !== 'ENOTSUP') throw error;
    } finally {
      await handle.close();
    }
  },
};

class RealFile implements DiskFile {
  readonly size: number;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; )
      done += (await this.#handle.write(bytes, done, bytes.length - done)).bytesWritten;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.read(into, 0, into.length, position)).bytesRead;
  }

  sync(): Promise<void> {
    return this.#handle.sync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

const STAGED = 'tmp-';
const TRASH = 'trash-';

/**
 * A name for what is not there yet, or no longer: whoever sweeps knows it.
 *
 * @param prefix of all names that the writer has in a directory where others write as well
 */
export function stagedPath(directory: string, prefix = '', kind: 'tmp' | 'trash' = 'tmp'): string {
  const stage = kind === 'tmp' ? STAGED : TRASH;
  return join(directory, `${prefix}${stage}${process.pid}-${randomBytes(6).toString('hex')}`);
}

/** Whether a name is one of those: of what is being written, or being removed. */
export function stagedAs(name: string, prefix = ''): 'tmp' | 'trash' | undefined {
  if (name.startsWith(prefix + STAGED)) return 'tmp';
  return name.startsWith(prefix + TRASH) ? 'trash' : undefined;
}

/** Removes a file, a link, or a directory with all that is in it; fine if it is not there. */
export async function removeTree(on: Disk, path: string): Promise<void> {
  try {
    await on.remove(path);
    return;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    if (codeOf(error) !== 'EISDIR' && codeOf(error) !== 'EPERM') throw error;
  }
  for (const name of await on.list(path)) await removeTree(on, join(path, name));
  await on.removeDirectory(path);
}

/**
 * Removes some of the names in a directory, in their order. First they change their names, and that is on the disk
 * before anything in them is removed: what is half removed has no name that counts, also after a power failure.
 */
export async function discard(
  on: Disk,
  directory: string,
  names: readonly string[],
  prefix = '',
): Promise<void> {
  const trash: string[] = [];
  for (const name of names) {
    const path = stagedPath(directory, prefix, 'trash');
    await on.rename(join(directory, name), path);
    trash.push(path);
  }
  if (trash.length > 0) await on.sync(directory);
  for (const path of trash) await removeTree(on, path);
}

/** Removes what was left unfinished under names with a prefix, which nobody else may be writing. */
export async function sweep(on: Disk, directory: string, prefix = ''): Promise<void> {
  const left = (await on.list(directory)).filter((name) => stagedAs(name, prefix) !== undefined);
  // As in `discard`: whoever gave them these names may not have come to this.
  if (left.length > 0) await on.sync(directory);
  for (const name of left) await removeTree(on, join(directory, name));
}

/** Lets the symbolic link `path` show to its neighbour `target`; in between it shows to the old one, never to nothing. */
export async function pointTo(on: Disk, path: string, target: string, prefix = ''): Promise<void> {
  const beside = stagedPath(dirname(path), prefix);
  try {
    await on.symlink(target, beside);
    await on.rename(beside, path);
  } catch (error) {
    await removeTree(on, beside).catch(() => {});
    throw error;
  }
  await on.sync(dirname(path));
}

/** Forces the names that lead to a directory to the disk, as far as one may: a new one is lost with any of them. */
export async function syncAbove(on: Disk, directory: string): Promise<void> {
  for (let at = dirname(directory), below = directory; at !== below; below = at, at = dirname(at)) {
    try {
      await on.sync(at);
    } catch (error) {
      // What may not be read here was made by somebody else, before.
      if (codeOf(error) !== 'EACCES' && codeOf(error) !== 'EPERM') throw error;
    }
  }
}
