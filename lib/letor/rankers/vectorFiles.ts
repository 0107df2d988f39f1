/**
 * Vectors of documents on the disk: `vectors.safetensors` with the one tensor `vectors`, `[N, D]`, `ids.txt` with an
 * identifier a line, and `manifest.json` with sizes and checksums, which is written last. The directory gets its name once
 * all of it is on the disk.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ArgumentError, expected } from '../../errors.ts';
import { DamagedError } from '../../learning/damaged.ts';
import { type DiskFile, disk, removeTree, stagedPath, syncAbove } from '../../learning/disk.ts';
import { isPlainObject } from '../../plainObject.ts';
import { replaceHeader, safetensorsHeader } from './vectorHeader.ts';

export const VECTORS = 'vectors.safetensors';
export const IDS = 'ids.txt';
const MANIFEST = 'manifest.json';
const VERSION = 1;

export type VectorDType = 'float32' | 'float16';

interface FileEntry {
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
}

export interface VectorManifest {
  readonly documents: number;
  readonly dim: number;
  readonly dtype: VectorDType;
  /** That of the vectors is of the bytes behind the header. */
  readonly files: Readonly<Record<typeof VECTORS | typeof IDS, FileEntry>>;
}

/** A file that is written from its beginning to its end, and hashed meanwhile. */
class HashedFile {
  readonly file: DiskFile;
  readonly #hash = createHash('sha256');
  #size = 0;

  constructor(file: DiskFile) {
    this.file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#size += bytes.length;
    await this.file.write(bytes);
  }

  entry(): FileEntry {
    return { size: this.#size, sha256: this.#hash.digest('hex') };
  }
}

/** Writes an index beside its place, and puts it there when it is whole. */
export class VectorWriter {
  readonly #staged: string;
  readonly #directory: string;
  readonly #shape: { readonly dim: number; readonly dtype: VectorDType };
  readonly #vectors: HashedFile;
  readonly #ids: HashedFile;
  readonly #seen = new Set<string>();

  private constructor(
    directory: string,
    staged: string,
    shape: { readonly dim: number; readonly dtype: VectorDType },
    [vectors, ids]: readonly [DiskFile, DiskFile],
  ) {
    this.#directory = directory;
    this.#staged = staged;
    this.#shape = shape;
    this.#vectors = new HashedFile(vectors);
    this.#ids = new HashedFile(ids);
  }

  static async create(directory: string, shape: { readonly dim: number; readonly dtype: VectorDType }) {
    const staged = stagedPath(dirname(directory), `${basename(directory)}.`);
    await disk.makeDirectory(staged);
    const vectors = await disk.create(join(staged, VECTORS));
    const writer = new VectorWriter(directory, staged, shape, [
      vectors,
      await disk.create(join(staged, IDS)),
    ]);
    // How many rows there are is known at the end.
    await vectors.write(safetensorsHeader(0, shape));
    return writer;
  }

  /** @throws ArgumentError for an identifier that comes twice, or has no place on a line */
  async add(ids: readonly string[], bytes: Uint8Array): Promise<void> {
    for (const id of ids) {
      if (typeof id !== 'string' || id === '' || /[\r\n]/.test(id))
        throw expected('an identifier on one line', 'document', id);
      if (this.#seen.has(id))
        throw new ArgumentError(`Expected documents that come once but ${id} is there twice`);
      this.#seen.add(id);
    }
    await this.#ids.write(Buffer.from(ids.map((id) => `${id}\n`).join('')));
    await this.#vectors.write(bytes);
  }

  async finish(): Promise<void> {
    for (const { file } of [this.#vectors, this.#ids]) {
      await file.sync();
      await file.close();
    }
    const documents = this.#seen.size;
    await replaceHeader(join(this.#staged, VECTORS), safetensorsHeader(documents, this.#shape));
    const manifest = {
      version: VERSION,
      documents,
      ...this.#shape,
      files: { [VECTORS]: this.#vectors.entry(), [IDS]: this.#ids.entry() },
    };
    const file = await disk.create(join(this.#staged, MANIFEST));
    await file.write(Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
    await file.sync();
    await file.close();
    await disk.sync(this.#staged);
    await disk.rename(this.#staged, this.#directory);
    await syncAbove(disk, this.#directory);
  }

  /** Removes what was written. */
  async abandon(): Promise<void> {
    for (const { file } of [this.#vectors, this.#ids]) await file.close().catch(() => {});
    await removeTree(disk, this.#staged);
  }
}

/** @throws ArgumentError where there is something already */
export function newDirectory(directory: string | URL): string {
  const path = typeof directory === 'string' ? resolve(directory) : fileURLToPath(directory);
  if (existsSync(path)) throw expected('a directory that is not there yet', 'directory', path);
  return path;
}

/** @throws DamagedError for what is no manifest */
export async function readManifest(directory: string): Promise<VectorManifest> {
  const file = join(directory, MANIFEST);
  const refuse = (what: string) =>
    new DamagedError(`Expected an index of vectors in ${directory} but ${what}`);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw refuse(`${MANIFEST} cannot be read: ${(error as Error).message}`);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse(`${MANIFEST} is no JSON`);
  }
  if (!isPlainObject(value)) throw refuse(`${MANIFEST} is no object`);
  const { version, documents, dim, dtype, files } = value as Record<string, unknown>;
  if (version !== VERSION) throw refuse(`its version is not ${VERSION}`);
  const counts = [documents, dim].every((count) => Number.isSafeInteger(count) && (count as number) >= 1);
  if (!counts || (dtype !== 'float32' && dtype !== 'float16') || !isPlainObject(files) || !hasEntries(files))
    throw refuse(`${MANIFEST} does not say what is in it`);
  return value as unknown as VectorManifest;
}

function hasEntries(files: object): boolean {
  return [VECTORS, IDS].every((name) => {
    const entry = (files as Record<string, unknown>)[name];
    if (!isPlainObject(entry)) return false;
    const { size, sha256 } = entry as Record<string, unknown>;
    return Number.isSafeInteger(size) && typeof sha256 === 'string';
  });
}
