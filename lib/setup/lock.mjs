/**
 * A lock between processes: a directory that holds its owner's name. It appears complete in one rename, so nobody ever
 * sees a lock without an owner, and an owner that is gone (killed, machine restarted) is noticed and replaced.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 200;
const heartbeatMs = 5_000;
const silenceMs = 60_000; // how long an owner on another machine may be silent: its processes cannot be asked
let sequence = 0;

/**
 * Runs `body` while holding the lock `directory`; waits, with a message, while another process holds it.
 *
 * @template T
 * @param {string} directory
 * @param {string} purpose what the lock guards, for the message
 * @param {() => T | Promise<T>} body
 * @param {(line: string) => void} [say]
 * @returns {Promise<T>}
 */
export async function withLock(directory, purpose, body, say = (line) => console.error(line)) {
  let announced = false;
  while (!tryLock(directory)) {
    const owner = readOwner(directory);
    if (owner !== undefined && isGone(owner, directory)) {
      takeAway(directory, owner);
      continue;
    }
    if (!announced && owner !== undefined) {
      say(`Waiting for process ${owner.pid} on ${owner.host}, which is setting up ${purpose} ...`);
      announced = true;
    }
    await sleep(pollMs);
  }
  const heartbeat = setInterval(() => touch(directory), heartbeatMs);
  heartbeat.unref();
  try {
    return await body();
  } finally {
    clearInterval(heartbeat);
    discard(directory);
  }
}

function tryLock(directory) {
  mkdirSync(dirname(directory), { recursive: true });
  const staged = `${directory}.new-${process.pid}-${sequence++}`;
  mkdirSync(staged);
  const owner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
  writeFileSync(join(staged, 'owner.json'), JSON.stringify(owner));
  try {
    renameSync(staged, directory); // fails when the lock exists, because that one is not empty
    return true;
  } catch (error) {
    rmSync(staged, { recursive: true, force: true });
    if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST' || error.code === 'EPERM') return false;
    throw error;
  }
}

/** Two waiters may both see a dead owner; the second must not remove the lock that the first has taken since. */
function takeAway(directory, deadOwner) {
  const guard = `${directory}.takeover`;
  try {
    mkdirSync(guard);
  } catch {
    if (ageOf(guard) > 10_000) rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    if (JSON.stringify(readOwner(directory)) === JSON.stringify(deadOwner)) discard(directory);
  } finally {
    rmSync(guard, { recursive: true, force: true });
  }
}

/** Renamed first: a half-deleted lock would be an empty directory, which a rename replaces, and then lose its owner. */
function discard(directory) {
  const away = `${directory}.old-${process.pid}-${sequence++}`;
  try {
    renameSync(directory, away);
    rmSync(away, { recursive: true, force: true });
  } catch {
    // somebody cleaned up, for example by deleting the whole folder
  }
}

function isGone(owner, directory) {
  if (owner.host !== hostname()) return ageOf(directory) > silenceMs;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return error.code === 'ESRCH';
  }
  const started = startOf(owner.pid);
  return started !== null && owner.started !== null && started !== owner.started; // the number was given to another process
}

/** When a process started, in clock ticks since the machine did; null where /proc does not tell. */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return null;
  }
}

function readOwner(directory) {
  try {
    return JSON.parse(readFileSync(join(directory, 'owner.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

function ageOf(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function touch(directory) {
  try {
    utimesSync(directory, new Date(), new Date());
  } catch {
    // taken away with its folder; the body goes on and its own renames decide
  }
}
