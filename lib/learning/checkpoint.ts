/**
 * What a run leaves on the disk: its newest states, and the best models that listeners keep.
 *
 *     checkpoints/epoch-00000012/             the state after an epoch, and some before it to fall back to
 *     checkpoints/epoch-00000013-step-00001234/   in the middle of one
 *     checkpoints/last                        link to the newest of these: a hint, never an authority
 *     <kept>.epoch-00000007/                  a model kept by a listener
 *     <kept>                                  link to it
 *
 * In each: `manifest.json` lists the other files with their sizes and SHA-256, `model.safetensors` has the weights;
 * `state.json` and `state.safetensors` have the rest, where there is more.
 *
 * A name with a checkpoint is never written to. One is made in a directory of another name, each file forced to the disk,
 * the manifest last, then the directory; renamed; the names above it forced to the disk; read again and compared. Only
 * then does `last` move, and only then are older ones removed, under another name first.
 */
import { randomUUID } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { types } from 'node:util';
import { codeOf } from '../experiment/files.ts';
import { readSafetensors } from '../torch/io/safetensors.ts';
import type { Tensor } from '../torch/tensor.ts';
import { CheckpointSaveError, DamagedError } from './damaged.ts';
import { type Disk, discard, disk, pointTo, removeTree, stagedPath, sweep } from './disk.ts';
import { messageOf } from './events.ts';
import {
  checkManifest,
  type Described,
  type FileEntry,
  MANIFEST_FILE,
  type Manifest,
  opened,
  readAll,
  readManifest,
  writeFile,
  writeManifest,
} from './manifest.ts';
import { MODEL_FILE, type Snapshot, STATE_FILE, TENSORS_FILE } from './snapshot.ts';
import { type Json, unpackState } from './stateCodec.ts';

const NAME = /^epoch-(\d+)(?:-step-(\d+))?(?:\.(\d+))?$/;

/** When a state was saved. */
export interface Position {
  readonly epoch: number;
  /** Optimizer steps made, over all epochs. */
  readonly steps: number;
  /** The epoch has steps to come, or its listeners were not asked. */
  readonly unfinished?: boolean;
}

/** A checkpoint on the disk, by its name. */
export interface Found {
  readonly name: string;
  readonly epoch: number;
  /** Infinite for a finished epoch, which is later than all in its middle. */
  readonly steps: number;
  /** Of several at the same position, counted from 1. */
  readonly copy: number;
}

/** Which checkpoints stay: those of every rule. */
export interface Kept {
  /** The newest so many; at least 1. */
  readonly last: number;
  /** Those of finished epochs that are multiples of it; 0: none. */
  readonly every: number;
}

/** What is noted of a checkpoint beside where it is. */
export type Note = Pick<Described, 'origin' | 'stepsInEpoch'>;

export interface CheckpointContent {
  readonly manifest: Manifest;
  readonly state: unknown;
}

export class CheckpointStore {
  readonly #directory: string;
  readonly #kept: Kept;
  readonly #disk: Disk;
  readonly #warn: (message: string) => void;
  /** Of the checkpoint that was saved last. */
  #previous: string | null = null;

  /** @param directory `<run>/checkpoints` */
  constructor(
    directory: string,
    kept: Kept,
    { on = disk, warn = () => {} }: { readonly on?: Disk; readonly warn?: (message: string) => void } = {},
  ) {
    this.#directory = directory;
    this.#kept = kept;
    this.#disk = on;
    this.#warn = warn;
  }

