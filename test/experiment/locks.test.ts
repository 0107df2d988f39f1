import { spawn } from 'node:child_process';
import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { CounterToken, DirectLauncher, Workspace } from '../../lib/experiment/index.ts';
import { isAbandoned, Lock, lockOwner } from '../../lib/experiment/lock.ts';
import { isAlive, localProcess } from '../../lib/experiment/processes.ts';
import { handTo, release, tryTake } from '../../lib/experiment/tokens.ts';
import { begin, newPlace, run, until } from './support.ts';
import { Add } from './tasks.ts';

const newLock = () => join(newPlace().workspace, 'lock');
/** Puts the lock in the hands of another process. */
const own = (lock: Lock, owner: object) => writeFileSync(lock.file, JSON.stringify(owner));
const ours = localProcess(process.pid);

describe('a lock', () => {
  test('is held by one until it is released', () => {
    const directory = newLock();
    const lock = Lock.take(directory) as Lock;
    expect(lockOwner(directory)).toEqual(ours);
    expect(Lock.take(directory)).toBeUndefined();
    lock.release();
    expect([lockOwner(directory), isAbandoned(directory)]).toEqual([undefined, false]);
    expect(Lock.take(directory)).toBeInstanceOf(Lock);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  test('of a dead process, of a recycled number or of an earlier boot is free; of a living one is not', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const other = localProcess(child.pid as number);
    const [directory, recycled, rebooted] = [newLock(), newLock(), newLock()];
    own(Lock.take(directory) as Lock, other);
    own(Lock.take(recycled) as Lock, { ...ours, start: '1' });
    own(Lock.take(rebooted) as Lock, { ...ours, boot: 'another' });
    expect(Lock.take(directory)).toBeUndefined();
    expect(Lock.take(recycled)).toBeInstanceOf(Lock);
    expect(Lock.take(rebooted)).toBeInstanceOf(Lock);
    child.kill('SIGKILL');
    await until(() => isAbandoned(directory), 'the lock to be free', 1000);
    expect(Lock.take(directory)).toBeInstanceOf(Lock);
    expect(readdirSync(directory)).toEqual(['00000002']);
  });

  test('of another host is held as long as its file is touched', () => {
    const directory = newLock();
    const lock = Lock.take(directory) as Lock;
    own(lock, { ...ours, host: `not-${hostname()}` });
    expect(Lock.take(directory)).toBeUndefined();
    const old = new Date(Date.now() - 121_000);
    utimesSync(lock.file, old, old);
    expect(Lock.take(directory)).toBeInstanceOf(Lock);
  });

  test('a zombie holds nothing', async () => {
    // The shell starts a child, tells its number, and never waits for it.
    const shell = spawn('sh', ['-c', 'sleep 0.05 & echo $!; exec sleep 5']);
    const pid = await new Promise<number>((resolve) =>
      shell.stdout.once('data', (data: Buffer) => resolve(Number(data.toString()))),
    );
    const zombie = localProcess(pid);
    await until(() => !isAlive(zombie, '/'), 'the child to end', 3000);
    expect(process.kill(pid, 0)).toBe(true);
    shell.kill();
  });

  test('cannot be taken by who looked before others took it', () => {
    const directory = newLock();
    const lock = Lock.take(directory) as Lock;
    own(lock, { ...ours, start: '1' });
    const second = Lock.take(directory) as Lock;
    // What a process would do that found number 1 dead, and slept while the second was taken.
    expect(readdirSync(directory)).toEqual(['00000002']);
    writeFileSync(join(directory, '00000001'), '{}');
    expect(Lock.take(directory)).toBeUndefined();
    expect(lockOwner(directory)).toEqual(ours);
    // And of one that comes to a directory which was removed and made again, with a number from before.
    second.release();
    const third = Lock.take(directory) as Lock;
    writeFileSync(join(directory, '00000007'), JSON.stringify({ ...ours, start: '1' }));
    expect(Lock.take(directory)).toBeUndefined();
    expect(readdirSync(directory).sort()).toEqual(['00000003', '00000007']);
    third.release();
    expect(Lock.take(directory)).toBeInstanceOf(Lock);
  });

  test('is won by exactly one of those who race for it, a hundred times', async () => {
    const place = newPlace();
    // Half of them were left behind by a dead owner.
    for (let i = 0; i < 100; i += 2)
      own(Lock.take(join(place.workspace, `${i}`)) as Lock, { ...ours, start: '1' });
    const racers = [1, 2].map(() => run('./racer.ts', [place.workspace, place.log, '100']));
    const said = (word: string) => place.lines().filter((line) => line === word).length;
    await until(() => said('ready') === 2, 'the racers');
    writeFileSync(join(place.workspace, 'start'), '');
    await until(() => said('through') === 2, 'the race');
    for (const { process: racer, ended } of racers) {
      racer.kill('SIGKILL');
      expect((await ended).output).toBe('');
    }
    const wins = place.lines().filter((line) => /^\d+$/.test(line));
    expect(wins.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
});

describe('tokens', () => {
  const holders = (token: CounterToken) => readdirSync(token.holders).length;

  test('are taken all or not at all', async () => {
    const workspace = new Workspace(newPlace().workspace);
    const [gpu, licence] = [workspace.token('gpu', 2), workspace.token('licence', 1)];
    const first = await tryTake([gpu.need(1), licence.need(1)], 'a');
    expect([gpu.free(), licence.free()]).toEqual([1, 0]);
    expect(await tryTake([licence.need(1), gpu.need(1)], 'b')).toBeUndefined();
    expect(gpu.free()).toBe(1);
    const same = await tryTake([gpu.need(1), gpu.need(1)], 'c');
    expect(same).toBeUndefined();
    release(first ?? []);
    expect(await tryTake([gpu.need(1), gpu.need(1), licence.need(1)], 'd')).toHaveLength(2);
    expect(gpu.free()).toBe(0);
  });

  test('of a dead process come back, and its files go', async () => {
    const token = new CounterToken(newPlace().workspace, 1);
    const taken = (await tryTake([token.need(1)], 'a')) ?? [];
    handTo(taken, 'a', { ...ours, start: '1' });
    expect(token.free()).toBe(1);
    expect(holders(token)).toBe(0);
  });

  test('can become more or fewer while they are held', async () => {
    const path = newPlace().workspace;
    const token = new CounterToken(path, 2);
    await tryTake([token.need(2)], 'a');
    new CounterToken(path, 3);
    expect([token.total, token.free()]).toEqual([3, 1]);
    new CounterToken(path, 1);
    expect(token.free()).toBe(-1);
    expect(await tryTake([token.need(1)], 'b')).toBeUndefined();
    expect(() => token.need(2)).toThrow('token.need: expected a count from 1 to 1, received 2');
  });

  test('keep jobs apart that the launcher would run together, and are free afterwards', async () => {
    const place = newPlace();
    const xp = begin(place, { launcher: new DirectLauncher({ jobs: 3 }) });
    const token = xp.workspace.token('one', 1);
    for (const a of [1, 2]) new Add({ a, log: place.log, delay: 50 }).submit({ tokens: [token.need(1)] });
    await xp.wait();
    const lines = place.lines();
    expect([lines[0]?.replace('begin', 'end'), lines[2]?.replace('begin', 'end')]).toEqual([
      lines[1],
      lines[3],
    ]);
    expect([token.free(), holders(token)]).toEqual([1, 0]);
  });
});
