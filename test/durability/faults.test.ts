/** Every call of a save, of a publication and of a read fails, in every way: what was there stays as it was. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { codeOf } from '../../lib/experiment/files.ts';
import { CheckpointStore } from '../../lib/learning/checkpoint.ts';
import { CheckpointSaveError, DamagedError } from '../../lib/learning/damaged.ts';
import { type Disk, type DiskFile, disk } from '../../lib/learning/disk.ts';
import { checkManifest } from '../../lib/learning/manifest.ts';
import { readCheckpoint } from '../../lib/learning/readCheckpoint.ts';
import { tidy } from '../../lib/torch/scope.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import {
  type Contents,
  changed,
  contentsOf,
  filesOf,
  NOTE,
  snapshotOf,
  unfinishedIn,
  without,
} from './checkpoints.ts';
import { full, randomOf, repeatable, tell } from './effort.ts';
import { type Fault, FaultyDisk, type Manner } from './faultyDisk.ts';
import { MemoryDisk } from './memoryDisk.ts';

const test = repeatable(import.meta.url);

const CODES = ['ENOSPC', 'EIO', 'EDQUOT', 'EMFILE', 'EACCES', 'EROFS'];
const MANNERS: readonly Manner[] = ['once', 'from then on', 'once, though it was done'];
const FILES = [1, 2, 3, 4].map((epoch) => filesOf(snapshotOf(epoch)));
const positionAt = (epoch: number) => ({ epoch, steps: 10 * epoch });
const filesAt = (epoch: number) => FILES[epoch - 1] as (typeof FILES)[number];

/** A disk with a run on it: two checkpoints, and the model of the first as the best one. */
interface Run {
  readonly on: FaultyDisk;
  readonly path: string;
  readonly directory: string;
  readonly store: CheckpointStore;
  readonly warnings: string[];
}

function runOn(inner: Disk, path: string): Run {
  const on = new FaultyDisk(inner);
  const directory = join(path, 'checkpoints');
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const store = new CheckpointStore(directory, { last: 2, every: 0 }, { on, warn });
  return { on, path, directory, store, warnings };
}

const checkpointOf = ({ directory }: Run, epoch: number) => join(directory, `epoch-0000000${epoch}`);
const bestOf = ({ path }: Run) => join(path, 'best');

async function begin(run: Run): Promise<void> {
  await run.on.makeDirectory(run.path);
  await run.on.makeDirectory(run.directory);
  for (const epoch of [1, 2]) await run.store.save(positionAt(epoch), filesAt(epoch), NOTE);
  await run.store.publish(checkpointOf(run, 1), positionAt(1), bestOf(run));
}

/** Disks that are alike, of one kind. */
type Kind = () => Promise<{ readonly fresh: () => Run; readonly end: (run: Run) => void }>;

const KINDS: Readonly<Record<string, Kind>> = {
  async 'in memory'() {
    const template = new MemoryDisk();
    await begin(runOn(template, '/run'));
    return { fresh: () => runOn(template.afterPowerLoss(randomOf(0)), '/run'), end: () => {} };
  },
  async 'of the system'() {
    const base = temporaryDirectory();
    const template = join(base, 'template');
    await begin(runOn(disk, template));
    let count = 0;
    const fresh = () => {
      const path = join(base, `${++count}`);
      cpSync(template, path, { recursive: true, verbatimSymlinks: true });
      return runOn(disk, path);
    };
    return { fresh, end: ({ path }) => rmSync(path, { recursive: true }) };
  },
};

interface Action {
  run(run: Run): Promise<unknown>;
  /** What is wrong behind it. @param error what it threw; undefined if it did not */
  wrongs(run: Run, before: Contents, fault: Fault, error: unknown): Promise<string[]>;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  save: {
    run: (run) => run.store.save(positionAt(3), filesAt(3), NOTE),
    async wrongs(run, before, { code, manner }, error) {
      const wrongs: string[] = [];
      const names = await run.on.list(run.directory);
      if (error === undefined) {
        if (!names.includes('epoch-00000003')) wrongs.push('said that it saved, and did not');
        const isDone = !names.includes('epoch-00000001') && (await unfinished(run)).length === 0;
        if (!isDone && run.warnings.length === 0) wrongs.push('did not tell that something old is left');
        return [...wrongs, ...(await lost(run, without(before, 'checkpoints/epoch-00000001/')))];
      }
      if (!(error instanceof CheckpointSaveError)) return [`${error}`];
      if (error.code !== code && manner !== 'once, though it was done') wrongs.push(`code ${error.code}`);
      if (!error.path.startsWith(run.directory) || !error.message.includes(error.path))
        wrongs.push(`path ${error.path}`);
      if (error.bytes !== filesAt(3).bytes) wrongs.push(`bytes ${error.bytes}`);
      return [...wrongs, ...(await lost(run, before))];
    },
  },
  publication: {
    run: (run) => run.store.publish(checkpointOf(run, 2), positionAt(2), bestOf(run)),
    async wrongs(run, before, { code, manner }, error) {
      const { epoch } = await checkManifest(run.on, bestOf(run));
      const wrongs = await lost(run, without(before, 'best.'));
      if (error === undefined)
        return epoch === 2 ? wrongs : [...wrongs, 'said that it published, and did not'];
      if (!(error instanceof CheckpointSaveError)) return [...wrongs, `${error}`];
      if (error.code !== code && manner !== 'once, though it was done') wrongs.push(`code ${error.code}`);
      if (error.path !== bestOf(run)) wrongs.push(`path ${error.path}`);
      return wrongs;
    },
  },
  read: {
    run: (run) => tidy(async () => void (await readCheckpoint(checkpointOf(run, 2), run.on))),
    async wrongs(run, before, { code }, error) {
      const wrongs = await lost(run, before);
      if (error === undefined) wrongs.push('read what could not be read');
      // Nobody may put aside what a moment later can be read.
      if (error instanceof DamagedError) wrongs.push('takes a failing call for damage');
      if (codeOf(error) !== code) wrongs.push(`code ${codeOf(error)}`);
      return wrongs;
    },
  },
};

