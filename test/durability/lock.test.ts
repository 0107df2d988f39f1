import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { localProcess, startHeartbeat } from '../../lib/experiment/processes.ts';
import { alone, runningIn } from '../../lib/learning/runLock.ts';
import { until } from '../experiment/support.ts';
import { compiled } from './compiled.ts';

/**
 * Tries for one directory after the other, at the moment that the other of its pair does, says what came of it, and goes
 * on, without what it got, once it is told to.
 */
const STARTER = `
  import { existsSync, writeFileSync } from 'node:fs';
  import { createInterface } from 'node:readline';
  import { alone } from './lib/learning/runLock.js';
  const [own, other, ...directories] = process.argv.slice(2);
  const told = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const say = (what) => {
    console.log(JSON.stringify(what));
    return told.next();
  };
  let threads = 0;
  process.on('worker', () => threads++);
  for (const directory of directories) {
    writeFileSync(directory + '/' + own, '');
    while (!existsSync(directory + '/' + other));
    threads = 0;
    try {
      await alone(directory, async () => {
        await new Promise(setImmediate);
        await say({ won: process.pid, threads });
      });
    } catch ({ message, code }) {
      await say({ lost: message, code });
    }
  }
  process.stdin.destroy();
`;

let root: string;
let made = 0;
const children: ChildProcess[] = [];
const newDirectory = () => {
  const directory = join(root, `run-${made++}`);
  mkdirSync(directory);
  return directory;
};

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'xpmir-lock-'));
  compiled('../../lib/learning/runLock.ts', root);
  writeFileSync(join(root, 'starter.mjs'), STARTER);
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

interface Starter {
  readonly child: ChildProcess;
  /** What it says next. */
  said(): Promise<object>;
  goOn(): void;
  readonly ended: Promise<unknown>;
}

/** @param own its name, and that of the other of its pair, which is its own for one that is alone */
function start([own, other]: readonly [string, string], directories: readonly string[]): Starter {
  const child = spawn(process.execPath, [join(root, 'starter.mjs'), own, other, ...directories], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  return {
    child,
    ended,
    async said() {
      const { done, value } = await lines.next();
      if (done) throw new Error(`A starter ended with ${await ended} and said nothing`);
      return JSON.parse(value) as object;
    },
    goOn: () => void child.stdin.write('\n'),
  };
}

const refusal = (pid: number | undefined, directory: string) =>
  `learner.run: expected a directory that no other run uses, but process ${pid} of ${hostname()} trains in ${directory}`;

/** Leaves a lock behind as an owner that can be no longer would. */
function abandon(directory: string, owner: object): void {
  mkdirSync(join(directory, '.lock'));
  writeFileSync(join(directory, '.lock', '00000001'), JSON.stringify(owner));
}

/** Starting a process takes longer than a race. */
const RACES_OF_A_PAIR = 10;
const RACES = 100;

const ours = localProcess(process.pid);

async function deadProcess() {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const record = localProcess(child.pid as number);
  child.kill('SIGKILL');
  await once(child, 'close');
  return record;
}

describe('two that begin to train in a directory at once', () => {
  // In half of the races a process that is dead left its lock behind, which both find.
  test('are one that does, and one that is told who does, in 100 races of 100', async () => {
    const dead = await deadProcess();
    for (let first = 0; first < RACES; first += RACES_OF_A_PAIR) {
      const directories = Array.from({ length: RACES_OF_A_PAIR }, newDirectory);
      for (const [i, directory] of directories.entries()) if (i % 2 === 1) abandon(directory, dead);
      const pair = [start(['a', 'b'], directories), start(['b', 'a'], directories)];
      for (const [i, directory] of directories.entries()) await race(first + i, directory, pair);
      expect(await Promise.all(pair.map(({ ended }) => ended))).toEqual([0, 0]);
    }
  }, 120_000);
});

async function race(number: number, directory: string, pair: readonly Starter[]): Promise<void> {
  const said = await Promise.all(pair.map((each) => each.said()));
  const winner = said.findIndex((each) => 'won' in each);
  const { pid } = pair[winner]?.child ?? {};
  expect({ race: number, said: [said[winner], said[1 - winner]], owner: runningIn(directory)?.pid }).toEqual({
    race: number,
    said: [
      { won: pid, threads: 1 },
      { lost: refusal(pid, directory), code: 'ERR_ARGUMENT' },
    ],
    owner: pid,
  });
  for (const each of pair) each.goOn();
}

describe('the lock of a directory', () => {
  test('is taken over from a process that is dead, from another one with its number, and from before a restart', async () => {
    const owners = {
      dead: await deadProcess(),
      recycled: { ...ours, start: '1' },
      rebooted: { ...ours, boot: 'another' },
    };
    for (const [kind, owner] of Object.entries(owners)) {
      const directory = newDirectory();
      abandon(directory, owner);
      expect([kind, await alone(directory, async () => runningIn(directory))]).toEqual([kind, ours]);
      expect([kind, runningIn(directory)]).toEqual([kind, undefined]);
    }
  });

  test('is held by a process that is stopped, and free within a second once it is killed', async () => {
    const directory = newDirectory();
    const { child, said, ended } = start(['a', 'a'], [directory]);
    await said();
    child.kill('SIGSTOP');
    await expect(alone(directory, async () => {})).rejects.toThrow(refusal(child.pid, directory));
    child.kill('SIGKILL');
    await until(() => runningIn(directory) === undefined, 'the lock to be free', 1000);
    expect(await alone(directory, async () => 'ran')).toBe('ran');
    expect(await ended).toBe('SIGKILL');
  });

  test('is free after a run that failed', async () => {
    const directory = newDirectory();
    const failing = alone(directory, async () => {
      throw new Error('as asked');
    });
    await expect(failing).rejects.toThrow('as asked');
    expect(runningIn(directory)).toBeUndefined();
  });
});

test('a heartbeat goes on while this thread computes, until it is ended', async () => {
  const file = join(newDirectory(), 'held');
  writeFileSync(file, '');
  const begin = new Date(1_000_000);
  const isTouched = () => statSync(file).mtimeMs !== begin.getTime();
  utimesSync(file, begin, begin);
  const stop = startHeartbeat([file], 20);
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < 400 && !isTouched(); i++) Atomics.wait(nothing, 0, 0, 50);
  expect(isTouched()).toBe(true);

  stop();
  // The last beat may be under way.
  for (let i = 0; i < 40 && isTouched(); i++) {
    utimesSync(file, begin, begin);
    await sleep(200);
  }
  expect(isTouched()).toBe(false);
});
