/**
 * The list of a checkpoint's files, written last: what it names is there and whole, or the checkpoint is damaged.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { codeOf } from '../experiment/files.ts';
import { writeFileAtomically } from './files.ts';

export const MANIFEST_FILE = 'manifest.json';
const VERSION = 1;

export interface FileEntry {
  readonly size: number;
  readonly sha256: string;
}

export interface Manifest {
  readonly version: number;
  readonly epoch: number;
  readonly steps: number;
  readonly files: Readonly<Record<string, FileEntry>>;
}

/** A checkpoint that cannot be what was written. */
export class DamagedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DamagedError';
  }
}

/** Lists the files of a directory in it. */
export async function writeManifest(
  directory: string,
  position: { readonly epoch: number; readonly steps: number },
): Promise<void> {
  const files: Record<string, FileEntry> = {};
  for (const name of (await readdir(directory)).sort()) files[name] = await describe(join(directory, name));
  const manifest: Manifest = { version: VERSION, epoch: position.epoch, steps: position.steps, files };
  await writeFileAtomically(join(directory, MANIFEST_FILE), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/**
 * Reads the list and compares every file with it.
 *
 * @throws DamagedError where they differ, and what the file system says where it cannot be read at all
 * @throws ArgumentError for a checkpoint of a later version
 */
export async function checkManifest(directory: string): Promise<Manifest> {
  const manifest = parse(
    await unlessMissing(readFile(join(directory, MANIFEST_FILE), 'utf8'), MANIFEST_FILE),
  );
  if (manifest.version > VERSION) {
    throw new ArgumentError(
      `${directory}: expected a checkpoint of version ${VERSION}, received version ${manifest.version}; update xpmir`,
      'ERR_FILE',
    );
  }
  for (const [name, listed] of Object.entries(manifest.files)) {
    const { size } = await unlessMissing(stat(join(directory, name)), name);
    if (size !== listed.size) throw new DamagedError(`${name} has ${size} bytes instead of ${listed.size}`);
    const { sha256 } = await describe(join(directory, name));
    if (sha256 !== listed.sha256) throw new DamagedError(`the content of ${name} is not what was written`);
  }
  return manifest;
}

function parse(text: string): Manifest {
  let value: Partial<Manifest>;
  try {
    value = { ...(JSON.parse(text) as Partial<Manifest>) };
  } catch {
    throw new DamagedError(`${MANIFEST_FILE} is no JSON`);
  }
  const { version, epoch, steps, files } = value;
  const isWhole = [version, epoch, steps].every(Number.isSafeInteger) && typeof files === 'object' && files;
  if (!isWhole || Object.keys(files).some((name) => name.includes('/')))
    throw new DamagedError(`${MANIFEST_FILE} is no list of files`);
  return value as Manifest;
}

/** Whatever else goes wrong may go right the next time, and says nothing about the checkpoint. */
async function unlessMissing<T>(found: Promise<T>, name: string): Promise<T> {
  try {
    return await found;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new DamagedError(`${name} is missing`);
    throw error;
  }
}

async function describe(path: string): Promise<FileEntry> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    hash.update(piece as Buffer);
    size += (piece as Buffer).length;
  }
  return { size, sha256: hash.digest('hex') };
}
