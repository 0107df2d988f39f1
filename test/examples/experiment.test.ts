/** The experiment over the demo's text: each job once, whoever is killed. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { example, root, tinyTree } from './support.ts';

const LEARNER = 'xpmir.learning.learner.learner';
const EVALUATE = 'xpmir.examples.jsdoc.evaluate';

/** Directories of the jobs of a task. */
function jobs(workspace: string, task: string): string[] {
  const directory = join(workspace, 'jobs', task);
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
}

const textOf = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
const beginnings = (job: string) => textOf(join(job, 'learner.err')).match(/^step epoch=1\/\d+ step=1\//gm);

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 1200 && !what(); i++) await sleep(100);
  if (!what()) throw new Error(`Expected ${what} within two minutes`);
}

describe('the experiment', () => {
  test('trains and evaluates two rates as jobs, and a second run trains nothing', async () => {
    const from = tinyTree();
    const workspace = join(from, 'workspace');
    const run = () => example('experiment.ts', '--from', from, '--workspace', workspace, '--epochs', '2');
    const first = await run();
    expect(first).toMatchObject({ code: 0 });
    expect(first.out).toMatch(/^lr 0\.005 +[\d.]+ +1\.0000$/m);
    expect(first.out).toMatch(/^lr 0\.0005 +[\d.]+ +1\.0000$/m);
    const learners = jobs(workspace, LEARNER);
    expect(learners).toHaveLength(2);
    expect(jobs(workspace, EVALUATE)).toHaveLength(2);
    const done = learners.map((job) => statSync(join(job, 'learner.done')).mtimeMs);

    const second = await run();
    expect(second.out).toBe(first.out);
    expect(second.err).not.toMatch(/running/);
    expect(learners.map((job) => statSync(join(job, 'learner.done')).mtimeMs)).toEqual(done);
    expect(learners.map((job) => beginnings(job)?.length)).toEqual([1, 1]);
  }, 180_000);

  test('killed with all its jobs in the middle, it goes on where it was', async () => {
    const from = tinyTree();
    const workspace = join(from, 'workspace');
    const args = ['--from', from, '--workspace', workspace, '--epochs', '8'];
    const driver = spawn(process.execPath, ['--import', 'tsx', 'examples/experiment.ts', ...args], {
      cwd: root,
      env: { ...process.env, OMP_NUM_THREADS: '1' },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => driver.on('exit', resolve));
    // An epoch is saved before it is validated.
    const saved = (job: string) => textOf(join(job, 'learner.err')).match(/^validation /gm)?.length ?? 0;
    await until(() => jobs(workspace, LEARNER).some((job) => saved(job) >= 1));
    driver.kill('SIGKILL');
    await ended;
    const killed = jobs(workspace, LEARNER).filter((job) => !existsSync(join(job, 'learner.done')));
    for (const job of killed) {
      const { pid } = JSON.parse(textOf(join(job, 'learner.pid')) || '{}') as { pid?: number };
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    }
    const before = new Map(killed.map((job) => [job, saved(job)]));
    expect(killed.length).toBeGreaterThan(0);

    const { code, out } = await example('experiment.ts', ...args);
    expect(code).toBe(0);
    expect(out).toMatch(/^lr 0\.0005 +[\d.]+ +1\.0000$/m);
    for (const [job, count] of before) {
      if (count > 0) expect(beginnings(job)).toHaveLength(1);
      // Checkpoints are written beside training: the last one or two epochs may be trained and validated again.
      expect(saved(job)).toBeLessThanOrEqual(10);
    }
  }, 300_000);
});
