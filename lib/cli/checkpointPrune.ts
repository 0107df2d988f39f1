/** Removing checkpoints of a run that no process goes on with. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { JobFiles } from '../experiment/jobFiles.ts';
import type { ProcessRecord } from '../experiment/processes.ts';
import { type Found, foundIn, type Kept, outdated } from '../learning/checkpoint.ts';
import { discard, disk, pointTo } from '../learning/disk.ts';
import { runningIn } from '../learning/runLock.ts';
import { lastIn, wholeness } from './checkpointList.ts';
import type { Checkpoints } from './checkpointPlace.ts';

export interface PruneOptions {
  /** Or else only says what would go. */
  readonly really: boolean;
  readonly tell: (line: string) => void;
}

/**
 * Keeps the newest that are whole, and those of the epochs that stay, and removes what is older. Damaged ones that are
 * newer stay, as they do not count, for a run to set aside.
 *
 * @throws Error while a process trains in the directory
 */
export async function prune(
  { directory, run }: Checkpoints,
  kept: Kept,
  { really, tell }: PruneOptions,
): Promise<void> {
  refuseWhileRunning(run);
  const found = await foundIn(disk, directory);
  const newest: Found[] = [];
  let looked = 0;
  for (; looked < found.length && newest.length < kept.last; looked++) {
    const each = found[looked] as Found;
    const state = await wholeness(join(directory, each.name));
    if (state === undefined) continue;
    if ('reason' in state) tell(`${state.state}, stays: ${each.name}: ${state.reason}`);
    else newest.push(each);
  }
  const [first] = newest;
  if (first === undefined) return;
  const going = outdated([...newest, ...found.slice(looked)], kept);
  if (really && going.some(({ name }) => name === lastIn(directory)))
    await pointTo(disk, join(directory, 'last'), first.name);
  for (const { name } of going) {
    if (really) {
      refuseWhileRunning(run);
      await discard(disk, directory, [name]);
    }
    tell(`${really ? 'removed' : 'would remove'} ${name}`);
  }
}

function refuseWhileRunning(run: string): void {
  const owner = ownerOf(run);
  if (owner === undefined) return;
  throw new Error(
    `Expected a directory that no run uses but process ${owner.pid} of ${owner.host} trains in ${run}: wait for its end, or end it`,
  );
}

/** The process of a run in place, or of the job in whose directory the run is. */
function ownerOf(run: string): ProcessRecord | undefined {
  const inPlace = runningIn(run);
  if (inPlace !== undefined) return inPlace;
  for (let at = run; at !== dirname(at); at = dirname(at)) {
    const job = new JobFiles(at);
    if (existsSync(job.params)) return job.owner();
  }
  return undefined;
}
