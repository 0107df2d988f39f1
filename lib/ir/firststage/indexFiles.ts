/**
 * An index as a directory: one file an array, as its elements lie in memory (little-endian), and a list of them.
 *
 * The list is written last, and the directory gets its name when all is on the disk: a half-written one is none.
 */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ArgumentError } from '../../errors.ts';
import { codeOf } from '../../experiment/files.ts';
import { DamagedError } from '../../learning/damaged.ts';
import { type Disk, type DiskFile, discard, removeTree, stagedPath, syncAbove } from '../../learning/disk.ts';
import { opened, PIECE, readAll } from '../../learning/manifest.ts';
import { isPlainObject } from '../../plainObject.ts';
import type { AnalyzerOptions } from '../analysis/analyzer.ts';

const MANIFEST = 'manifest.json';
const FORMAT = 'xpmir-index';
const VERSION = 1;
/** A longer list is none. */
const LONGEST = 2 ** 24;

const ARRAYS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f64: Float64Array } as const;
type ElementType = keyof typeof ARRAYS;
/** The files of an index; what comes last in a name is the type of the elements. */
export const FILES = {
  idBytes: 'ids.bytes.u8',
  idEnds: 'ids.ends.u32',
  idSlots: 'ids.slots.u32',
  lengths: 'documents.length.u32',
  termBytes: 'terms.bytes.u8',
  termEnds: 'terms.ends.u32',
  termSlots: 'terms.slots.u32',
  termChunks: 'terms.chunk.u32',
  collectionFrequencies: 'terms.frequency.f64',
  chunkIds: 'chunks.high.u16',
  chunkStarts: 'chunks.posting.u32',
  lows: 'postings.low.u16',
  frequencies: 'postings.frequency.u8',
  largePostings: 'large.posting.u32',
  largeFrequencies: 'large.frequency.u32',
} as const;
export type ArrayName = keyof typeof FILES;
type TypeOf<Name> = Name extends `${string}.u8`
  ? Uint8Array
  : Name extends `${string}.u16`
    ? Uint16Array
    : Name extends `${string}.u32`
      ? Uint32Array
      : Float64Array;
export type IndexArrays = { readonly [Name in ArrayName]: TypeOf<(typeof FILES)[Name]> };

interface Entry {
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
}

/** What is told of an index beside its arrays. */
export interface Described {
  readonly analyzer: AnalyzerOptions;
}

interface Manifest extends Described {
  readonly format: string;
  readonly version: number;
  readonly files: Readonly<Record<string, Entry>>;
  /** Of all that comes before. */
  readonly sha256: string;
}

/** Writes a directory beside the place that it gets in the end. */
export class IndexFiles {
  readonly staged: string;
  readonly #disk: Disk;
  readonly #path: string;
  readonly #entries: Record<string, Entry> = {};

  private constructor(on: Disk, path: string, staged: string) {
    this.#disk = on;
    this.#path = path;
    this.staged = staged;
  }

  /** @throws ArgumentError where something is in its place, unless that may be replaced */
  static async create(on: Disk, directory: string, overwrite: boolean): Promise<IndexFiles> {
    const path = resolve(directory);
    if (!overwrite && (await isThere(on, path)))
      throw new ArgumentError(`${path} is there already: remove it, or pass overwrite: true`, 'ERR_FILE');
    await mkdir(dirname(path), { recursive: true });
    const staged = stagedPath(dirname(path), prefixOf(path));
    await on.makeDirectory(staged);
    return new IndexFiles(on, path, staged);
  }

  /** A file to append elements to. */
  async open(name: ArrayName): Promise<ArrayFile> {
    const file = FILES[name];
    const handle = await this.#disk.create(join(this.staged, file));
    return new ArrayFile(handle, (entry) => {
      this.#entries[file] = entry;
    });
  }

  async write(name: ArrayName, array: ArrayBufferView): Promise<void> {
    const file = await this.open(name);
    try {
      await file.append(array);
    } finally {
      await file.close();
    }
  }

