/**
 * One run at a time in a directory.
 */
import { join } from 'node:path';
import { types } from 'node:util';
import { ArgumentError } from '../errors.ts';
import { codeOf } from '../experiment/files.ts';
import { Lock, lockOwner } from '../experiment/lock.ts';
import { type ProcessRecord, startHeartbeat } from '../experiment/processes.ts';

/**
 * Runs `run` while nobody else does in `directory`, which is free again when this process ends, however it does.
 *
 * @throws ArgumentError when somebody does
 */
export async function alone<T>(directory: string, run: () => Promise<T>): Promise<T> {
  const lock = take(directory);
  const stop = startHeartbeat([lock.file]);
  try {
    return await run();
  } finally {
    stop();
    lock.release();
  }
}

/** The process that runs in a directory; undefined when none does. */
export function runningIn(directory: string): ProcessRecord | undefined {
  return lockOwner(lockOf(directory));
}

function take(directory: string): Lock {
  let owner: ProcessRecord | undefined;
  for (let i = 0; i < ATTEMPTS; i++) {
    const lock = takeOne(directory);
    if (lock !== undefined) return lock;
    owner = runningIn(directory);
    if (owner !== undefined) break;
  }
  const who = owner === undefined ? 'another process' : `process ${owner.pid} of ${owner.host}`;
  throw new ArgumentError(
    `learner.run: expected a directory that no other run uses, but ${who} trains in ${directory}`,
  );
}

function takeOne(directory: string): Lock | undefined {
  try {
    return Lock.take(lockOf(directory));
  } catch (error) {
    if (!types.isNativeError(error) || codeOf(error) === undefined) throw error;
    const located = new ArgumentError(
      `learner.run: expected a directory that can be written to for path, but ${directory} cannot: ${error.message}`,
      'ERR_FILE',
    );
    located.cause = error;
    throw located;
  }
}

/** Whoever had the lock may be gone before it is asked who it was. */
const ATTEMPTS = 10;

function lockOf(directory: string): string {
  return join(directory, '.lock');
}
