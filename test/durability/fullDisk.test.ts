/** Real disks that become full: what was saved stays, and once there is room, the next save goes on. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test as plain } from '@jest/globals';
import { CheckpointStore, type SavedFiles } from '../../lib/learning/checkpoint.ts';
import { CheckpointSaveError } from '../../lib/learning/damaged.ts';
import { disk } from '../../lib/learning/disk.ts';
import { readCheckpoint } from '../../lib/learning/readCheckpoint.ts';
import { tidy } from '../../lib/torch/scope.ts';
import { mountTmpfs, unmount } from '../support/tmpfs.ts';
import { changed, contentsOf, filesOf, NOTE, snapshotOf } from './checkpoints.ts';
import { full, randomOf, repeatable, tell } from './effort.ts';

const MEGABYTES = [1, 2, 4, 8];
const ROUNDS = full ? 100 : 5; // on each

const mounted: string[] = [];

function mount(megabytes: number): string | undefined {
  const path = mountTmpfs(1024 * megabytes);
  if (path !== undefined) mounted.push(path);
  return path;
}

afterAll(() => {
  for (const path of mounted.splice(0)) unmount(path);
});

const probe = mount(1);
const why = probe === undefined ? ' (skipped: this user may not mount a tmpfs)' : '';
const test = repeatable(import.meta.url, probe === undefined ? plain.skip : plain);

for (const megabytes of MEGABYTES)
  test(`a full disk of ${megabytes} MB takes nothing away${why}`, async () => {
    const path = mount(megabytes) as string;
    let saves = 0;
    for (let round = 0; round < ROUNDS; round++) {
      saves += await fill(path, megabytes, round);
      for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true });
    }
    tell(`${ROUNDS} rounds, ${saves} saves`);
  });

/** Saves until the disk is full, makes room, and goes on. @returns how many saves there were */
async function fill(path: string, megabytes: number, round: number): Promise<number> {
  const random = randomOf(megabytes, round);
  const directory = join(path, 'checkpoints');
  mkdirSync(directory);
  const snapshot = snapshotOf(1, 500 + random.below(1000 * megabytes));
  // The disk is full in another place each time.
  writeFileSync(join(path, 'others'), Buffer.alloc(snapshot.bytes + 2 ** 16 + random.below(2 ** 16)));
  const store = new CheckpointStore(directory, { last: 1000, every: 0 });
  const save = (epoch: number) => store.save({ epoch, steps: epoch }, snapshot, NOTE);

  let saved = 0;
  const saveUntilItFails = async (): Promise<never> => {
    for (; ; saved++) await save(saved + 1);
  };
  const failure = await saveUntilItFails().catch((error: unknown) => error);
  expect(saved).toBeGreaterThan(0);
  expect(failure).toBeInstanceOf(CheckpointSaveError);
  expect(failure).toMatchObject({ code: 'ENOSPC', bytes: snapshot.bytes });
  expect(`${failure}`).toMatch(/: ENOSPC: .*; \d+ bytes are free there$/);
  await expectWhole(store, directory, snapshot, saved);

  rmSync(join(path, 'others'));
  await save(saved + 1);
  await expectWhole(store, directory, snapshot, saved + 1);
  snapshot.dispose();
  return saved + 1;
}

/** The checkpoints are there, whole, and nothing else is. */
async function expectWhole(store: CheckpointStore, directory: string, snapshot: SavedFiles, count: number) {
  const { contents } = filesOf(snapshot);
  const { usable } = await store.list();
  expect(usable).toHaveLength(count);
  for (const path of usable) {
    expect(changed(contents, await contentsOf(disk, path))).toEqual([]);
    await tidy(() => readCheckpoint(path));
  }
  expect(readdirSync(directory).filter((name) => !name.startsWith('epoch-'))).toEqual(['last']);
}
