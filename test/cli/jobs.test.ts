import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Job } from '../../lib/experiment/index.ts';
import { begin, newPlace, type Place, run, until } from '../experiment/support.ts';
import { Add, Fails, Total, Waits } from '../experiment/tasks.ts';

let place: Place;
let jobs: Job[];

const cli = async (...given: string[]) => {
  const { code, output } = await run('../../lib/cli.ts', given, { XPMIR_WORKSPACE: place.workspace }).ended;
  return { code, lines: output.trimEnd().split('\n') };
};
const id = (index: number) => jobs[index]?.identifier.slice(0, 8) ?? '';

beforeAll(async () => {
  place = newPlace();
  const xp = begin(place);
  const sum = new Add({ a: 1, log: place.log }).submit({ tags: { a: 1 } });
  new Total({ sums: [sum], log: place.log }).submit();
  new Fails({ how: 'throw' }).submit();
  new Waits({ id: 1, log: place.log }).submit();
  await until(() => place.lines().some((line) => line.startsWith('total')), 'the jobs');
  await until(() => xp.jobs[2]?.state === 'error', 'the failing job');
  ({ jobs } = xp);
  await until(() => existsSync(jobs[3]?.files.progress ?? ''), 'the progress');
});

describe('xpmir jobs', () => {
  test('list shows state, name, tags, progress and failure; states and experiments choose', async () => {
    const all = await cli('jobs', 'list');
    expect(all.lines).toEqual([
      `done         test.tasks.add/${id(0)}  a=1`,
      `failed       test.tasks.fails/${id(2)}  FAILED: Error: as asked`,
      `done         test.tasks.total/${id(1)}  a=1`,
      `running      test.tasks.waits/${id(3)}  25% waiting, 33%`,
    ]);
    const { lines } = await cli(
      'jobs',
      'list',
      '--state',
      'failed',
      'running',
      '--experiment',
      'test',
      '--json',
    );
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        state: 'failed',
        task: 'test.tasks.fails',
        identifier: jobs[2]?.identifier,
        directory: jobs[2]?.directory,
        tags: {},
        failure: jobs[2]?.failure,
      },
      {
        state: 'running',
        task: 'test.tasks.waits',
        identifier: jobs[3]?.identifier,
        directory: jobs[3]?.directory,
        tags: {},
        progress: [
          { fraction: 0.25, description: 'waiting' },
          { fraction: 1 / 3, description: '' },
        ],
      },
    ]);
    expect((await cli('jobs', 'list', '-e', 'none')).lines).toEqual(['']);
    expect((await cli('jobs', 'list', '-s', 'lost')).code).toBe(1);
  });

  test('show finds a job by letters, and shows the end of its output', async () => {
    const { lines } = await cli('jobs', 'show', `add/${id(0).slice(0, 4)}`);
    expect(lines).toEqual([
      'state      done',
      'task       test.tasks.add',
      `identifier ${jobs[0]?.identifier}`,
      `directory  ${jobs[0]?.directory}`,
      'tags       a=1',
      '',
      jobs[0]?.files.out,
      '  sum 2',
    ]);
    expect((await cli('jobs', 'show', `waits/${id(3)}`)).lines).toContain('progress   25% waiting, 33%');
    expect((await cli('jobs', 'show', 'fails/')).lines).toEqual([
      expect.stringMatching(/^xpmir: No job fails\/ in /),
    ]);
  });

  test('kill cancels what runs, clean removes what is named', async () => {
    const { lines } = await cli('jobs', 'kill', `waits/${id(3)}`);
    expect(lines).toEqual([
      expect.stringMatching(/^test\.tasks\.waits\/[0-9a-f]{8}: sent SIGTERM to process \d+$/),
    ]);
    await until(() => jobs[3]?.state === 'error', 'the job to end');
    expect(jobs[3]?.failure?.reason).toBe('CANCELLED');
    expect(await cli('jobs', 'kill', id(3))).toEqual({
      code: 1,
      lines: [`xpmir: test.tasks.waits/${id(3)} does not run: it is failed`],
    });

    expect((await cli('jobs', 'clean')).lines).toEqual(['xpmir: Say which: name jobs, or give --state']);
    const would = await cli('jobs', 'clean', '-s', 'failed');
    expect(would.lines).toEqual([
      `would remove test.tasks.fails/${id(2)}`,
      `would remove test.tasks.waits/${id(3)}`,
    ]);
    expect(existsSync(jobs[2]?.directory ?? '')).toBe(true);
    expect((await cli('jobs', 'clean', '-s', 'failed', '--yes')).lines).toHaveLength(2);
    expect(jobs.map(({ directory }) => existsSync(directory))).toEqual([true, true, false, false]);
    expect((await cli('jobs', 'list', '-e', 'test')).lines).toHaveLength(2);
  });
});

test('xpmir diff explains, and loads no libtorch', async () => {
  const xp = begin(place, { mode: 'generateOnly' });
  new Add({ a: 2, log: place.log }).submit();
  await xp.wait();
  const other = xp.jobs[0]?.directory ?? '';
  expect((await cli('diff', id(0), other)).lines).toEqual(['add.a: 1 -> 2']);
  expect((await cli('diff', id(0), `${other}/params.json`)).lines).toEqual(['add.a: 1 -> 2']);
  expect((await cli('diff', id(0), id(0))).lines).toEqual(['The same identity']);
  const libraries = await run('../cli/libraries.ts', ['diff', id(0), id(0), '-w', place.workspace]).ended;
  expect(libraries.output).toBe('');
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect((await cli('--version')).lines).toEqual([version]);
});