  /** Where the newest checkpoint is, once there is one. */
  get last(): string {
    return join(this.#directory, 'last');
  }

  /** Removes what a process that died has not finished. Nobody else may write in the directory, which is there. */
  async begin(): Promise<void> {
    await sweep(this.#disk, this.#directory);
  }

  /**
   * Saves a state and removes those that need not stay: at any moment the newest whole one is there.
   *
   * @returns its path
   * @throws CheckpointSaveError where the disk did not take it; then all is as before
   */
  async save(position: Position, snapshot: Snapshot, note: Note): Promise<string> {
    const staged = stagedPath(this.#directory);
    const { epoch, steps } = position;
    const savedAt = new Date().toISOString();
    const described = { id: randomUUID(), previous: this.#previous, savedAt, epoch, steps, ...note };
    const at = { path: staged };
    let path: string;
    try {
      await this.#fill(staged, { snapshot, described, at });
      at.path = this.#directory;
      path = await this.#commit(staged, nameOf(position));
      at.path = path;
      await checkManifest(this.#disk, path);
      at.path = this.last;
      await pointTo(this.#disk, this.last, basename(path));
    } catch (error) {
      await removeTree(this.#disk, staged).catch(() => {});
      throw await this.#failure(error, at.path, snapshot.bytes);
    }
    this.#previous = described.id;
    await this.#prune(basename(path));
    return path;
  }

  /** The newest first: those up to `maxEpoch`, and those beyond it. */
  async list(maxEpoch = Number.POSITIVE_INFINITY): Promise<Record<'usable' | 'beyond', readonly string[]>> {
    const found = await foundIn(this.#disk, this.#directory);
    const pathsOf = (some: readonly Found[]) => some.map(({ name }) => join(this.#directory, name));
    return {
      usable: pathsOf(found.filter(({ epoch }) => epoch <= maxEpoch)),
      beyond: pathsOf(found.filter(({ epoch }) => epoch > maxEpoch)),
    };
  }

  /** @throws as readCheckpoint */
  async read(path: string): Promise<CheckpointContent> {
    const content = await readCheckpoint(path, this.#disk);
    this.#previous = content.manifest.id;
    return content;
  }

  /** Puts a damaged checkpoint aside, with the reason in it. @returns where it is now */
  async setAside(path: string, reason: string): Promise<string> {
    for (let i = 1; ; i++) {
      const aside = `${path}.damaged${i === 1 ? '' : `-${i}`}`;
      try {
        await this.#disk.rename(path, aside);
      } catch (error) {
        // Another one is there, and is not written over.
        if (isTaken(error)) continue;
        throw error;
      }
      await this.#disk.sync(this.#directory);
      await writeFile(this.#disk, join(aside, 'reason.txt'), [Buffer.from(`${reason}\n`)]).catch(() => {});
      return aside;
    }
  }

  /** Keeps the model of a checkpoint under a path of its own, in place of what was kept there. */
  async publish(checkpoint: string, position: Position, path: string): Promise<void> {
    const directory = dirname(path);
    const prefix = `${basename(path)}.`;
    const staged = stagedPath(directory);
    try {
      const { files, ...described } = describedBy(await readManifest(this.#disk, checkpoint));
      const model = files[MODEL_FILE] as FileEntry;
      const name = prefix + nameOf({ ...position, unfinished: false });
      let kept = await this.#alreadyKept(directory, name, model);
      if (kept === undefined) {
        await this.#disk.makeDirectory(staged);
        await this.#linkOrCopy(join(checkpoint, MODEL_FILE), join(staged, MODEL_FILE));
        await writeManifest(this.#disk, staged, described, { [MODEL_FILE]: model });
        await this.#disk.sync(staged);
        kept = await this.#commit(staged, name, directory);
        await checkManifest(this.#disk, kept);
      }
      await pointTo(this.#disk, path, basename(kept));
      for (const other of await this.#disk.list(directory)) {
        const isOlder =
          other !== basename(kept) && other.startsWith(prefix) && NAME.test(other.slice(prefix.length));
        if (isOlder) await discard(this.#disk, join(directory, other));
      }
    } catch (error) {
      await removeTree(this.#disk, staged).catch(() => {});
      throw await this.#failure(error, path, 0);
    }
  }

  /** The same model, kept by a process that did not get to note it. */
  async #alreadyKept(directory: string, name: string, model: FileEntry): Promise<string | undefined> {
    for (const other of await this.#disk.list(directory)) {
      if (other !== name && !other.startsWith(`${name}.`)) continue;
      const path = join(directory, other);
      const manifest = await checkManifest(this.#disk, path).catch(() => undefined);
      if (manifest?.files[MODEL_FILE]?.sha256 === model.sha256) return path;
    }
    return undefined;
  }

  async #fill(
    staged: string,
    {
      snapshot,
      described,
      at,
    }: { readonly snapshot: Snapshot; readonly described: Described; readonly at: { path: string } },
  ): Promise<void> {
    await this.#disk.makeDirectory(staged);
    const entries: Record<string, FileEntry> = {};
    for (const { name, pieces } of snapshot.files) {
      at.path = join(staged, name);
      entries[name] = await writeFile(this.#disk, at.path, pieces);
    }
    at.path = join(staged, MANIFEST_FILE);
    await writeManifest(this.#disk, staged, described, entries);
    await this.#disk.sync(staged);
  }

  /** Gives a directory that is complete its name, or the next free one. @returns its path, which is on the disk */
  async #commit(staged: string, name: string, directory = this.#directory): Promise<string> {
    const taken = new Set(await this.#disk.list(directory));
    for (let copy = 1; ; copy++) {
      const own = copy === 1 ? name : `${name}.${copy}`;
      if (taken.has(own)) continue;
      const path = join(directory, own);
      try {
        await this.#disk.rename(staged, path);
      } catch (error) {
        if (isTaken(error)) continue;
        throw error;
      }
      await this.#disk.sync(directory);
      return path;
    }
  }

  /** Of a checkpoint and those before it. What cannot be removed stays, and is tried again behind the next one. */
  async #prune(newest: string): Promise<void> {
    try {
      const found = await foundIn(this.#disk, this.#directory);
      const upTo = found.slice(found.findIndex(({ name }) => name === newest));
      for (const { name } of outdated(upTo, this.#kept))
        await discard(this.#disk, join(this.#directory, name));
    } catch (error) {
      this.#warn(`older checkpoints could not be removed: ${messageOf(error)}`);
    }
  }

  /** A second name for the same content where the file system can, a copy where it cannot. */
  async #linkOrCopy(from: string, to: string): Promise<void> {
    try {
      await this.#disk.link(from, to);
      return;
    } catch (error) {
      if (codeOf(error) === 'ENOSPC' || codeOf(error) === 'EROFS') throw error;
    }
    await opened(this.#disk, dirname(from), basename(from), async (file) => {
      const bytes = await readAll(file);
      await writeFile(this.#disk, to, [bytes]);
    });
  }

  async #failure(error: unknown, path: string, bytes: number): Promise<unknown> {
    const code = codeOf(error);
    if (!types.isNativeError(error) || (code === undefined && !(error instanceof DamagedError))) return error;
    const free = code === 'ENOSPC' || code === 'EDQUOT' ? await freeIn(this.#directory) : undefined;
    const size = bytes > 0 ? ` of ${bytes} bytes` : '';
    const rest = free === undefined ? '' : `; ${free} bytes are free there`;
    return new CheckpointSaveError(`Could not save a checkpoint${size}: ${path}: ${error.message}${rest}`, {
      code: code ?? 'ERR_FILE',
      path,
      bytes,
      cause: error,
    });
  }
}

/**
 * The state in a checkpoint, once all of its files are what was written.
 *
 * @throws DamagedError where they are not, ArgumentError for one of another version of the format
 */
export async function readCheckpoint(path: string, on: Disk = disk): Promise<CheckpointContent> {
  const manifest = await checkManifest(on, path);
  for (const name of [MODEL_FILE, STATE_FILE])
    if (!Object.hasOwn(manifest.files, name))
      throw new DamagedError(`${MANIFEST_FILE} does not name ${name}`);
  const text = await opened(on, path, STATE_FILE, readAll);
  const json = JSON.parse(Buffer.from(text).toString('utf8')) as Json;
  const tensors: ReadonlyMap<string, Tensor> = Object.hasOwn(manifest.files, TENSORS_FILE)
    ? await opened(on, path, TENSORS_FILE, readSafetensors)
    : new Map();
  return { manifest, state: unpackState({ json, tensors }) };
}

/** The checkpoints in a directory, the newest first. */
export async function foundIn(on: Disk, directory: string): Promise<Found[]> {
  const found = (await on.list(directory)).flatMap((name): Found[] => {
    const [, epoch, steps, copy] = NAME.exec(name) ?? [];
    if (epoch === undefined) return [];
    const at = steps === undefined ? Number.POSITIVE_INFINITY : Number(steps);
    return [{ name, epoch: Number(epoch), steps: at, copy: Number(copy ?? 1) }];
  });
  return found.sort(
    (a, b) => b.epoch - a.epoch || (a.steps === b.steps ? b.copy - a.copy : b.steps - a.steps),
  );
}

/** What no rule keeps of checkpoints, of which the newest comes first. */
export function outdated(found: readonly Found[], { last, every }: Kept): Found[] {
  const isKept = ({ epoch, steps }: Found) =>
    every > 0 && steps === Number.POSITIVE_INFINITY && epoch % every === 0;
  // The oldest first: whatever stops this, the newest are there.
  return found
    .slice(Math.max(1, last))
    .filter((each) => !isKept(each))
    .reverse();
}

function nameOf({ epoch, steps, unfinished }: Position): string {
  const number = (value: number) => String(value).padStart(8, '0');
  return `epoch-${number(epoch)}${unfinished ? `-step-${number(steps)}` : ''}`;
}

/** Without what is of the list itself. */
function describedBy({ id, previous, savedAt, epoch, steps, stepsInEpoch, origin, files }: Manifest) {
  return { id, previous, savedAt, epoch, steps, stepsInEpoch, origin, files };
}

function isTaken(error: unknown): boolean {
  return codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST';
}

/** Bytes that may be written to the file system of a directory; undefined where it does not say. */
async function freeIn(directory: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
