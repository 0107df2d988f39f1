/**
 * The files of a document store. The manifest names the others, with their lengths and SHA-256.
 */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ArgumentError } from '../../errors.ts';
import { DamagedError } from '../../learning/damaged.ts';
import type { Disk } from '../../learning/disk.ts';
import { type FileEntry, opened, piecesIn, readAll, writeFile } from '../../learning/manifest.ts';
import type { FileVersion } from '../../learning/textFile.ts';
import { isPlainObject } from '../../plainObject.ts';

/** A document on each line, as JSON. */
export const DOCUMENTS = 'documents.jsonl';
/** Where each begins, and where the last one ends, as float64. */
export const OFFSETS = 'offsets.f64';
/** Identifiers: see IdArrays. */
export const IDS = 'ids.utf8';
export const ID_OFFSETS = 'id-offsets.u32';
export const ID_BUCKETS = 'id-buckets.u32';
const MANIFEST = 'store.json';
const FILES = [DOCUMENTS, OFFSETS, IDS, ID_OFFSETS, ID_BUCKETS];
const FORMAT = 'xpmir document store';
const VERSION = 1;

export interface StoreManifest {
  readonly format: typeof FORMAT;
  readonly version: number;
  /** Number of documents. */
  readonly size: number;
  /** Of which file they were read, where they were read of one. */
  readonly source: FileVersion | null;
  readonly files: Readonly<Record<string, FileEntry>>;
}

export async function writeStoreManifest(
  on: Disk,
  directory: string,
  described: Pick<StoreManifest, 'size' | 'source' | 'files'>,
): Promise<void> {
  const manifest: StoreManifest = { format: FORMAT, version: VERSION, ...described };
  await writeFile(on, join(directory, MANIFEST), [
    Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`),
  ]);
}

/** The manifest, to which all files have the right length. */
export async function readStoreManifest(on: Disk, directory: string): Promise<StoreManifest> {
  const bytes = await opened(on, directory, MANIFEST, (file) => readAll(file, MANIFEST));
  const manifest = parsed(Buffer.from(bytes).toString('utf8'));
  if (manifest.version !== VERSION) {
    throw new ArgumentError(
      `${directory}: expected a document store of version ${VERSION}, received version ${manifest.version}`,
      'ERR_FILE',
    );
  }
  for (const name of FILES) {
    const { size } = entryOf(manifest, name);
    await opened(on, directory, name, async (file) => {
      if (file.size !== size) throw new DamagedError(`${name} has ${file.size} bytes instead of ${size}`);
    });
  }
  return manifest;
}

/** All bytes of a file, which are those that were written. */
export async function readChecked(
  on: Disk,
  directory: string,
  name: string,
  manifest: StoreManifest,
): Promise<ArrayBuffer> {
  return opened(on, directory, name, async (file) => {
    const bytes = await readAll(file, name);
    if (createHash('sha256').update(bytes).digest('hex') !== entryOf(manifest, name).sha256)
      throw changed(name);
    return bytes.buffer as ArrayBuffer;
  });
}

/** Reads a file through, to compare it with what was written. */
export async function checkContent(
  on: Disk,
  directory: string,
  name: string,
  manifest: StoreManifest,
): Promise<void> {
  await opened(on, directory, name, async (file) => {
    const hash = createHash('sha256');
    for await (const piece of piecesIn(file)) hash.update(piece);
    if (hash.digest('hex') !== entryOf(manifest, name).sha256) throw changed(name);
  });
}

function changed(name: string): DamagedError {
  return new DamagedError(`the content of ${name} is not what was written`);
}

function parsed(text: string): StoreManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DamagedError(`${MANIFEST} is no JSON`);
  }
  if (!isPlainObject(value) || value.format !== FORMAT || !isPlainObject(value.files))
    throw new DamagedError(`${MANIFEST} is none of a document store`);
  return value as unknown as StoreManifest;
}

function entryOf(manifest: StoreManifest, name: string): FileEntry {
  const entry = Object.hasOwn(manifest.files, name) ? manifest.files[name] : undefined;
  if (entry === undefined) throw new DamagedError(`${MANIFEST} does not name ${name}`);
  return entry;
}
