import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { readProgress, showProgress } from '../../lib/experiment/jobProgress.ts';
import { getOptimizers, Learner, Random, SGD, TensorboardService } from '../../lib/learning/index.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { begin, newPlace } from '../experiment/support.ts';
import { tensorboardEvents } from '../support/eventFiles.ts';
import { hasTensorboard, runPython, whyWithout } from '../support/tensorboard.ts';
import { Line, LineTrainer, Numbers } from './tasks.ts';

beforeAll(() => setNumThreads(1));

const learner = (lr: number) =>
  new Learner({
    random: new Random({ seed: 3 }),
    model: new Line(),
    trainer: new LineTrainer({ sampler: new Numbers({ count: 8 }), batchSize: 2 }),
    optimizers: getOptimizers(new SGD({ lr })),
    listeners: [],
    maxEpochs: 2,
    stepsPerEpoch: 2,
  });

const LIST = `
import json, sys
from tensorboard.backend.event_processing.io_wrapper import GetLogdirSubdirectories
print(json.dumps(sorted(GetLogdirSubdirectories(sys.argv[1]))))
`;

const name = 'a grid is one directory of links, by tags, to what the jobs write';

test(`${name}; TensorBoard follows them${whyWithout}`, async () => {
  const place = newPlace();
  const xp = begin(place);
  const tensorboard = new TensorboardService(xp);
  const tasks = [0.1, 0.2].map((lr) => learner(lr));
  for (const [i, task] of tasks.entries()) {
    task.submit({ tags: { lr: (i + 1) / 10, model: 'a/b' } });
    tensorboard.add(task, task.logpath);
    tensorboard.add(task, task.logpath);
  }
  await xp.wait();
  const names = ['lr=0.1_model=a-b', 'lr=0.2_model=a-b'];
  expect(tensorboard.directory).toBe(join(place.workspace, 'experiments', 'test', 'runs'));
  expect(readdirSync(tensorboard.directory).sort()).toEqual(names);
  const links = names.map((each) => join(tensorboard.directory, each));
  for (const [i, link] of links.entries()) {
    expect(realpathSync(link)).toBe(realpathSync(tasks[i]!.logpath));
    const steps = tensorboardEvents(link).flatMap(({ step, summary }) =>
      summary?.value[0]?.tag === 'train/mse' ? [step] : [],
    );
    expect(steps).toEqual(['2', '4']);
  }
  if (hasTensorboard) expect(runPython(LIST, tensorboard.directory)).toEqual(links);
  // What the jobs said of themselves, last.
  const { progress } = xp.jobOf(tasks[0]!).files;
  expect(showProgress(readProgress(progress))).toBe('100% epoch 2/2, 100% step 2/2');

  const untagged = learner(0.3);
  untagged.submit();
  expect(() => tensorboard.add(untagged, untagged.logpath)).toThrow(
    'xpmir.learning.learner.learner: expected tags, which name it in TensorBoard: submit({ tags: { lr: 0.1 } })',
  );
  const same = learner(0.4);
  same.submit({ tags: { lr: 0.1, model: 'a/b' } });
  expect(() => tensorboard.add(same, same.logpath)).toThrow(
    'expected tags that no other task has here, received lr=0.1_model=a-b',
  );
  const never = learner(0.5);
  expect(() => tensorboard.add(never, 'runs')).toThrow('was not submitted to experiment test');
  await xp.wait();

  const dry = begin(newPlace(), { mode: 'dryRun' });
  const pretended = learner(0.1);
  pretended.submit({ tags: { lr: 0.1 } });
  const service = new TensorboardService(dry);
  service.add(pretended, pretended.logpath);
  expect(existsSync(service.directory)).toBe(false);
}, 60_000);