  /** Writes the list, and gives the directory its name. */
  async finish(described: Described): Promise<void> {
    const body = { format: FORMAT, version: VERSION, ...described, files: this.#entries };
    const text = `${JSON.stringify({ ...body, sha256: sealOf(body) }, undefined, 2)}\n`;
    const file = await this.#disk.create(join(this.staged, MANIFEST));
    try {
      await file.write(Buffer.from(text));
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#disk.sync(this.staged);
    const parent = dirname(this.#path);
    // A directory is never renamed onto another one: for a moment there is none under this name.
    const replaced = await isThere(this.#disk, this.#path);
    const aside = stagedPath(parent, prefixOf(this.#path), 'trash');
    if (replaced) await this.#disk.rename(this.#path, aside);
    await this.#disk.rename(this.staged, this.#path);
    await syncAbove(this.#disk, this.#path);
    if (replaced) await discard(this.#disk, parent, [basename(aside)], prefixOf(this.#path));
  }

  /** Removes what was written. */
  async abandon(): Promise<void> {
    await removeTree(this.#disk, this.staged).catch(() => {});
  }
}

/** A file of elements. */
export class ArrayFile {
  readonly #file: DiskFile;
  readonly #done: (entry: Entry) => void;
  readonly #hash = createHash('sha256');
  #size = 0;

  constructor(file: DiskFile, done: (entry: Entry) => void) {
    this.#file = file;
    this.#done = done;
  }

  async append(array: ArrayBufferView): Promise<void> {
    for (let at = 0; at < array.byteLength; at += PIECE) {
      const length = Math.min(PIECE, array.byteLength - at);
      const bytes = new Uint8Array(array.buffer, array.byteOffset + at, length);
      this.#hash.update(bytes);
      await this.#file.write(bytes);
      this.#size += length;
    }
  }

  async close(): Promise<void> {
    try {
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
    this.#done({ size: this.#size, sha256: this.#hash.digest('hex') });
  }
}

/**
 * Reads a directory, and compares all of it with its list.
 *
 * @throws DamagedError that names the file where they differ, or one is missing
 * @throws ArgumentError for an index of another version
 */
export async function readIndexFiles(
  on: Disk,
  directory: string,
): Promise<{ arrays: IndexArrays; described: Described }> {
  try {
    const manifest = await readManifest(on, directory);
    const names = Object.keys(FILES) as ArrayName[];
    const arrays: Partial<Record<ArrayName, ArrayBufferView>> = {};
    for (const name of names) arrays[name] = await readArray(on, directory, FILES[name], manifest);
    return { arrays: arrays as unknown as IndexArrays, described: manifest };
  } catch (error) {
    if (error instanceof DamagedError)
      throw new DamagedError(`${directory} is no whole index: ${error.message}`);
    throw error;
  }
}

async function readArray(
  on: Disk,
  directory: string,
  name: string,
  { files }: Manifest,
): Promise<ArrayBufferView> {
  const entry = Object.hasOwn(files, name) ? files[name] : undefined;
  if (entry === undefined) throw new DamagedError(`${MANIFEST} does not name ${name}`);
  const type = ARRAYS[name.slice(name.lastIndexOf('.') + 1) as ElementType];
  return opened(on, directory, name, async (file) => {
    if (file.size !== entry.size || file.size % type.BYTES_PER_ELEMENT !== 0)
      throw new DamagedError(`${name} has ${file.size} bytes instead of ${entry.size}`);
    const bytes = new Uint8Array(file.size);
    const hash = createHash('sha256');
    for (let at = 0; at < bytes.length; ) {
      const read = await file.read(bytes.subarray(at, at + PIECE), at);
      if (read === 0) throw new DamagedError(`${name} became shorter while it was read`);
      hash.update(bytes.subarray(at, at + read));
      at += read;
    }
    if (hash.digest('hex') !== entry.sha256)
      throw new DamagedError(`the content of ${name} is not what was written`);
    return new type(bytes.buffer);
  });
}

async function readManifest(on: Disk, directory: string): Promise<Manifest> {
  const bytes = await opened(on, directory, MANIFEST, async (file) => {
    if (file.size > LONGEST) throw new DamagedError(`${MANIFEST} has ${file.size} bytes`);
    return readAll(file, MANIFEST);
  });
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    throw new DamagedError(`${MANIFEST} is no JSON`);
  }
  if (!isPlainObject(value) || (value as Partial<Manifest>).format !== FORMAT)
    throw new DamagedError(`${MANIFEST} is not that of an index`);
  const { sha256, ...body } = value as unknown as Manifest;
  if (sealOf(body) !== sha256) throw new DamagedError(`${MANIFEST} is not what was written`);
  if (body.version !== VERSION) {
    throw new ArgumentError(
      `${directory}: expected an index of version ${VERSION}, received version ${body.version}; index the collection again`,
      'ERR_FILE',
    );
  }
  if (!isPlainObject(body.files)) throw new DamagedError(`${MANIFEST} has no list of files`);
  return { ...body, sha256 };
}

function sealOf(body: object): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('hex');
}

function prefixOf(path: string): string {
  return `.${basename(path)}.`;
}

async function isThere(on: Disk, path: string): Promise<boolean> {
  try {
    await on.list(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    if (codeOf(error) === 'ENOTDIR') return true;
    throw error;
  }
}
