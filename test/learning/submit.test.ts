/** The learner as a task: identities, outputs, jobs in other processes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { copy, identifier, setMeta } from '../../lib/experiment/index.ts';
import {
  AdamW,
  CudaDevice,
  Device,
  GradientClippingHook,
  getOptimizers,
  Learner,
  type LearnerOutput,
  type Module,
  Random,
  SGD,
  ValidationListener,
} from '../../lib/learning/index.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { begin, newPlace, until } from '../experiment/support.ts';
import { ByEpoch, Drawn, Line, LineTrainer, Numbers, Slow, Weigh } from './tasks.ts';
import { ToyTrainer, toyModel } from './toy.ts';

beforeAll(() => setNumThreads(1));

type Values = ConstructorParameters<typeof Learner>[0];

function learner(values: Partial<Values> = {}, id = 'val'): Learner {
  const model = (values.model ?? new Line()) as Line;
  const validation = () =>
    new ValidationListener({ id, evaluator: new ByEpoch({ model }), metrics: { early: true, late: true } });
  return new Learner({
    random: new Random({ seed: 3 }),
    model,
    trainer: new LineTrainer({ sampler: new Numbers({ count: 8 }), batchSize: 2 }),
    optimizers: getOptimizers(new SGD({ lr: 0.1 })),
    listeners: values.listeners ?? [validation()],
    maxEpochs: 3,
    stepsPerEpoch: 2,
    ...values,
  });
}

describe('(j) the identity of a learner', () => {
  const same = identifier(learner());

  test.each<[string, Learner]>([
    ['the id of a listener', learner({}, 'another')],
    ['the device', learner({ device: new CudaDevice({ gpuDeterm: true }) })],
    ['defaults that are given', learner({ device: new Device(), useFp16: false, hooks: [] })],
    [
      'defaults deep inside',
      learner({ optimizers: getOptimizers(new SGD({ lr: 0.1, weightDecay: 0, momentum: 0 })) }),
    ],
    ['the interval of checkpoints', learner({ checkpointInterval: 5 })],
    ['usePretasks', learner({ usePretasks: true })],
    ['a hook that is meta', learner({ hooks: [setMeta(new GradientClippingHook({ maxNorm: 1 }), true)] })],
    [
      'how batches are made ahead',
      learner({
        trainer: new LineTrainer({ sampler: new Numbers({ count: 8 }), batchSize: 2, prefetch: 3 }),
      }),
    ],
  ])('is not changed by %s', (_, other) => {
    expect(identifier(other)).toBe(same);
  });

  test.each<[string, Learner]>([
    ['maxEpochs', learner({ maxEpochs: 4 })],
    ['stepsPerEpoch', learner({ stepsPerEpoch: 3 })],
    ['useFp16', learner({ useFp16: true })],
    ['the seed', learner({ random: new Random({ seed: 4 }) })],
    ['a rate', learner({ optimizers: getOptimizers(new SGD({ lr: 0.2 })) })],
    ['another optimizer', learner({ optimizers: getOptimizers(new AdamW({ lr: 0.1 })) })],
    ['a hook', learner({ hooks: [new GradientClippingHook({ maxNorm: 1 })] })],
    ['no listener', learner({ listeners: [] })],
    ['another model', learner({ model: new Line({ from: 1 }) })],
  ])('is changed by %s', (_, other) => {
    expect(identifier(other)).not.toBe(same);
  });
});

const weights = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

describe('a submitted learner', () => {
  test('gives its outputs at once; their loaders load the model before another job runs', async () => {
    const place = newPlace();
    const xp = begin(place);
    const model = new Line();
    const task = learner({ model });
    const outputs = task.submit();
    const { directory } = xp.jobOf(task);
    expect(existsSync(join(directory, 'checkpoints'))).toBe(false);
    expect(Object.keys(outputs.listeners)).toEqual(['val']);
    const { early, late } = outputs.listeners.val!;
    expect([early!.path, late!.path, outputs.learnedModel.path]).toEqual([
      join(directory, 'out', 'listeners', '0', 'best', 'early'),
      join(directory, 'out', 'listeners', '0', 'best', 'late'),
      join(directory, 'checkpoints', 'last'),
    ]);
    expect(new Set([early, late, outputs.learnedModel].map((each) => identifier(each!))).size).toBe(3);

    const jobs = [early, late, outputs.learnedModel].map((loader) => {
      const weigh = new Weigh({ model });
      weigh.submit({ initTasks: [loader!] });
      return weigh;
    });
    const fresh = new Weigh({ model });
    fresh.submit();
    await xp.wait();
    const results = jobs.map(({ result }) => weights(result));

    // The same, in place: after each epoch.
    const epochs: unknown[] = [];
    const here = learner();
    await here.run({
      path: join(place.workspace, 'in-place'),
      progress: (event) => {
        const { weight, bias } = (here.model as Line).linear;
        if (event.type === 'epoch') epochs.push([weight.tolist(), bias!.tolist()]);
      },
    });
    expect(epochs).toHaveLength(3);
    expect(epochs[0]).not.toEqual(epochs[2]);
    expect(results).toEqual([epochs[0], epochs[2], epochs[2]]);
    expect(weights(fresh.result)).not.toEqual(epochs[2]);
  }, 60_000);

  test('refuses what a job could not make again, before anything runs', () => {
    const place = newPlace();
    begin(place);
    expect(() => learner({ listeners: [], model: toyModel() as never }).submit()).toThrow(
      'learner.model: expected a configuration that a job can make again, received Linear; ' +
        'declare its class with config(import.meta, ...)',
    );
    expect(() => learner({ trainer: new ToyTrainer() }).submit()).toThrow(
      'learner.trainer: expected a configuration that a job can make again, received ToyTrainer',
    );
    expect(() => learner({ optimizers: [] }).submit()).toThrow(
      'learner.optimizers: expected at least one ParameterOptimizer, received []',
    );
    const listener = learner().listeners[0]!;
    expect(() => learner({ listeners: [listener, copy(listener)] }).submit()).toThrow(
      'learner.listeners[1].id: expected an id that no other listener has, received "val"',
    );
    expect(existsSync(place.workspace)).toBe(false);
  });

  test('that is cancelled leaves a checkpoint, from which the next run of the job goes on', async () => {
    const place = newPlace();
    const submit = (milliseconds: number) => {
      const xp = begin(place);
      const hooks = [setMeta(new Slow({ milliseconds }), true)];
      const task = learner({ hooks, maxEpochs: 2, stepsPerEpoch: 30, checkpointInterval: 10 });
      task.submit();
      return { xp, job: xp.jobOf(task) };
    };
    const { xp, job } = submit(50);
    const errors = () => (existsSync(job.files.err) ? readFileSync(job.files.err, 'utf8') : '');
    await until(() => /^step /m.test(errors()), 'a first step');
    process.kill(Number(job.files.owner()!.pid), 'SIGTERM');
    await expect(xp.wait()).rejects.toThrow('CANCELLED');
    const stopped = readdirSync(join(job.directory, 'checkpoints')).filter((name) =>
      name.startsWith('epoch'),
    );
    expect(stopped).toHaveLength(1);
    const [, step] = /-step-(\d+)$/.exec(stopped[0]!)!;

    const again = submit(0);
    expect(again.job.directory).toBe(job.directory);
    await again.xp.wait();
    expect(readdirSync(join(job.directory, 'checkpoints'))).toEqual(
      expect.arrayContaining(['epoch-00000002', 'last']),
    );
    const steps = [...errors().matchAll(/^step .*step=(\d+)\/60/gm)].map(([, each]) => Number(each));
    // The first run told its first step, the second one the first that it made: nothing was made twice.
    expect(steps[0]).toBe(1);
    expect(steps.at(-1)).toBeGreaterThan(Number(step));
  }, 60_000);

  test('with usePretasks returns models that load themselves, and warns', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const place = newPlace();
    const xp = begin(place);
    const model = new Line();
    const task = learner({ model, usePretasks: true });
    const outputs = task.submit() as unknown as LearnerOutput<Module>;
    expect(warn.mock.calls[0]![0]).toMatch(/^usePretasks is deprecated: give the loaders/);
    warn.mockRestore();
    const models = [
      outputs.listeners.val!.early,
      outputs.listeners.val!.late,
      outputs.learnedModel,
    ] as Line[];
    expect(models.every((each) => each instanceof Line && each !== model)).toBe(true);
    expect(new Set([model, ...models].map((each) => identifier(each))).size).toBe(4);
    const jobs = models.map((each) => new Weigh({ model: each }));
    for (const job of jobs) job.submit();
    await xp.wait();
    const [early, late, last] = jobs.map(({ result }) => weights(result));
    expect(late).toEqual(last);
    expect(early).not.toEqual(last);
  }, 60_000);
});

test('first weights that layers draw where they are made come from the seed, in every process', async () => {
  const weights = async (seed: number) => {
    const xp = begin(newPlace());
    const given = { random: new Random({ seed }), model: new Drawn(), listeners: [], maxEpochs: 1 };
    learner({ ...given, optimizers: getOptimizers(new SGD({ lr: 0 })) }).submit();
    const [job] = await xp.wait();
    return readFileSync(join(job!.directory, 'checkpoints', 'last', 'model.safetensors')).toString('base64');
  };
  const [one, same, other] = await Promise.all([3, 3, 4].map(weights));
  expect(same).toBe(one);
  expect(other).not.toBe(one);
});
