import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { CheckpointStore } from '../../lib/learning/checkpoint.ts';
import {
  AdamW,
  getOptimizers,
  LinearWithWarmup,
  ModuleLoader,
  ParameterOptimizer,
  SGD,
} from '../../lib/learning/index.ts';
import { originOf } from '../../lib/learning/origin.ts';
import { Snapshot } from '../../lib/learning/snapshot.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { newDirectory, toyLearner, toyModel } from './toy.ts';

beforeAll(() => setNumThreads(1));

const QUIET = { progress: false } as const;
const tree = (path: string) => readdirSync(join(path, 'checkpoints')).sort();

describe('what is kept', () => {
  const save = async (directory: string, to: string) => {
    mkdirSync(join(directory, 'checkpoints'));
    const store = new CheckpointStore(join(directory, 'checkpoints'), { last: 1, every: 0 });
    for (const epoch of [1, 2])
      await store.publish(await saveEpoch(store, epoch), { epoch, steps: 2 * epoch }, to);
    return store;
  };
  const saveEpoch = (store: CheckpointStore, epoch: number) =>
    store.save({ epoch, steps: 2 * epoch }, Snapshot.take(toyModel(), { epoch }), {
      stepsInEpoch: null,
      origin: originOf('cpu'),
    });

  test('is linked to the same file where it can be, and outlives its checkpoint', async () => {
    const directory = newDirectory();
    const best = join(directory, 'best');
    const store = await save(directory, best);
    const file = join(best, 'model.safetensors');
    expect(statSync(file).ino).toBe(statSync(join(store.last, 'model.safetensors')).ino);
    expect(statSync(file).nlink).toBe(2);
    await saveEpoch(store, 3);
    expect(statSync(file).nlink).toBe(1);
    expect(readdirSync(directory).sort()).toEqual(['best', 'best.epoch-00000002', 'checkpoints']);
    const manifest = JSON.parse(readFileSync(join(best, 'manifest.json'), 'utf8'));
    expect([manifest.epoch, Object.keys(manifest.files)]).toEqual([2, ['model.safetensors']]);
  });

  const elsewhere = '/dev/shm';
  const isOther = existsSync(elsewhere) && statSync(elsewhere).dev !== statSync(tmpdir()).dev;
  (isOther ? test : test.skip)('is a copy on another file system', async () => {
    const other = mkdtempSync(join(elsewhere, 'xpmir-'));
    try {
      const directory = newDirectory();
      const store = await save(directory, join(other, 'best'));
      const [kept, last] = [join(other, 'best'), store.last].map((each) => join(each, 'model.safetensors'));
      expect(statSync(kept!).dev).not.toBe(statSync(last!).dev);
      expect(readFileSync(kept!)).toEqual(readFileSync(last!));
    } finally {
      rmSync(other, { recursive: true });
    }
  });
});

