/** What a run makes of a directory that is not as it left it, and what it refuses before it trains. */
import { cpSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  type Learner,
  ModuleLoader,
  StepTrainingHook,
  TrainerValidationLoss,
} from '../../lib/learning/index.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { newDirectory, ToyTrainer, toyLearner, toyModel, toySampler } from './toy.ts';

beforeAll(() => setNumThreads(1));

const name = (epoch: number) => `epoch-${String(epoch).padStart(8, '0')}`;

async function run(path: string, learner: Learner) {
  const warnings: string[] = [];
  const output = await learner.run({
    path,
    progress: (event) => {
      if (event.type === 'warning') warnings.push(event.message);
    },
  });
  return { output, warnings, weights: learner.model.parameters().map((each) => each.tolist()) };
}

const made = async (values: Parameters<typeof toyLearner>[0] = {}) => {
  const path = newDirectory();
  const ran = await run(path, toyLearner({ keepCheckpoints: 9, ...values }));
  return { path, directory: join(path, 'checkpoints'), ...ran };
};

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
}

describe('the link to the newest checkpoint', () => {
  test('is mended by a run that has nothing left to do', async () => {
    const { path, directory, weights } = await made();
    for (const link of [name(2), 'nothing', undefined]) {
      rmSync(join(directory, 'last'), { force: true });
      if (link !== undefined) symlinkSync(link, join(directory, 'last'));
      const again = await run(path, toyLearner());
      expect(readlinkSync(join(directory, 'last'))).toBe(name(3));
      expect(again.weights).toEqual(weights);
    }
  });

  test('shows to what a shorter run ends with', async () => {
    const { path, directory } = await made();
    const model = toyModel();
    const shorter = await run(path, toyLearner({ maxEpochs: 2, model }));
    expect(readlinkSync(join(directory, 'last'))).toBe(name(2));
    await (shorter.output.learnedModel as ModuleLoader).load();
    expect(model.weight.tolist()).toEqual(shorter.weights[0]);
  });
});

describe('a checkpoint that is not what was written', () => {
  test('is not loaded by a loader, and the model stays as it is', async () => {
    const { directory } = await made();
    flip(join(directory, name(3), 'model.safetensors'));
    const value = toyModel();
    const before = value.weight.tolist();
    for (const path of [join(directory, 'last'), join(directory, name(3), 'model.safetensors')])
      await expect(new ModuleLoader({ value, path }).load()).rejects.toThrow(
        /expected a checkpoint that is whole, but .* is damaged: the content of model.safetensors/,
      );
    expect(value.weight.tolist()).toEqual(before);
    await new ModuleLoader({ value, path: join(directory, name(2)) }).load();
  });

  test('under the name of another one is put aside', async () => {
    const { path, directory } = await made();
    cpSync(join(directory, name(1)), join(directory, name(3)), { recursive: true, force: true });
    rmSync(join(directory, name(3)), { recursive: true });
    renameSync(join(directory, name(1)), join(directory, name(3)));
    const { warnings } = await run(path, toyLearner());
    expect(warnings.join()).toMatch(
      /epoch-00000003 is damaged: it is of epoch 1 and step 2, not what its name says/,
    );
    expect(readlinkSync(join(directory, 'last'))).toBe(name(3));
  });

  test('where none is whole, it is said that the run begins anew', async () => {
    const { path, directory } = await made({ maxEpochs: 1 });
    flip(join(directory, name(1), 'model.safetensors'));
    const { warnings } = await run(path, toyLearner({ maxEpochs: 1 }));
    expect(warnings.at(-1)).toMatch(/no checkpoint in .* is whole: the run begins from the start/);
  });
});

test('other settings than before are told', async () => {
  const { path } = await made();
  const { warnings } = await run(
    path,
    toyLearner({ stepsPerEpoch: 3, accumulateGradBatches: 2, maxEpochs: 4 }),
  );
  expect(warnings.join()).toMatch(/made with stepsPerEpoch 2, not 3, with accumulateGradBatches 1, not 2/);
});

describe('before anything is trained', () => {
  test('a state that cannot be written is refused', async () => {
    class Mapping extends StepTrainingHook {
      trained = 0;
      override after(): void {
        this.trained++;
      }
      override stateDict = () => ({ seen: new Map() });
    }
    const hook = new Mapping();
    const running = toyLearner({ hooks: [hook] }).run({ path: newDirectory(), progress: false });
    await expect(running).rejects.toThrow(/state of hooks.*seen: expected plain data or tensors/);
    expect(hook.trained).toBe(0);
  });

  test('a trainer whose state forgets where the data is', async () => {
    class Forgetful extends ToyTrainer {
      override stateDict = () => ({ count: 1 }) as never;
    }
    await expect(
      toyLearner({ trainer: new Forgetful() }).run({ path: newDirectory(), progress: false }),
    ).rejects.toThrow(
      /Expected what super.stateDict\(\) has, sampler and batcher, for .*stateDict\(\) but received/,
    );
  });
});

test('what a listener writes follows saveErrors', async () => {
  const listener = () =>
    new TrainerValidationLoss({ id: 'val', data: toySampler(), batchSize: 3, trainer: new ToyTrainer() });
  for (const saveErrors of ['continue', 'stop'] as const) {
    const path = newDirectory();
    const learner = toyLearner({ listeners: [listener()], saveErrors });
    const info = '/proc/nothing/info.json';
    Object.defineProperty(learner.listeners[0], 'info', { value: info });
    const running = run(path, learner);
    if (saveErrors === 'stop')
      await expect(running).rejects.toMatchObject({
        name: 'CheckpointSaveError',
        path: info,
      });
    else
      expect((await running).warnings.join()).toMatch(
        /Could not write a file of \d+ bytes: .*info\.json: ENOENT/,
      );
  }
});

test('a directory that cannot be written to is named', async () => {
  const path = join(newDirectory(), 'file');
  writeFileSync(path, '');
  await expect(toyLearner().run({ path, progress: false })).rejects.toMatchObject({
    code: 'ERR_FILE',
    message: expect.stringMatching(
      /expected a directory that can be written to for path, but .*file cannot: ENOTDIR/,
    ),
  });
});
