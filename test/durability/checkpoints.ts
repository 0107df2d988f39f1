/** Checkpoints to be saved, and what is on a disk. */
import { join } from 'node:path';
import { codeOf } from '../../lib/experiment/files.ts';
import type { Note, SavedFiles } from '../../lib/learning/checkpoint.ts';
import { NotAFileError } from '../../lib/learning/damaged.ts';
import type { Disk } from '../../lib/learning/disk.ts';
import { readAll } from '../../lib/learning/manifest.ts';
import { Snapshot } from '../../lib/learning/snapshot.ts';
import { F } from '../../lib/torch/functions.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';

export const NOTE: Note = {
  stepsInEpoch: null,
  origin: { xpmir: '0.0.0', libtorch: '0.0.0', node: '20.0.0', device: 'cpu', threads: 1 },
};

/** Content of files by their path. */
export type Contents = Readonly<Record<string, Buffer>>;

/** A state like no other: of a model of some kilobytes, with numbers and a tensor beside. */
export function snapshotOf(epoch: number, width = 40): Snapshot {
  manualSeed(epoch);
  return tidy(() =>
    Snapshot.take(new Linear(width, 16), { epoch, moments: F.randn([200]), rate: 0.1 * epoch }),
  );
}

/** What is written of it, in memory: to be saved many times. */
export function filesOf(snapshot: SavedFiles): SavedFiles & { readonly contents: Contents } {
  const files = snapshot.files.map(({ name, pieces }) => {
    const content = Buffer.concat([...pieces]);
    return { name, bytes: content.length, pieces: [content] };
  });
  const contents = Object.fromEntries(files.map(({ name, pieces: [content] }) => [name, content as Buffer]));
  return { files, bytes: snapshot.bytes, contents };
}

/** All files under a directory, those that links lead to as well. */
export async function contentsOf(on: Disk, directory: string, prefix = ''): Promise<Contents> {
  const found: Record<string, Buffer> = {};
  for (const name of await on.list(directory)) {
    const path = join(directory, name);
    if (await isFolder(on, path)) Object.assign(found, await contentsOf(on, path, `${prefix}${name}/`));
    else {
      const content = await contentOf(on, path);
      if (content !== undefined) found[prefix + name] = content;
    }
  }
  return found;
}

/** Of a file; undefined where something else is. */
export async function contentOf(on: Disk, path: string): Promise<Buffer | undefined> {
  try {
    const file = await on.open(path);
    try {
      return Buffer.from(await readAll(file, path));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof NotAFileError) return undefined;
    throw error;
  }
}

/** Names of what was left unfinished in a directory. */
export async function unfinishedIn(on: Disk, directory: string): Promise<string[]> {
  return (await on.list(directory)).filter((name) => /(^|\.)(tmp|trash)-/.test(name));
}

/** Those whose path begins with none of some prefixes. */
export function without(contents: Contents, ...prefixes: readonly string[]): Contents {
  const isOther = (path: string) => !prefixes.some((prefix) => path.startsWith(prefix));
  return Object.fromEntries(Object.entries(contents).filter(([path]) => isOther(path)));
}

/** Which of some files are not there as they were. */
export function changed(before: Contents, now: Contents): string[] {
  return Object.entries(before).flatMap(([name, content]) => (now[name]?.equals(content) ? [] : [name]));
}

async function isFolder(on: Disk, path: string): Promise<boolean> {
  try {
    await on.list(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR' || codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
