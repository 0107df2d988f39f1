/**
 * Saves what it makes up as often as it can, in several directories at once, until it is killed:
 * `killedStore.ts <parent> <store | in place>`.
 */
import { mkdirSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointStore, foundIn } from '../../lib/learning/checkpoint.ts';
import { disk } from '../../lib/learning/disk.ts';
import { type FileEntry, writeFile, writeManifest } from '../../lib/learning/manifest.ts';
import { NOTE, payloadOf, STORES } from './killedPayload.ts';

const [parent, way] = process.argv.slice(2) as [string, string];
const directories = Array.from({ length: STORES }, (_, i) => join(parent, `${i}`));

const stores = await Promise.all(
  directories.map(async (directory) => {
    mkdirSync(directory, { recursive: true });
    const store = new CheckpointStore(directory, { last: 2, every: 0 });
    await store.begin();
    return { store, directory };
  }),
);
// What is left, then each save, on a line.
writeSync(1, `${JSON.stringify(directories.flatMap((directory) => readdirSync(directory)))}\n`);

await Promise.all(
  stores.map(async ({ store, directory }, i) => {
    const [newest] = await foundIn(disk, directory);
    for (let steps = 1 + (newest?.steps ?? 0); ; steps++) {
      if (way === 'in place') await saveInPlace(directory, steps);
      else await store.save({ epoch: 1, steps, unfinished: true }, payloadOf(steps), NOTE);
      writeSync(1, `${JSON.stringify([i, steps])}\n`);
    }
  }),
);

/** Without another name first: what a save that is not finished leaves looks as one that is. */
async function saveInPlace(directory: string, steps: number): Promise<void> {
  const nameOf = (of: number) => join(directory, `epoch-00000001-step-${String(of).padStart(8, '0')}`);
  const path = nameOf(steps);
  mkdirSync(path);
  const entries: Record<string, FileEntry> = {};
  for (const { name, pieces } of payloadOf(steps).files)
    entries[name] = await writeFile(disk, join(path, name), pieces);
  const described = { id: `${steps}`, previous: null, savedAt: '', epoch: 1, steps, ...NOTE };
  await writeManifest(disk, path, described, entries);
  rmSync(nameOf(steps - 2), { recursive: true, force: true });
}
