/**
 * The power fails in every call of some saves, and the disk is found in many of the states in which it may then be.
 * What was saved is there, and what is there is whole. The controls show that the test would tell if it were not so.
 */
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { expect } from '@jest/globals';
import type { Position, SavedFiles } from '../../lib/learning/checkpoint.ts';
import { type Disk, pointTo, removeTree } from '../../lib/learning/disk.ts';
import { writeFile, writeManifest } from '../../lib/learning/manifest.ts';
import { NOTE } from './checkpoints.ts';
import { full, randomOf, repeatable, tell } from './effort.ts';
import { type Lies, MemoryDisk, PowerCut } from './memoryDisk.ts';
import {
  DIRECTORY,
  newestOn,
  type Progress,
  saveOnceMore,
  saveUntilCut,
  storeOn,
  type Writer,
  type Wrong,
  wrongsOf,
} from './saves.ts';

const FATES = full ? 256 : 64;
const test = repeatable(import.meta.url);

interface Case {
  readonly lies?: Lies;
  readonly writerOn?: (on: Disk) => Writer;
}

/** A disk on which the power failed in a call. */
interface Cut {
  readonly cut: number;
  readonly disk: MemoryDisk;
  readonly progress: Progress;
}

/** Every call of the saves, and the end of them. */
async function* cuts({ lies = {}, writerOn = storeOn }: Case = {}): AsyncGenerator<Cut> {
  for (let cut = 1, isCut = true; isCut; cut++) {
    const disk = new MemoryDisk(lies);
    const progress = { saved: 0, linked: 0, published: 0 };
    disk.cutAt(cut);
    isCut = await saveUntilCut(disk, writerOn(disk), progress);
    // The last steps of a save may be put off without an error, such as removing what is old.
    isCut ||= disk.calls >= cut;
    yield { cut, disk, progress };
  }
}

test('whatever call the power fails in, what was saved is there and whole', async () => {
  let [last, found] = [0, 0];
  const problems: string[] = [];
  for await (const { cut, disk, progress } of cuts()) {
    for (let fate = 0; fate < FATES; fate++) {
      const wrongs = await wrongsOf(disk.afterPowerLoss(randomOf(cut, fate)), progress);
      for (const wrong of wrongs) problems.push(`call ${cut}, fate ${fate}: ${wrong}`);
      found++;
    }
    last = cut;
  }
  expect(problems.slice(0, 20)).toEqual([]);
  tell(`${last} calls x ${FATES} fates: ${found} disks`);
});

test('when it fails again while the next process goes on, too', async () => {
  const again = full ? 64 : 8;
  let found = 0;
  const problems: string[] = [];
  for await (const { cut, disk, progress } of cuts()) {
    for (let fate = 0; fate < again; fate++) {
      const random = randomOf(cut, fate, 1);
      const first = disk.afterPowerLoss(random);
      for (const path of ['/run', DIRECTORY]) await first.makeDirectory(path).catch(() => {});
      // What was found is what was loaded: from now on, nothing older will do.
      const since = { ...progress, saved: Math.max(await newestOn(first), progress.saved) };
      first.cutAt(1 + random.below(160));
      if (!(await endsWithCut(() => saveOnceMore(first)))) since.saved = since.linked = since.published = 4;
      const wrongs = await wrongsOf(first.afterPowerLoss(random), since);
      for (const wrong of wrongs) problems.push(`call ${cut}, fate ${fate}: ${wrong}`);
      found++;
    }
  }
  expect(problems.slice(0, 20)).toEqual([]);
  tell(`${found} disks`);
});

const CONTROLS: readonly (readonly [string, Case, readonly Wrong[]])[] = [
  [
    'a disk that does not force files to it',
    { lies: { files: true } },
    ['a name of what is damaged', 'the newest is lost', 'nothing can be loaded', 'the best model is lost'],
  ],
  [
    'a disk that does not force names to it',
    { lies: { names: true } },
    ['the newest is lost', 'nothing can be loaded', 'the best model is lost'],
  ],
  [
    'a writer that writes the manifest first, in place',
    { writerOn: (on) => ({ save: (position, files) => saveInPlace(on, position, files) }) },
    ['a name of what is damaged'],
  ],
  [
    'a writer that removes the old one before the new one is there',
    { writerOn: (on) => ({ save: (position, files) => replaceOld(on, position, files) }) },
    ['nothing can be loaded'],
  ],
];

for (const [name, each, expected] of CONTROLS)
  test(`is told of ${name}`, async () => {
    const missing = new Set<Wrong>(expected);
    let found = 0;
    for await (const { cut, disk, progress } of cuts(each)) {
      for (let fate = 0; fate < FATES && missing.size > 0; fate++) {
        for (const wrong of await wrongsOf(disk.afterPowerLoss(randomOf(cut, fate)), progress))
          missing.delete(wrong);
        found++;
      }
      if (missing.size === 0) break;
    }
    expect([...missing]).toEqual([]);
    tell(`after ${found} disks`);
  });

async function saveInPlace(on: Disk, position: Position, files: SavedFiles): Promise<string> {
  const path = pathOf(position);
  await on.makeDirectory(path);
  await writeList(on, path, position, files);
  for (const { name, pieces } of files.files) await writeFile(on, join(path, name), pieces);
  await on.sync(path);
  await settle(on, path);
  return path;
}

async function replaceOld(on: Disk, position: Position, files: SavedFiles): Promise<string> {
  const [path, beside] = [pathOf(position), join(DIRECTORY, 'tmp-1')];
  await on.makeDirectory(beside);
  for (const { name, pieces } of files.files) await writeFile(on, join(beside, name), pieces);
  await writeList(on, beside, position, files);
  await on.sync(beside);
  for (const name of await on.list(DIRECTORY))
    if (name.startsWith('epoch-')) await removeTree(on, join(DIRECTORY, name));
  await on.rename(beside, path);
  await settle(on, path);
  return path;
}

async function writeList(on: Disk, path: string, position: Position, { files }: SavedFiles): Promise<void> {
  const entries = files.map(({ name, bytes, pieces }) => {
    const sha256 = createHash('sha256')
      .update(Buffer.concat([...pieces]))
      .digest('hex');
    return [name, { size: bytes, sha256 }];
  });
  const described = { ...NOTE, ...position, id: path, previous: null, savedAt: '' };
  await writeManifest(on, path, described, Object.fromEntries(entries));
}

/** Forces the names above a checkpoint to the disk, and lets `last` show to it. */
async function settle(on: Disk, path: string): Promise<void> {
  for (const above of [DIRECTORY, '/run', '/']) await on.sync(above);
  await pointTo(on, join(DIRECTORY, 'last'), basename(path));
}

function pathOf({ epoch }: Position): string {
  return join(DIRECTORY, `epoch-0000000${epoch}`);
}

async function endsWithCut(run: () => Promise<void>): Promise<boolean> {
  try {
    await run();
    return false;
  } catch (error) {
    if (error instanceof PowerCut) return true;
    throw error;
  }
}
