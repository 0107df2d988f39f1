/** What lies in a directory of checkpoints, and what of it is whole. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { readIfThere } from '../experiment/files.ts';
import { foundIn } from '../learning/checkpoint.ts';
import { DamagedError } from '../learning/damaged.ts';
import { disk, stagedAs } from '../learning/disk.ts';
import { messageOf } from '../learning/events.ts';
import { checkManifest, type Manifest, readManifest } from '../learning/manifest.ts';
import { type Checkpoints, placeOf } from './checkpointPlace.ts';

/** A line of `list`. */
export interface Listed {
  readonly name: string;
  /** `unreadable`: it may be whole, and cannot be told, such as one of another version. */
  readonly state: 'saved' | 'damaged' | 'unreadable' | 'aside' | 'unfinished';
  readonly epoch?: number;
  /** Optimizer steps made, over all epochs. */
  readonly steps?: number;
  readonly savedAt?: string;
  readonly bytes?: number;
  /** The link `last` shows to it. */
  readonly last: boolean;
  /** Why it is not `saved`. */
  readonly reason?: string;
}

/** A line of `verify`. */
export interface Verified {
  readonly ok: boolean;
  readonly name: string;
  readonly files?: number;
  readonly bytes?: number;
  readonly reason?: string;
}

/** The newest first, then what was set aside, then what is unfinished. */
export async function listed(directory: string): Promise<Listed[]> {
  const last = lastIn(directory);
  const entries: Listed[] = [];
  for (const { name, epoch } of await foundIn(disk, directory)) {
    const path = join(directory, name);
    const read = await attempt(path, () => readManifest(disk, path));
    if (read === undefined) continue;
    const what = 'reason' in read ? { ...read, epoch } : saved(read);
    entries.push({ name, ...what, last: name === last });
  }
  const names = readdirSync(directory).sort();
  for (const name of names.filter((each) => ASIDE.test(each))) {
    const reason = readIfThere(join(directory, name, 'reason.txt'))?.trim() || 'nobody noted why';
    entries.push({ name, state: 'aside', last: name === last, reason });
  }
  for (const name of names) {
    const staged = stagedAs(name);
    if (staged === undefined) continue;
    const reason = staged === 'tmp' ? 'it was being written' : 'it was being removed';
    entries.push({ name, state: 'unfinished', last: false, reason });
  }
  return entries;
}

/** Reads every byte of what a path means; of a run, also of the best models that its listeners keep. */
export async function* verified(given: string): AsyncGenerator<Verified> {
  const place = placeOf(given);
  if ('one' in place) return yield* verifiedIn([place.one], () => basename(place.one));
  const { directory, run, isRun } = place;
  const found = (await foundIn(disk, directory)).map(({ name }) => join(directory, name));
  yield* verifiedIn(found, (path) => basename(path));
  if (isRun) yield* verifiedIn(keptIn(run), (path) => relative(run, path));
}

/** What there is to say of a checkpoint that cannot be used; undefined for one that is gone meanwhile. */
export interface Refused {
  readonly state: 'damaged' | 'unreadable';
  readonly reason: string;
}

/** Whether all of a checkpoint is what was written. @returns undefined for one that is gone meanwhile */
export async function wholeness(path: string): Promise<Manifest | Refused | undefined> {
  return attempt(path, () => checkManifest(disk, path));
}

export function bytesOf({ files }: Manifest): number {
  return Object.values(files).reduce((sum, { size }) => sum + size, 0);
}

/** The name to which the link shows; undefined where there is none. */
export function lastIn(directory: string): string | undefined {
  try {
    return basename(readlinkSync(join(directory, 'last')));
  } catch {
    return undefined;
  }
}

const ASIDE = /^epoch-.*\.damaged(?:-\d+)?$/;
const KEPT = /\.epoch-\d+(?:\.\d+)?$/;

function saved(manifest: Manifest): Omit<Listed, 'name' | 'last'> {
  const { epoch, steps, savedAt } = manifest;
  return { state: 'saved', epoch, steps, savedAt, bytes: bytesOf(manifest) };
}

async function* verifiedIn(
  paths: readonly string[],
  nameOf: (path: string) => string,
): AsyncGenerator<Verified> {
  for (const path of paths) {
    const found = await wholeness(path);
    if (found === undefined) continue;
    const name = nameOf(path);
    if ('reason' in found) yield { ok: false, name, reason: `${found.state}: ${found.reason}` };
    else yield { ok: true, name, files: Object.keys(found.files).length, bytes: bytesOf(found) };
  }
}

async function attempt(path: string, read: () => Promise<Manifest>): Promise<Manifest | Refused | undefined> {
  try {
    return await read();
  } catch (error) {
    // The run may go on, and remove what it no longer needs.
    if (!existsSync(path)) return undefined;
    return { state: error instanceof DamagedError ? 'damaged' : 'unreadable', reason: messageOf(error) };
  }
}

/** Models kept by the listeners of a run, which lie where their paths were generated. */
function keptIn(run: Checkpoints['run']): string[] {
  return ['out/listeners', 'listeners'].flatMap((below) => keptBelow(join(run, below))).sort();
}

function keptBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => (KEPT.test(name) ? [join(directory, name)] : keptBelow(join(directory, name))));
}
