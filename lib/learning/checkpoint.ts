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
 * the manifest last, then the directory; read again and compared; renamed; the names above it forced to the disk. Only
 * then does `last` move, and only then are older ones removed, under another name first.
 */
import { randomUUID } from 'node:crypto';
import { readlink, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { types } from 'node:util';
import { codeOf } from '../experiment/files.ts';
import { CheckpointSaveError, DamagedError } from './damaged.ts';
import { type Disk, discard, disk, pointTo, removeTree, stagedPath, sweep, syncAbove } from './disk.ts';
import { messageOf } from './events.ts';
import {
  checkManifest,
  checkWritten,
  type Described,
  type FileEntry,
  MANIFEST_FILE,
  type Manifest,
  MODEL_FILE,
  opened,
  piecesIn,
  positionIn,
  readManifest,
  writeFile,
  writeManifest,
} from './manifest.ts';
import type { Snapshot } from './snapshot.ts';

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

/** What of a snapshot is written. */
export type SavedFiles = Pick<Snapshot, 'files' | 'bytes'>;

export class CheckpointStore {
  readonly #directory: string;
  readonly #kept: Kept;
  readonly #disk: Disk;
  readonly #warn: (message: string) => void;
  /** Directories whose own names are known to be on the disk. */
  readonly #anchored = new Set<string>();
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

  /**
   * Removes what a process that died has not finished, and forces what it had to the disk: what is found from here on is
   * not lost any more. Nobody else may write in the directory, which is there.
   */
  async begin(): Promise<void> {
    await this.#disk.sync(this.#directory);
    await sweep(this.#disk, this.#directory);
  }

  /**
   * Saves a state and removes those that need not stay: at any moment the newest whole one is there.
   *
   * @returns its path
   * @throws CheckpointSaveError where the disk did not take it; then those before it are as they were
   */
  async save(position: Position, snapshot: SavedFiles, note: Note): Promise<string> {
    const staged = stagedPath(this.#directory);
    const { epoch, steps } = position;
    const savedAt = new Date().toISOString();
    const described = { id: randomUUID(), previous: this.#previous, savedAt, epoch, steps, ...note };
    const at = { path: this.#directory };
    let path: string;
    try {
      await this.#prepare(this.#directory);
      await this.#fill(staged, { snapshot, described, at });
      at.path = staged;
      await checkWritten(this.#disk, staged, snapshot.files);
      at.path = this.#directory;
      path = await this.#commit(staged, this.#directory, nameOf(position));
      this.#previous = described.id;
      at.path = this.last;
      await pointTo(this.#disk, this.last, basename(path));
    } catch (error) {
      await removeTree(this.#disk, staged).catch(() => {});
      throw await this.#failure(error, at.path, snapshot.bytes);
    }
    await this.#prune(this.#directory, async () => {
      const found = await foundIn(this.#disk, this.#directory);
      const upTo = found.slice(found.findIndex(({ name }) => name === basename(path)));
      return outdated(upTo, this.#kept).map(({ name }) => name);
    });
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

  /** Lets `last` show to a checkpoint, where it does not. */
  async pointTo(path: string): Promise<void> {
    const name = basename(path);
    if ((await readlink(this.last).catch(() => undefined)) !== name)
      await pointTo(this.#disk, this.last, name);
  }

  /** The next one is saved by a run that goes on from the checkpoint with this id. */
  follow(id: string): void {
    this.#previous = id;
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
    const staged = stagedPath(directory, prefix);
    let kept: string;
    try {
      await this.#prepare(directory, prefix);
      const { files, ...described } = describedBy(await readManifest(this.#disk, checkpoint));
      const model = files[MODEL_FILE];
      if (model === undefined) throw new DamagedError(`${MANIFEST_FILE} does not name ${MODEL_FILE}`);
      const name = prefix + nameOf({ ...position, unfinished: false });
      const there = await this.#alreadyKept(directory, name, model);
      if (there === undefined) {
        await this.#disk.makeDirectory(staged);
        await this.#linkOrCopy(join(checkpoint, MODEL_FILE), join(staged, MODEL_FILE));
        await writeManifest(this.#disk, staged, described, { [MODEL_FILE]: model });
        await this.#disk.sync(staged);
        await checkManifest(this.#disk, staged);
      }
      kept = there ?? (await this.#commit(staged, directory, name));
      await pointTo(this.#disk, path, basename(kept), prefix);
    } catch (error) {
      await removeTree(this.#disk, staged).catch(() => {});
      throw await this.#failure(error, path, 0);
    }
    const isOlder = (name: string) =>
      name !== basename(kept) &&
      name.startsWith(prefix) &&
      positionIn(name.slice(prefix.length)) !== undefined;
    await this.#prune(directory, async () => (await this.#disk.list(directory)).filter(isOlder), prefix);
  }

  /** What an earlier failure left goes first: a full disk needs the room. */
  async #prepare(directory: string, prefix = ''): Promise<void> {
    await sweep(this.#disk, directory, prefix).catch(() => {});
    if (this.#anchored.has(directory)) return;
    await syncAbove(this.#disk, directory);
    this.#anchored.add(directory);
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
    }: { readonly snapshot: SavedFiles; readonly described: Described; readonly at: { path: string } },
  ): Promise<void> {
    at.path = staged;
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

  /** Gives a directory that is complete its name, or the next behind those. @returns its path, which is on the disk */
  async #commit(staged: string, directory: string, name: string): Promise<string> {
    for (let copy = lastCopy(name, await this.#disk.list(directory)) + 1; ; copy++) {
      const path = join(directory, copy === 1 ? name : `${name}.${copy}`);
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

  /** Removes what need not stay. What cannot be removed stays, and is tried again behind the next one. */
  async #prune(directory: string, names: () => Promise<readonly string[]>, prefix = ''): Promise<void> {
    try {
      await discard(this.#disk, directory, await names(), prefix);
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
    await opened(this.#disk, dirname(from), basename(from), (file) =>
      writeFile(this.#disk, to, piecesIn(file)),
    );
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

/** The checkpoints in a directory, the newest first. */
export async function foundIn(on: Disk, directory: string): Promise<Found[]> {
  const found = (await on.list(directory)).flatMap((name): Found[] => {
    const { epoch, steps = Number.POSITIVE_INFINITY, copy } = positionIn(name) ?? {};
    return epoch === undefined || copy === undefined ? [] : [{ name, epoch, steps, copy }];
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

/** The highest number of those with a name; 0 where there is none. One that was removed is not replaced by a newer one. */
function lastCopy(name: string, names: readonly string[]): number {
  const copies = names.flatMap((each) => {
    const rest = each.startsWith(name) ? /^(?:\.(\d+))?$/.exec(each.slice(name.length)) : null;
    return rest === null ? [] : [Number(rest[1] ?? 1)];
  });
  return Math.max(0, ...copies);
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
