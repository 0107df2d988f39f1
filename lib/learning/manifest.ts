/**
 * The list of a checkpoint's files, written last: what it names is there and whole, or the checkpoint is damaged.
 *
 * JSON of which the last field is the SHA-256 of the text with that field empty, so that no bit of it can change either.
 */
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { codeOf } from '../experiment/files.ts';
import { isPlainObject } from '../plainObject.ts';
import { DamagedError } from './damaged.ts';
import type { Disk, DiskFile } from './disk.ts';

export const MANIFEST_FILE = 'manifest.json';
/** Weights of a model. */
export const MODEL_FILE = 'model.safetensors';
/** The rest of a state, as JSON. */
export const STATE_FILE = 'state.json';
/** Its tensors, where there are any. */
export const TENSORS_FILE = 'state.safetensors';
/** Of the format of checkpoints. */
export const FORMAT_VERSION = 2;

export interface FileEntry {
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
}

/** How a learner trains, beside what its parts say. */
export interface RunSettings {
  readonly stepsPerEpoch: number;
  readonly accumulateGradBatches: number;
  /** Of parameters, and how they are computed with, such as `32-true`. */
  readonly precision: string;
}

/** What made a checkpoint. Other versions, or another number of threads, may round otherwise. */
export interface Origin {
  readonly xpmir: string;
  readonly libtorch: string;
  readonly node: string;
  readonly device: string;
  readonly threads: number;
  /** Missing in checkpoints that were made before it was noted. */
  readonly settings?: RunSettings;
}

/** What is told of a checkpoint beside its files. */
export interface Described {
  /** Tells it from all others. */
  readonly id: string;
  /** The one that was saved before it; null for the first of a run. */
  readonly previous: string | null;
  /** When, as ISO 8601. */
  readonly savedAt: string;
  readonly epoch: number;
  /** Optimizer steps made, over all epochs. */
  readonly steps: number;
  /** Of these, in the epoch at hand; null after its end. */
  readonly stepsInEpoch: number | null;
  readonly origin: Origin;
}

export interface Manifest extends Described {
  readonly version: number;
  readonly files: Readonly<Record<string, FileEntry>>;
}

/** Reads and writes go on in pieces, so that other work of the process goes on between them. */
export const PIECE = 2 ** 20;
/** A longer manifest is none. */
const LONGEST = 2 ** 24;
/** Of a file in a checkpoint: no path, nothing hidden, nothing that means something to JavaScript. */
const NAME = /^(?=.{1,100}$)[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+$/;
const SHA256 = /^[0-9a-f]{64}$/;
const SEAL = /"sha256": "([0-9a-f]{64})"\n\}\n$/;
const EMPTY_SEAL = '"sha256": ""\n}\n';

/** What the name of a checkpoint's directory says. */
export interface NamedPosition {
  readonly epoch: number;
  /** Of a checkpoint in the middle of an epoch. */
  readonly steps: number | undefined;
  /** Of several at the same position, counted from 1. */
  readonly copy: number;
}

const POSITION = /^epoch-(\d+)(?:-step-(\d+))?(?:\.(\d+))?$/;

/** Undefined for other names. */
export function positionIn(name: string): NamedPosition | undefined {
  const [, epoch, steps, copy] = POSITION.exec(name) ?? [];
  if (epoch === undefined) return undefined;
  return {
    epoch: Number(epoch),
    steps: steps === undefined ? undefined : Number(steps),
    copy: Number(copy ?? 1),
  };
}

