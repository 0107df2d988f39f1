import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { withLock } from '../../lib/setup/lock.mjs';
import { temporaryDirectory, writeFiles } from '../support/temporary.ts';

const lockModule = new URL('../../lib/setup/lock.mjs', import.meta.url).href;
const goneProcess = 2 ** 22 + 1; // above the largest process number that Linux and macOS give out

interface Ended {
  readonly status: number | null;
  readonly errors: string;
}

/** Another process that runs a line of code while it holds the lock. */
function locker(lock: string, body: string): Promise<Ended> {
  const code = `import { withLock } from '${lockModule}';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
await withLock('${lock}', 'a test', async () => { ${body} });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, errors })));
}

function heldBy(lock: string, owner: { pid: number; host: string; started: string | null }): void {
  writeFiles(lock, { 'owner.json': JSON.stringify(owner) });
}

describe('a lock between processes', () => {
  test('lets four processes in one after the other', async () => {
    const directory = temporaryDirectory();
    const log = join(directory, 'log');
    const body = `appendFileSync('${log}', 'in '); await sleep(500); appendFileSync('${log}', 'out\\n');`;
    const all = await Promise.all(Array.from({ length: 4 }, () => locker(join(directory, 'lock'), body)));
    expect(all.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    expect(readFileSync(log, 'utf8')).toBe('in out\n'.repeat(4));
    expect(
      all.filter(({ errors }) => /^Waiting for process \d+ on .*a test/.test(errors)).length,
    ).toBeGreaterThan(0);
    expect(readdirSync(directory)).toEqual(['log']);
  });

  test('is taken over when its owner was killed, by one of several waiters at a time', async () => {
    const directory = temporaryDirectory();
    const [lock, log] = [join(directory, 'lock'), join(directory, 'log')];
    const killed = await locker(lock, 'process.kill(process.pid, "SIGKILL"); await sleep(10_000);');
    expect(killed.status).toBeNull();
    expect(existsSync(join(lock, 'owner.json'))).toBe(true);
    const body = `appendFileSync('${log}', 'in '); await sleep(30); appendFileSync('${log}', 'out\\n');`;
    await Promise.all(Array.from({ length: 4 }, () => locker(lock, body)));
    expect(readFileSync(log, 'utf8')).toBe('in out\n'.repeat(4));
  });

  test('is taken over when its number belongs to another process now', async () => {
    const lock = join(temporaryDirectory(), 'lock');
    heldBy(lock, { pid: process.pid, host: hostname(), started: process.platform === 'linux' ? '1' : null });
    const said: string[] = [];
    if (process.platform !== 'linux') return; // only there a start time is known
    expect(
      await withLock(
        lock,
        'a test',
        () => 'ran',
        (line) => said.push(line),
      ),
    ).toBe('ran');
    expect(said).toEqual([]);
  });

  test('of another machine is respected while it is fresh, and taken over when it was silent for a minute', async () => {
    const lock = join(temporaryDirectory(), 'lock');
    heldBy(lock, { pid: goneProcess, host: 'another-machine', started: '1' });
    const said: string[] = [];
    const running = withLock(
      lock,
      'a test',
      () => 'ran',
      (line) => said.push(line),
    );
    while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(said).toEqual([
      `Waiting for process ${goneProcess} on another-machine, which is setting up a test ...`,
    ]);
    const minuteAgo = new Date(Date.now() - 61_000);
    utimesSync(lock, minuteAgo, minuteAgo);
    expect(await running).toBe('ran');
  });

  test('is given back when the body fails', async () => {
    const lock = join(temporaryDirectory(), 'lock');
    const failing = withLock(lock, 'a test', () => {
      throw new Error('no luck');
    });
    await expect(failing).rejects.toThrow('no luck');
    expect(existsSync(lock)).toBe(false);
  });
});
