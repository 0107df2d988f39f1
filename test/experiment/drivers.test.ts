import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { commandFor } from '../../lib/experiment/command.ts';
import { DirectLauncher, type Job, type Launcher, Workspace } from '../../lib/experiment/index.ts';
import { begin, newPlace, type Place, run, runNode, until } from './support.ts';
import { Add, Waits } from './tasks.ts';

const begun = ({ lines }: Place) => lines().filter((line) => line.startsWith('begin'));
const firstJob = ({ workspace }: Place) => new Workspace(workspace).jobs()[0];

describe('drivers', () => {
  test('one that is killed leaves its job running, and the next one waits for that', async () => {
    const place = newPlace();
    const end = join(dirname(place.log), 'end');
    const first = run('./driver.ts', [place.workspace, place.log, end]);
    await until(() => begun(place).length > 0, 'the job to begin');
    first.process.kill('SIGKILL');
    await first.ended;
    const owner = firstJob(place)?.owner();
    expect(begun(place)).toEqual([`begin ${owner?.pid}`]);

    const second = run('./driver.ts', [place.workspace, place.log, end]);
    await until(
      () =>
        second.process.exitCode !== null ||
        place.lines().length > 1 ||
        firstJob(place)?.state() === 'running',
      'the second driver',
    );
    writeFileSync(end, '');
    const { code, output } = await second.ended;
    expect(output).toMatch(/driver done\n$/);
    expect(code).toBe(0);
    expect(place.lines()).toEqual([`begin ${owner?.pid}`, 'end']);
  });

  test('of several that race for one job, one runs it and all see its end', async () => {
    const place = newPlace();
    const end = join(dirname(place.log), 'end');
    const drivers = [1, 2, 3].map(() => run('./driver.ts', [place.workspace, place.log, end]));
    await until(() => begun(place).length > 0, 'the job to begin');
    writeFileSync(end, '');
    const results = await Promise.all(drivers.map(({ ended }) => ended));
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(begun(place)).toHaveLength(1);
    expect(place.lines()).toHaveLength(2);
  });

  test('a job that was killed with its driver is interrupted, and runs again', async () => {
    const place = newPlace();
    const end = join(dirname(place.log), 'end');
    const first = run('./driver.ts', [place.workspace, place.log, end]);
    await until(() => begun(place).length > 0, 'the job to begin');
    first.process.kill('SIGKILL');
    await first.ended;
    process.kill(firstJob(place)?.owner()?.pid as number, 'SIGKILL');
    await until(() => firstJob(place)?.owner() === undefined, 'the lock to be free', 1000);
    expect(firstJob(place)?.state()).toBe('interrupted');
    const xp = begin(place);
    writeFileSync(end, '');
    new Waits({ id: 1, log: place.log, until: end }).submit();
    await xp.wait();
    expect(begun(place)).toHaveLength(2);
    expect(firstJob(place)?.state()).toBe('done');
  });
});

describe('the process of a job', () => {
  test('that is not the first of several takes part, and leaves no marks', async () => {
    const place = newPlace();
    const xp = begin(place, { mode: 'generateOnly' });
    new Add({ a: 1, log: place.log }).submit();
    const [job] = (await xp.wait()) as [Job];
    const { arguments: given } = commandFor(job.files, job.files.record() as never);
    const { code } = await runNode(given, { RANK: '1' }).ended;
    expect(code).toBe(0);
    expect(place.lines()).toEqual(['begin 1', 'end 1']);
    expect(readdirSync(job.directory).sort()).toEqual(['add.sh', 'params.json', 'result.json']);
    expect(job.files.state()).toBe('ready');
  });

  test('says so when the file of its classes begins an experiment', async () => {
    const place = newPlace();
    const { output } = await run('./mixed.ts', [place.workspace]).ended;
    expect(output).toContain('which began an experiment: keep the two in files of their own');
  });

  test('needs no tsx where all is compiled', async () => {
    const place = newPlace();
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const target = join(dirname(place.log), 'compiled');
    const shared = readdirSync(join(root, 'lib')).filter((name) => name.endsWith('.ts'));
    compile(root, target, [
      ...shared.map((name) => join(root, 'lib', name)),
      ...typeScriptIn(join(root, 'lib', 'experiment')),
    ]);
    compile(
      root,
      target,
      ['tasks.ts', 'driver.ts'].map((name) => join(root, 'test', 'experiment', name)),
    );
    writeFileSync(join(target, 'package.json'), '{"type":"module"}');
    const end = join(dirname(place.log), 'end');
    writeFileSync(end, '');
    const driver = join(target, 'test', 'experiment', 'driver.js');
    const { code, output } = await runNode([driver, place.workspace, place.log, end], {}, target).ended;
    expect([code, output]).toEqual([0, expect.stringMatching(/driver done\n$/)]);
    expect(place.lines()).toHaveLength(2);
  });
});

function typeScriptIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name));
}

/** As `npm run build` does, file by file. */
function compile(root: string, target: string, files: readonly string[]): void {
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ES2022,
    rewriteRelativeImportExtensions: true,
  };
  for (const file of files) {
    const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
      fileName: file,
      compilerOptions,
    });
    const output = join(target, relative(root, file)).replace(/\.ts$/, '.js');
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(output, outputText);
  }
}

describe('launchers', () => {
  test('run as many jobs at once as they are allowed', async () => {
    const place = newPlace();
    const xp = begin(place, { launcher: new DirectLauncher({ jobs: 1 }) });
    for (const a of [1, 2]) new Add({ a, log: place.log, delay: 50 }).submit();
    await xp.wait();
    expect(place.lines()).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2']);
    expect(() => new DirectLauncher({ jobs: 0 })).toThrow(
      'directLauncher.jobs: expected a positive integer, received 0',
    );
  });

  test('may know of a process that has not begun the job yet', async () => {
    const place = newPlace();
    const started: string[] = [];
    const queue: Launcher = {
      capacity: 1,
      start: () => Promise.reject(new Error('started twice')),
      async find(job) {
        started.push(job.task);
        const direct = new DirectLauncher();
        job.create();
        writeFileSync(job.params, JSON.stringify(record));
        return await direct.start(commandFor(job, record));
      },
    };
    const generated = begin(newPlace(), { mode: 'generateOnly' });
    new Add({ a: 1, log: place.log }).submit();
    const record = ((await generated.wait())[0] as Job).files.record() as never;
    const xp = begin(place, { launcher: queue });
    new Add({ a: 1, log: place.log }).submit();
    await xp.wait();
    expect([started, place.lines()]).toEqual([['test.tasks.add'], ['begin 1', 'end 1']]);
  });

  test('are those that submit names, and each change of state is told', async () => {
    const place = newPlace();
    const states: string[] = [];
    const xp = begin(place, {
      launcher: { capacity: 1, start: () => Promise.reject(new Error('not this one')) },
      observer: (job) => {
        states.push(job.state);
      },
    });
    new Add({ a: 1, log: place.log }).submit({ launcher: new DirectLauncher() });
    await xp.wait();
    expect(states).toEqual(['ready', 'running', 'done']);
  });
});
