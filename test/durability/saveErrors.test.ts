/** Runs whose disk becomes full. */
import { appendFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test as plain } from '@jest/globals';
import { foundIn } from '../../lib/learning/checkpoint.ts';
import { CheckpointSaveError } from '../../lib/learning/damaged.ts';
import { disk } from '../../lib/learning/disk.ts';
import { type SaveErrors, StepTrainingHook, type TrainerContext } from '../../lib/learning/index.ts';
import { readCheckpoint } from '../../lib/learning/readCheckpoint.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { newDirectory, toyLearner, toyModel } from '../learning/toy.ts';
import { mountTmpfs, unmount } from '../support/tmpfs.ts';
import { repeatable } from './effort.ts';

const EPOCHS = 8;

const path = mountTmpfs(256);
const why = path === undefined ? ' (skipped: this user may not mount a tmpfs)' : '';
const test = repeatable(import.meta.url, path === undefined ? plain.skip : plain);
const directory = path as string;

beforeAll(() => setNumThreads(1));
afterAll(() => {
  if (path !== undefined) unmount(path);
});

/** Leaves no room from the end of an epoch to that of another one. */
class Filling extends StepTrainingHook {
  readonly from: number;
  readonly to: number;
  constructor(from: number, to: number) {
    super();
    this.from = from;
    this.to = to;
  }

  override async after({ state, checkpoints }: TrainerContext): Promise<void> {
    // What is being saved is saved as the disk was when it began.
    if (state.steps % 2 === 1) await checkpoints.settle().catch(() => {});
    if (state.steps === 2 * this.from - 1) fill();
    if (state.steps === 2 * this.to - 1) makeRoom();
  }
}

function fill(): void {
  for (let size = 65_536; size >= 1; size >>= 1) {
    try {
      for (;;) appendFileSync(join(directory, 'ballast'), Buffer.alloc(size));
    } catch {
      // Less than that is left.
    }
  }
}

function makeRoom(): void {
  rmSync(join(directory, 'ballast'), { force: true });
}

async function run(saveErrors: SaveErrors, filling: Filling) {
  const warnings: string[] = [];
  const learner = toyLearner({
    maxEpochs: EPOCHS,
    saveErrors,
    tensorboard: false,
    hooks: [filling],
    model: toyModel(),
  });
  const outcome = await learner
    .run({
      path: directory,
      progress: (event) => {
        if (event.type === 'warning') warnings.push(event.message);
      },
    })
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  return { learner, outcome, warnings: warnings.filter((each) => each.startsWith('Could not save')) };
}

/** The epochs of the checkpoints, which all are whole. */
async function saved(): Promise<number[]> {
  const checkpoints = join(directory, 'checkpoints');
  const found = await foundIn(disk, checkpoints);
  for (const { name } of found) await readCheckpoint(join(checkpoints, name));
  expect(readdirSync(checkpoints).filter((name) => /^(tmp|trash)-/.test(name))).toEqual([]);
  return found.map(({ epoch }) => epoch);
}

function empty(): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
}

const weights = ({ model }: { readonly model: unknown }) =>
  (model as ReturnType<typeof toyModel>).weight.tolist();

async function undisturbed(): Promise<unknown> {
  const learner = toyLearner({ maxEpochs: EPOCHS });
  await learner.run({ path: newDirectory(), progress: false });
  return weights(learner);
}

test(`continue: a warning, and the next save that finds room${why}`, async () => {
  const { learner, outcome, warnings } = await run('continue', new Filling(4, 6));
  expect(outcome).toBeUndefined();
  expect(warnings).toHaveLength(2);
  for (const warning of warnings)
    expect(warning).toMatch(
      /^Could not save a checkpoint of \d+ bytes: .*: ENOSPC: no space left on device.*; \d+ bytes are free there$/,
    );
  expect(await saved()).toEqual([8, 7]);
  expect(weights(learner)).toEqual(await undisturbed());
  empty();
});

test(`continue: the last one must be saved${why}`, async () => {
  const { outcome, warnings } = await run('continue', new Filling(7, 99));
  expect(outcome).toBeInstanceOf(CheckpointSaveError);
  expect(outcome).toMatchObject({
    code: 'ENOSPC',
    bytes: expect.any(Number),
    path: expect.stringContaining(directory),
  });
  // The last epoch is tried once more at the end.
  expect(warnings).toHaveLength(3);
  expect(await saved()).toEqual([6, 5]);
  makeRoom();
  const again = await run('continue', new Filling(99, 99));
  expect([again.outcome, await saved()]).toEqual([undefined, [8, 7]]);
  expect(weights(again.learner)).toEqual(await undisturbed());
  empty();
});

test(`stop: the run fails, and goes on once there is room${why}`, async () => {
  const { outcome } = await run('stop', new Filling(4, 99));
  expect(outcome).toBeInstanceOf(CheckpointSaveError);
  expect(outcome).toMatchObject({ code: 'ENOSPC' });
  expect(await saved()).toEqual([3, 2]);
  makeRoom();
  const again = await run('stop', new Filling(99, 99));
  expect([again.outcome, await saved()]).toEqual([undefined, [8, 7]]);
  expect(weights(again.learner)).toEqual(await undisturbed());
  empty();
});