/** Writes a file, to the disk. @returns what it is then */
export async function writeFile(
  on: Disk,
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<FileEntry> {
  const hash = createHash('sha256');
  let size = 0;
  const file = await on.create(path);
  try {
    for await (const piece of pieces) {
      hash.update(piece);
      size += piece.length;
      await file.write(piece);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { size, sha256: hash.digest('hex') };
}

/** Writes the list, to the disk. */
export async function writeManifest(
  on: Disk,
  directory: string,
  described: Described,
  files: Readonly<Record<string, FileEntry>>,
): Promise<void> {
  const body = { version: FORMAT_VERSION, ...described, files, sha256: '' };
  const text = `${JSON.stringify(body, undefined, 2)}\n`;
  const sealed = text.replace(/""\n\}\n$/, `"${sha256(text)}"\n}\n`);
  await writeFile(on, join(directory, MANIFEST_FILE), [Buffer.from(sealed)]);
}

/**
 * Reads the list and compares every file with it.
 *
 * @throws DamagedError where they differ, and what the file system says where it cannot be read at all
 * @throws ArgumentError for a checkpoint of another version
 */
export async function checkManifest(on: Disk, directory: string): Promise<Manifest> {
  const manifest = await readManifest(on, directory);
  const named = positionIn(basename(directory));
  if (
    named !== undefined &&
    (named.epoch !== manifest.epoch || (named.steps ?? manifest.steps) !== manifest.steps)
  )
    throw new DamagedError(
      `it is of epoch ${manifest.epoch} and step ${manifest.steps}, not what its name says`,
    );
  for (const name of Object.keys(manifest.files)) await checkFile(on, directory, name, manifest);
  return manifest;
}

/** Compares one file with the list. @throws as checkManifest */
export async function checkFile(
  on: Disk,
  directory: string,
  name: string,
  { files }: Manifest,
): Promise<void> {
  if (!Object.hasOwn(files, name)) throw new DamagedError(`${MANIFEST_FILE} does not name ${name}`);
  const { size, sha256 } = files[name] as FileEntry;
  await opened(on, directory, name, async (file) => {
    if (file.size !== size) throw new DamagedError(`${name} has ${file.size} bytes instead of ${size}`);
    if ((await hashOf(file)) !== sha256)
      throw new DamagedError(`the content of ${name} is not what was written`);
  });
}

/** A file that is, or was, written. */
export interface Written {
  readonly name: string;
  /** Its length. */
  readonly bytes: number;
  /** Its content, as often as it is asked for: to compare what was written, and where a save is tried again. */
  readonly pieces: Iterable<Uint8Array>;
}

/** Compares files with what was written to them, which is there: no need to compute what stands for it. */
export async function checkWritten(on: Disk, directory: string, written: readonly Written[]): Promise<void> {
  const { files } = await readManifest(on, directory);
  for (const { name, bytes, pieces } of written) {
    await opened(on, directory, name, async (file) => {
      let at = 0;
      const read = new Uint8Array(PIECE);
      for (const piece of pieces) {
        const found = read.subarray(0, piece.length);
        const isThere = piece.length <= PIECE && (await file.read(found, at)) === piece.length;
        if (!isThere || !Buffer.from(found.buffer, 0, piece.length).equals(piece))
          throw new DamagedError(`the content of ${name} is not what was written`);
        at += piece.length;
      }
      if (file.size !== bytes || files[name]?.size !== bytes)
        throw new DamagedError(`${name} has ${file.size} bytes instead of ${bytes}`);
    });
  }
}

/** The list alone. @throws as checkManifest */
export async function readManifest(on: Disk, directory: string): Promise<Manifest> {
  const bytes = await opened(on, directory, MANIFEST_FILE, async (file) => {
    if (file.size > LONGEST) throw new DamagedError(`${MANIFEST_FILE} has ${file.size} bytes`);
    return readAll(file, MANIFEST_FILE);
  });
  return parse(Buffer.from(bytes), directory);
}

/** All bytes of a file. */
export async function readAll(file: DiskFile, name: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.size);
  let done = 0;
  while (done < bytes.length) {
    const read = await file.read(bytes.subarray(done, done + PIECE), done);
    if (read === 0) throw new DamagedError(`${name} became shorter while it was read`);
    done += read;
  }
  return bytes;
}

/** Opens a file of a checkpoint. Whatever is no damage may go right the next time, and says nothing about it. */
export async function opened<T>(
  on: Disk,
  directory: string,
  name: string,
  use: (file: DiskFile, name: string) => Promise<T>,
): Promise<T> {
  let file: DiskFile;
  try {
    file = await on.open(join(directory, name));
  } catch (error) {
    if (error instanceof DamagedError) throw new DamagedError(`${name}: ${error.message}`);
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR')
      throw new DamagedError(`${name} is missing`);
    throw error;
  }
  try {
    return await use(file, name);
  } finally {
    await file.close();
  }
}

/** The content of a file, a piece at a time: the next one takes the place of the one before. */
export async function* piecesIn(file: DiskFile): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(Math.min(PIECE, Math.max(file.size, 1)));
  for (let at = 0; ; ) {
    const read = await file.read(piece, at);
    if (read === 0) return;
    yield piece.subarray(0, read);
    at += read;
  }
}

async function hashOf(file: DiskFile): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of piecesIn(file)) hash.update(piece);
  return hash.digest('hex');
}

function parse(bytes: Buffer, directory: string): Manifest {
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DamagedError(`${MANIFEST_FILE} is no JSON`);
  }
  if (!isPlainObject(value)) throw new DamagedError(`${MANIFEST_FILE} is no list of files`);
  const { version } = value as Partial<Manifest>;
  const seal = SEAL.exec(text)?.[1];
  const isSealed =
    seal !== undefined && Buffer.from(text).equals(bytes) && sha256(text.replace(SEAL, EMPTY_SEAL)) === seal;
  if (Number.isSafeInteger(version) && version !== FORMAT_VERSION && (isSealed || version === 1)) {
    throw new ArgumentError(
      `${directory}: expected a checkpoint of version ${FORMAT_VERSION}, received version ${version}; ` +
        ((version as number) > FORMAT_VERSION
          ? 'update xpmir'
          : 'it was made before checkpoints could be verified'),
      'ERR_FILE',
    );
  }
  if (!isSealed) throw new DamagedError(`${MANIFEST_FILE} is not what was written`);
  if (!isWhole(value)) throw new DamagedError(`${MANIFEST_FILE} is no list of files`);
  return value;
}

function isWhole(value: Record<string, unknown>): value is Record<string, unknown> & Manifest {
  const { version, id, epoch, steps, files } = value as Partial<Manifest>;
  return (
    version === FORMAT_VERSION &&
    typeof id === 'string' &&
    isCount(epoch) &&
    isCount(steps) &&
    isPlainObject(files) &&
    Object.entries(files).every(
      ([name, entry]) => name !== MANIFEST_FILE && NAME.test(name) && isEntry(entry),
    )
  );
}

function isEntry(value: unknown): value is FileEntry {
  if (!isPlainObject(value)) return false;
  const { size, sha256 } = value as Partial<FileEntry>;
  return isCount(size) && typeof sha256 === 'string' && SHA256.test(sha256);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
