/** Some saves in a row on a disk in memory, and what must be found there after the power failed. */
import { join } from 'node:path';
import { CheckpointStore, type Position, type SavedFiles } from '../../lib/learning/checkpoint.ts';
import { DamagedError } from '../../lib/learning/damaged.ts';
import type { Disk } from '../../lib/learning/disk.ts';
import { checkManifest, MODEL_FILE } from '../../lib/learning/manifest.ts';
import { readCheckpoint } from '../../lib/learning/readCheckpoint.ts';
import { tidy } from '../../lib/torch/scope.ts';
import { contentOf, filesOf, NOTE, snapshotOf, unfinishedIn } from './checkpoints.ts';
import { type MemoryDisk, PowerCut } from './memoryDisk.ts';

export const DIRECTORY = '/run/checkpoints';
const BEST = '/run/best';

/** What is saved at the end of each epoch. */
const SNAPSHOTS = [1, 2, 3, 4].map((epoch) => filesOf(snapshotOf(epoch)));
const snapshotAt = (epoch: number) => SNAPSHOTS[epoch - 1] as (typeof SNAPSHOTS)[number];
const positionAt = (epoch: number): Position => ({ epoch, steps: 10 * epoch });

/** What had come to its end when the power failed. */
export interface Progress {
  /** The last epoch that was saved, or found. */
  saved: number;
  /** The last one that `last` showed to. */
  linked: number;
  /** The last one whose model was published. */
  published: number;
}

export interface Writer {
  save(position: Position, files: SavedFiles): Promise<string>;
  publish?(checkpoint: string, position: Position, path: string): Promise<void>;
}

/** What must never be found. */
export type Wrong =
  | 'nothing can be loaded'
  | 'the newest is lost'
  | 'what was loaded is not what was saved'
  | 'a name of what is damaged'
  | 'the best model is lost'
  | 'last shows to an older one'
  | 'something unfinished'
  | 'another error';

export function storeOn(on: Disk): Writer {
  const store = new CheckpointStore(DIRECTORY, { last: 2, every: 0 }, { on });
  return {
    save: (position, files) => store.save(position, files, NOTE),
    publish: (checkpoint, position, path) => store.publish(checkpoint, position, path),
  };
}

/** Three saves, and the best model after each of the first two; until the power fails. @returns whether it did */
export async function saveUntilCut(on: Disk, writer: Writer, progress: Progress): Promise<boolean> {
  try {
    await on.makeDirectory('/run');
    await on.makeDirectory(DIRECTORY);
    for (const epoch of [1, 2, 3]) {
      const path = await writer.save(positionAt(epoch), snapshotAt(epoch));
      progress.saved = progress.linked = epoch;
      if (epoch === 3 || writer.publish === undefined) continue;
      await writer.publish(path, positionAt(epoch), BEST);
      progress.published = epoch;
    }
    return false;
  } catch (error) {
    if (error instanceof PowerCut) return true;
    throw error;
  }
}

/** What is wrong with a disk that was found. A new process begins on it, and finds what to go on from. */
export async function wrongsOf(found: MemoryDisk, progress: Progress): Promise<Wrong[]> {
  const wrongs: Wrong[] = [];
  for (const path of ['/run', DIRECTORY]) await found.makeDirectory(path).catch(() => {});
  const store = new CheckpointStore(DIRECTORY, { last: 2, every: 0 }, { on: found });
  try {
    await store.begin();
    if ((await unfinishedIn(found, DIRECTORY)).length > 0) wrongs.push('something unfinished');
    wrongs.push(...(await loadNewest(found, store, progress)));
    wrongs.push(...(await wrongsOfLinks(found, progress)));
  } catch {
    wrongs.push('another error');
  }
  return wrongs;
}

/** The newest that can be loaded; 0 where there is none. */
export async function newestOn(found: Disk): Promise<number> {
  const { usable } = await new CheckpointStore(DIRECTORY, { last: 2, every: 0 }, { on: found }).list();
  return usable.length === 0 ? 0 : epochOf(usable[0] as string);
}

/** A new process goes on: it keeps the model that it found, saves once more, and keeps that one. */
export async function saveOnceMore(found: MemoryDisk): Promise<void> {
  const store = new CheckpointStore(DIRECTORY, { last: 2, every: 0 }, { on: found });
  await store.begin();
  const [newest] = (await store.list()).usable;
  if (newest !== undefined) await store.publish(newest, positionAt(epochOf(newest)), BEST);
  const path = await store.save(positionAt(4), snapshotAt(4), NOTE);
  await store.publish(path, positionAt(4), BEST);
}

const epochOf = (path: string) => Number(/\d+$/.exec(path)?.[0]);

async function loadNewest(found: MemoryDisk, store: CheckpointStore, progress: Progress): Promise<Wrong[]> {
  const wrongs: Wrong[] = [];
  const loaded: number[] = [];
  for (const path of (await store.list()).usable) {
    const epoch = epochOf(path);
    try {
      const read = await tidy(
        async () => ((await readCheckpoint(path, found)).state as { epoch: number }).epoch,
      );
      if (read !== epoch || !(await isAsSaved(found, path, epoch)))
        wrongs.push('what was loaded is not what was saved');
      loaded.push(epoch);
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      wrongs.push('a name of what is damaged');
    }
  }
  if (progress.saved > 0 && loaded.length === 0) wrongs.push('nothing can be loaded');
  if (loaded.length > 0 && (loaded[0] as number) < progress.saved) wrongs.push('the newest is lost');
  return wrongs;
}

/** The best model, once it was published, is whole and no older, and so is what `last` shows to. */
async function wrongsOfLinks(found: MemoryDisk, { linked, published }: Progress): Promise<Wrong[]> {
  const wrongs: Wrong[] = [];
  if ((await epochAt(found, BEST)) < published) wrongs.push('the best model is lost');
  if ((await epochAt(found, join(DIRECTORY, 'last'))) < linked) wrongs.push('last shows to an older one');
  for (const name of await found.list('/run')) {
    if (!/^best\.epoch-\d+$/.test(name)) continue;
    const epoch = await epochAt(found, join('/run', name));
    if (epoch === 0) wrongs.push('a name of what is damaged');
    else if (!(await isAsSaved(found, join('/run', name), epoch, [MODEL_FILE])))
      wrongs.push('what was loaded is not what was saved');
  }
  return wrongs;
}

/** Whether files are, to the bit, what was saved. */
async function isAsSaved(found: MemoryDisk, path: string, epoch: number, names?: string[]): Promise<boolean> {
  const { contents } = snapshotAt(epoch);
  for (const name of names ?? Object.keys(contents))
    if (!(await contentOf(found, join(path, name)))?.equals(contents[name] as Buffer)) return false;
  return true;
}

/** Of what is whole under a path; 0 where nothing is. */
async function epochAt(found: MemoryDisk, path: string): Promise<number> {
  try {
    return (await checkManifest(found, path)).epoch;
  } catch (error) {
    if (error instanceof DamagedError) return 0;
    throw error;
  }
}