describe('(e) damaged checkpoints', () => {
  /** Checkpoints of the second and the third epoch. */
  async function twoCheckpoints(): Promise<string> {
    const path = newDirectory();
    await toyLearner({ maxEpochs: 3 }).run({ path, ...QUIET });
    return path;
  }
  const newest = (path: string, file: string) => join(path, 'checkpoints', 'epoch-00000003', file);
  const overwrite = (file: string, change: (content: Buffer) => Buffer | string) =>
    writeFileSync(file, change(readFileSync(file)));

  test.each<[string, (path: string) => void, string]>([
    [
      'one changed bit',
      (path) =>
        overwrite(newest(path, 'model.safetensors'), (content) => {
          content[content.length - 1]! ^= 1;
          return content;
        }),
      'the content of model.safetensors is not what was written',
    ],
    [
      'a truncated file',
      (path) => overwrite(newest(path, 'state.json'), (content) => content.subarray(0, 10)),
      'state.json has 10 bytes instead of',
    ],
    ['no JSON', (path) => overwrite(newest(path, 'manifest.json'), () => '{'), 'manifest.json is no JSON'],
    [
      'a list of something else',
      (path) =>
        overwrite(newest(path, 'manifest.json'), () => '{"version":2,"epoch":3,"steps":6,"files":{}}'),
      'manifest.json is not what was written',
    ],
  ])('%s: the one before is used, and nothing is deleted', async (_, damage, why) => {
    const path = await twoCheckpoints();
    damage(path);
    const size = statSync(newest(path, 'model.safetensors')).size;
    const warnings: string[] = [];
    const steps: number[] = [];
    const learner = toyLearner({ maxEpochs: 3 });
    await learner.run({
      path,
      progress: (event) => {
        if (event.type === 'warning') warnings.push(event.message);
        if (event.type === 'step') steps.push(event.state.steps);
      },
    });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(why);
    expect(warnings[0]).toContain('it is now');
    // The third epoch was trained again.
    expect(steps).toEqual([5, 6]);
    expect(tree(path)).toEqual(['epoch-00000002', 'epoch-00000003', 'epoch-00000003.damaged', 'last']);
    expect(statSync(join(path, 'checkpoints', 'epoch-00000003.damaged', 'model.safetensors')).size).toBe(
      size,
    );
    const whole = toyLearner({ maxEpochs: 3 });
    await whole.run(QUIET);
    expect((learner.model as Linear).weight.tolist()).toEqual((whole.model as Linear).weight.tolist());
  });

  test('when none is left, training begins at the beginning', async () => {
    const path = newDirectory();
    await toyLearner({ maxEpochs: 1 }).run({ path, ...QUIET });
    for (let i = 0; i < 2; i++) {
      writeFileSync(join(path, 'checkpoints', 'epoch-00000001', 'manifest.json'), '');
      const steps: number[] = [];
      await toyLearner({ maxEpochs: 1 }).run({
        path,
        progress: (event) => {
          if (event.type === 'step') steps.push(event.state.steps);
        },
      });
      expect(steps).toEqual([1, 2]);
    }
    expect(tree(path)).toEqual([
      'epoch-00000001',
      'epoch-00000001.damaged',
      'epoch-00000001.damaged-2',
      'last',
    ]);
  });

  test('a whole checkpoint of another run is refused: nothing is loaded, renamed or written', async () => {
    const path = newDirectory();
    await toyLearner().run({ path, ...QUIET });
    const model = new Linear(2, 1);
    const weights = model.weight.tolist();
    const other = toyLearner({ model, maxEpochs: 5 });
    await expect(other.run({ path, ...QUIET })).rejects.toThrow(
      /^learner: expected a directory of its own, but .*epoch-00000003 is of another run: .*; choose another path, or remove it$/,
    );
    expect(model.weight.tolist()).toEqual(weights);
    expect(tree(path)).toEqual(['epoch-00000002', 'epoch-00000003', 'last']);
    // Of the same parameters, but the optimizer is another one.
    const optimizers = [
      new ParameterOptimizer({
        optimizer: new SGD(),
        scheduler: new LinearWithWarmup({ numWarmupSteps: 1 }),
      }),
    ];
    const rescheduled = toyLearner({ optimizers, maxEpochs: 5 });
    await expect(rescheduled.run({ path, ...QUIET })).rejects.toThrow('Expected a state for schedulers[0]');
    expect((rescheduled.model as Linear).weight.tolist()).toEqual([[1, 2]]);
    const moved = toyLearner({ optimizers: getOptimizers(new AdamW()), maxEpochs: 5 });
    await expect(moved.run({ path, ...QUIET })).rejects.toThrow(
      'Expected the state of AdamW for optimizers[0] but received "SGD"',
    );
  });

  test('what a process that died was writing or removing is removed', async () => {
    const path = newDirectory();
    const directory = join(path, 'checkpoints');
    for (const name of ['tmp-1-ab', 'trash-1-cd']) mkdirSync(join(directory, name), { recursive: true });
    writeFileSync(join(directory, 'trash-1-cd', 'model.safetensors'), 'half');
    await toyLearner({ maxEpochs: 1 }).run({ path, ...QUIET });
    expect(tree(path)).toEqual(['epoch-00000001', 'last']);
  });

  test('a checkpoint of another version of the format is refused by its number', async () => {
    const path = newDirectory();
    await toyLearner().run({ path, ...QUIET });
    overwrite(newest(path, 'manifest.json'), (content) => {
      const open = content
        .toString()
        .replace('"version": 2', '"version": 3')
        .replace(/"[0-9a-f]{64}"\n\}\n$/, '""\n}\n');
      const seal = createHash('sha256').update(open).digest('hex');
      return open.replace(/""\n\}\n$/, `"${seal}"\n}\n`);
    });
    await expect(toyLearner().run({ path, ...QUIET })).rejects.toThrow(
      /expected a checkpoint of version 2, received version 3; update xpmir/,
    );
    expect(tree(path)).toEqual(['epoch-00000002', 'epoch-00000003', 'last']);
  });

  test('the model of one can be loaded alone', async () => {
    const path = newDirectory();
    const { model } = toyLearner();
    await toyLearner({ model }).run({ path, ...QUIET });
    const copy = toyModel();
    await new ModuleLoader({ value: copy, path: join(path, 'checkpoints', 'last') }).load();
    expect(copy.weight.tolist()).toEqual((model as Linear).weight.tolist());
  });
});
