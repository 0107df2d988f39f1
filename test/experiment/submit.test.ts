import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import {
  addPretasks,
  copy,
  DirectLauncher,
  type Experiment,
  type FailedExperiment,
  type Job,
  tag,
  tagsPath,
} from '../../lib/experiment/index.ts';
import { begin, newPlace, until } from './support.ts';
import { Add, Evaluate, Everything, Fails, Load, Model, Sum, Total, Tower, Waits } from './tasks.ts';

const failureOf = async (xp: Experiment): Promise<FailedExperiment> => {
  const error = await xp.wait().then(
    () => undefined,
    (reason: unknown) => reason as FailedExperiment,
  );
  if (error === undefined) throw new Error('No job failed');
  return error;
};
const only = (xp: Experiment): Job => xp.jobs[0] as Job;

describe('submit', () => {
  test('gives outputs at once, runs each identity once, and what uses an output after it', async () => {
    const place = newPlace();
    const { log } = place;
    const submitAll = () => {
      const sums = [
        new Add({ a: 1, log, delay: 300 }),
        new Add({ a: 2, log }),
        new Add({ a: 1, b: 1, log }),
      ].map((add) => add.submit());
      new Total({ sums: sums.slice(0, 2), log }).submit();
      return sums;
    };
    const xp = begin(place, { launcher: new DirectLauncher({ jobs: 4 }) });
    const sums = submitAll();
    expect(sums[0]).toBeInstanceOf(Sum);
    expect(sums[2]).toBe(sums[0]);
    expect(existsSync((sums[0] as Sum).file)).toBe(false);
    expect(xp.jobs.map(({ state }) => state)).toEqual(['waiting', 'waiting', 'waiting']);
    await xp.wait();
    expect((sums[0] as Sum).read()).toBe(2);
    expect(place.lines().sort()).toEqual(['begin 1', 'begin 2', 'end 1', 'end 2', 'total 5']);
    expect(place.lines().at(-1)).toBe('total 5');
    const [add, , total] = xp.jobs;
    expect(total?.dependencies).toHaveLength(2);
    expect(readFileSync(add?.files.out ?? '', 'utf8')).toBe('sum 2\n');
    expect(add?.files.state()).toBe('done');
    expect(xp.workspace.jobsOf('test')).toHaveLength(3);

    // A second run finds all done, and starts nothing.
    const again = begin(place);
    submitAll();
    await again.wait();
    expect(again.jobs.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
    expect(place.lines()).toHaveLength(5);
  });

  test('runs pretasks and init tasks in their order before the task, on the same objects', async () => {
    const place = newPlace();
    const xp = begin(place);
    const model = new Model({ size: 1 });
    const load = (what: string) => new Load({ model, what });
    const evaluate = new Evaluate({ model, log: place.log });
    evaluate.submit({ initTasks: [load('b'), load('a')] });
    const ready = copy(model);
    addPretasks(ready, new Load({ model: ready, what: 'itself' }));
    new Evaluate({ model: ready, log: place.log }).submit();
    // Equal to the model of the task, though not the same object here.
    const equal = new Load({ model: new Model({ size: 1 }), what: 'equal' });
    new Evaluate({ model, log: place.log }).submit({ initTasks: [equal] });
    await xp.wait();
    expect(place.lines().sort()).toEqual(['b a in true', 'equal in true', 'itself in true']);
    expect(() => evaluate.submit()).toThrow(
      /^evaluate: was submitted as .* already; make a new one, or submit copy\(task\)$/,
    );
    expect(xp.jobOf(evaluate)).toBe(only(xp));
  });

  test('brings every type to the process of the job', async () => {
    const place = newPlace();
    const xp = begin(place);
    new Everything({
      big: 2n ** 62n,
      rate: 1,
      odd: [Number.NaN, -0, Infinity],
      names: ['x', 'y'],
      byName: { a: 1, b: null },
      models: [new Model({ size: 1 }), new Model({ size: 1 }), new Model({ size: 2 })],
      towers: [new Tower({ size: 1 }), new Tower({ size: 1 })],
      where: '/etc',
      none: null,
    }).submit();
    await xp.wait();
    const { directory } = only(xp);
    expect(JSON.parse(readFileSync(`${directory}/seen.json`, 'utf8'))).toEqual({
      version: 2,
      big: '4611686018427387904',
      odd: ['NaN', '-0', 'Infinity'],
      names: ['x', 'y'],
      byName: ['a=1', 'b=undefined'],
      sameModel: [true, false],
      towersDiffer: true,
      none: true,
      where: '/etc',
      out: `${directory}/deep/out.json`,
    });
  });

  test('refuses before anything runs', () => {
    const place = newPlace();
    const xp = begin(place);
    const model = new Model({ size: 1 });
    const evaluate = new Evaluate({ model, log: place.log });
    expect(() => evaluate.submit({ initTasks: [model] })).toThrow(
      'Expected a task declared with lightweightTask() for initTasks[0]',
    );
    expect(() => evaluate.submit({ initTasks: [new Add({ a: 1, log: place.log })] })).toThrow('initTasks[0]');
    expect(() => xp.submit(model as never, {})).toThrow('Expected a task, declared with task() for submit');
    const elsewhere = new Add({ a: 1, log: place.log }).submit({
      experiment: begin(newPlace(), { mode: 'dryRun' }),
    });
    expect(() => new Total({ sums: [elsewhere], log: place.log }).submit({ experiment: xp })).toThrow(
      'total.sums[0]: is an output of test.tasks.add, which was not submitted to experiment test',
    );
    expect(xp.jobs).toEqual([]);
    expect(existsSync(place.workspace)).toBe(false);
  });
});

describe('failure', () => {
  test('reaches what depends on it, leaves the rest alone, and is tried again by the next run', async () => {
    const place = newPlace();
    const submitAll = () => {
      const sum = new Fails({ how: 'throw' }).submit();
      const total = new Total({ sums: [sum], log: place.log });
      total.submit();
      new Add({ a: 1, log: place.log }).submit();
      return total;
    };
    for (const _ of [1, 2]) {
      const xp = begin(place);
      submitAll();
      const error = await failureOf(xp);
      expect(error.name).toBe('FailedExperiment');
      expect(error.message).toMatch(
        /^2 of 3 jobs of experiment test failed:\n {2}test\.tasks\.fails\/[0-9a-f]{8}: FAILED, Error: as asked; see .*fails\.err\n {2}test\.tasks\.total\/[0-9a-f]{8}: DEPENDENCY, Not run, as /,
      );
      const [fails, total, add] = xp.jobs;
      expect([fails?.state, total?.state, add?.state]).toEqual(['error', 'error', 'done']);
      expect(fails?.files.failure()).toMatchObject({
        code: 1,
        reason: 'FAILED',
        message: expect.stringMatching(/^Error: as asked\n/),
      });
      expect(readFileSync(fails?.files.err ?? '', 'utf8')).toContain('as asked');
      expect(existsSync(total?.directory ?? '')).toBe(false);
      // In the same run too, when it is submitted again.
      submitAll();
      expect(xp.jobs.filter(({ state }) => state === 'waiting')).toHaveLength(2);
      await failureOf(xp);
    }
    expect(place.lines()).toEqual(['begin 1', 'end 1']);
    const xp = begin(place, { mode: 'dryRun' });
    submitAll();
    const attempts = readFileSync(only(xp).files.err, 'utf8');
    expect(attempts.match(/Error: as asked/g)?.length).toBe(4);
  });

  test.each([
    ['exit', 3, 'FAILED', /^The process exited with code 3 before the task was done$/],
    ['hang', 13, 'FAILED', /^The process exited with code/],
    ['memory', 1, 'MEMORY', /no memory left/],
    ['kill', 1, 'FAILED', /^The process was killed by SIGKILL and left no result$/],
  ] as const)('is told when a task ends by %s', async (how, code, reason, message) => {
    const xp = begin(newPlace());
    new Fails({ how }).submit();
    await failureOf(xp);
    expect(only(xp).failure).toMatchObject({ reason, message: expect.stringMatching(message) });
    expect(only(xp).files.failure()).toEqual(only(xp).failure);
    if (how !== 'hang') expect(only(xp).failure?.code).toBe(code);
    expect(only(xp).files.state()).toBe('failed');
  });

  test('to start a process is told as well', async () => {
    const xp = begin(newPlace(), {
      launcher: { capacity: 1, start: () => Promise.reject(new Error('no machine')) },
    });
    new Fails({ how: 'throw' }).submit();
    await failureOf(xp);
    expect(only(xp).failure?.message).toBe('The job could not be started: no machine');
  });
});

describe('cancellation', () => {
  test.each([
    ['at once for a task that does not watch the signal', undefined, []],
    ['as it sees fit for one that does', 'yes', ['tidied']],
  ])('ends a job %s', async (_, cooperative, tidied) => {
    const place = newPlace();
    const xp = begin(place);
    new Waits({ id: 1, cooperative, log: place.log }).submit();
    await until(() => place.lines().length > 0, 'the job to begin');
    process.kill(only(xp).files.owner()?.pid as number, 'SIGTERM');
    await failureOf(xp);
    expect(only(xp).failure).toEqual({
      code: 143,
      reason: 'CANCELLED',
      message: 'The job was cancelled by SIGTERM',
    });
    expect(place.lines().slice(1)).toEqual(tidied);
    expect(only(xp).files.isDone()).toBe(false);
  });
});

describe('modes', () => {
  test('dryRun tells identities and states, and writes nothing', async () => {
    const place = newPlace();
    const xp = begin(place, { mode: 'dryRun' });
    const sum = new Add({ a: 1, log: place.log }).submit();
    new Total({ sums: [sum], log: place.log }).submit();
    const jobs = await xp.wait();
    expect(jobs.map(({ state }) => state)).toEqual(['ready', 'waiting']);
    expect(jobs.every(({ identifier }) => /^[0-9a-f]{64}$/.test(identifier))).toBe(true);
    expect(existsSync(place.workspace)).toBe(false);
  });

  test('generateOnly writes what is needed to run the job by hand', async () => {
    const place = newPlace();
    const xp = begin(place, { mode: 'generateOnly' });
    new Add({ a: 1, log: place.log }).submit();
    await xp.wait();
    expect(only(xp).files.state()).toBe('ready');
    expect(place.lines()).toEqual([]);
    execFileSync('sh', [only(xp).files.script]);
    expect(place.lines()).toEqual(['begin 1', 'end 1']);
    expect(only(xp).files.state()).toBe('done');
  });
});

describe('tags', () => {
  test('are those of the task, of what it holds and of what it depends on; never in the identity', async () => {
    const place = newPlace();
    const xp = begin(place, { mode: 'dryRun' });
    const [one, two] = [1, 2].map((a) =>
      new Add({ a, log: place.log }).submit({ tags: { lr: a / 10, set: 'x/y' } }),
    ) as [Sum, Sum];
    new Total({ sums: [tag(one, { which: 1 })], log: place.log }).submit({ tags: { kind: 'one' } });
    new Total({ sums: [one, two], log: place.log }).submit();
    const tags = xp.jobs.map((job) => tagsPath(job.tags));
    expect(tags).toEqual([
      'lr=0.1_set=x-y',
      'lr=0.2_set=x-y',
      'kind=one_lr=0.1_set=x-y_which=1',
      'set=x-y_which=1',
    ]);
    const untagged = begin(place, { mode: 'dryRun' });
    new Add({ a: 1, log: place.log }).submit();
    expect(only(untagged).identifier).toBe(only(xp).identifier);
    const twice = new Evaluate({ model: tag(new Model({ size: 1 }), { lr: 1 }), log: place.log });
    expect(() => twice.submit({ tags: { lr: 2 } })).toThrow(
      'the tag lr is 1 here and 2 elsewhere in the task',
    );
    await xp.wait();
  });
});
