/**
 * One run at a time in a directory.
 */
import { join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { Lock, lockOwner } from '../experiment/lock.ts';
import type { ProcessRecord } from '../experiment/processes.ts';

/** Well below what another host waits before it takes this process for dead. */
const TOUCH_EVERY_MS = 20_000;

/**
 * Runs `run` while nobody else does in `directory`, which is free again when this process ends, however it does.
 *
 * @throws ArgumentError when somebody does
 */
export async function alone<T>(directory: string, run: () => Promise<T>): Promise<T> {
  const lock = Lock.take(lockOf(directory));
  if (lock === undefined) {
    const { pid, host } = { ...runningIn(directory) };
    throw new ArgumentError(
      `learner.run: expected a directory that no other run uses, but process ${pid} of ${host} trains in ${directory}`,
    );
  }
  const touching = setInterval(() => lock.touch(), TOUCH_EVERY_MS).unref();
  try {
    return await run();
  } finally {
    clearInterval(touching);
    lock.release();
  }
}

/** The process that runs in a directory; undefined when none does. */
export function runningIn(directory: string): ProcessRecord | undefined {
  return lockOwner(lockOf(directory));
}

function lockOf(directory: string): string {
  return join(directory, '.lock');
}