async function unfinished(run: Run): Promise<string[]> {
  return [...(await unfinishedIn(run.on, run.path)), ...(await unfinishedIn(run.on, run.directory))];
}

async function lost(run: Run, before: Contents): Promise<string[]> {
  return changed(before, await contentsOf(run.on, run.path)).map((path) => `${path} is not as it was`);
}

/** Whatever a disk lists is whole. */
async function damaged(run: Run): Promise<string[]> {
  const paths = (await run.store.list()).usable;
  const checks = [...paths, bestOf(run)].map((path) => checkManifest(run.on, path));
  return (await Promise.allSettled(checks)).flatMap((check) =>
    check.status === 'rejected' ? [`${check.reason}`] : [],
  );
}

/** The disk works again: so does the run, which leaves nothing behind. */
async function goOn(run: Run): Promise<string[]> {
  const path = await run.store.save(positionAt(4), filesAt(4), NOTE);
  await run.store.publish(path, positionAt(4), bestOf(run));
  const { state } = await tidy(() => readCheckpoint(path, run.on));
  const wrongs = (state as { epoch: number }).epoch === 4 ? [] : ['did not save'];
  const names = [...(await run.on.list(run.path)), ...(await run.on.list(run.directory))].sort();
  const count = names.filter((name) => name.startsWith('epoch-')).length;
  if (count !== 2) wrongs.push(`${count} checkpoints are left`);
  const others = names.filter((name) => !name.startsWith('epoch-'));
  const expected = ['best', 'best.epoch-00000004', 'checkpoints', 'last'];
  if (`${others}` !== `${expected}`) wrongs.push(`${others} are left`);
  return wrongs;
}

async function thrownBy(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error;
  }
}

async function wrongsOf(run: Run, action: Action, before: Contents, fault: Fault): Promise<string[]> {
  run.on.break(fault);
  const error = await thrownBy(() => action.run(run));
  run.on.mend();
  const wrongs = await action.wrongs(run, before, fault, error);
  wrongs.push(...(await damaged(run)), ...(await goOn(run)));
  if (run.on.openFiles !== 0) wrongs.push(`${run.on.openFiles} files stay open`);
  return wrongs;
}

for (const [kind, prepare] of Object.entries(KINDS))
  for (const [name, action] of Object.entries(ACTIONS))
    test(`a failing call in a ${name} on a disk ${kind} changes nothing that was there`, async () => {
      const { fresh, end } = await prepare();
      const tried = fresh();
      const before = without(await contentsOf(tried.on, tried.path), 'best/', 'checkpoints/last/');
      tried.on.mend();
      await action.run(tried);
      const { calls } = tried.on;
      const problems: string[] = [];
      let cases = 0;
      for (let at = 1; at <= calls; at++)
        for (const [code, manner] of faultsAt(at, kind)) {
          const run = fresh();
          const wrongs = await wrongsOf(run, action, before, { at, code, manner });
          for (const wrong of wrongs) problems.push(`call ${at}, ${code}, ${manner}: ${wrong}`);
          cases++;
          end(run);
        }
      expect(problems.slice(0, 20)).toEqual([]);
      tell(`${calls} calls, ${cases} faults`);
    });

/** A disk that once writes something else than it was given, and does not know. */
class CarelessDisk extends MemoryDisk {
  /** Which write. */
  wrongAt = Number.POSITIVE_INFINITY;
  writes = 0;

  override async create(path: string): Promise<DiskFile> {
    const file = await super.create(path);
    const write = (bytes: Uint8Array) => {
      const isWrong = ++this.writes === this.wrongAt;
      return file.write(isWrong ? bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) : bytes);
    };
    return { ...file, write };
  }
}

test('what the disk wrote otherwise never gets the name of a checkpoint', async () => {
  const problems: string[] = [];
  for (let at = 1, isHit = true; isHit; at++) {
    const careless = new CarelessDisk();
    const run = runOn(careless, '/run');
    await begin(run);
    const before = without(await contentsOf(run.on, run.path), 'best/', 'checkpoints/last/');
    careless.writes = 0;
    careless.wrongAt = at;
    const error = await thrownBy(() => run.store.save(positionAt(3), filesAt(3), NOTE));
    isHit = careless.writes >= at;
    const isTold = error instanceof CheckpointSaveError && error.code === 'ERR_FILE';
    if (isHit && !isTold) problems.push(`write ${at}: ${error}`);
    if (isHit && (await run.store.list()).usable.length !== 2) problems.push(`write ${at}: it has a name`);
    if (isHit) problems.push(...(await lost(run, before)), ...(await damaged(run)), ...(await goOn(run)));
  }
  expect(problems).toEqual([]);
});

/** All codes in all manners; on a real disk, where each takes its time, one of them at each call, in turn. */
function faultsAt(at: number, kind: string): (readonly [code: string, manner: Manner])[] {
  const all = CODES.flatMap((code) => MANNERS.map((manner) => [code, manner] as const));
  return full || kind === 'in memory' ? all : all.filter((_, i) => i === (7 * at) % all.length);
}
