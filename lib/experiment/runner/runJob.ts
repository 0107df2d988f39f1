/** A job, from its own process's side: lock, load, init tasks, task, marker. */

import { rmSync } from 'node:fs';
import { types } from 'node:util';
import { ArgumentError } from '../../errors.ts';
import { forbidExperiments } from '../current.ts';
import { writeAtomically } from '../files.ts';
import { type Failure, JobFiles } from '../jobFiles.ts';
import { JobProgress } from '../jobProgress.ts';
import { loadTask } from '../load.ts';
import { Lock } from '../lock.ts';
import { prepareObjects } from '../preparation.ts';
import { localProcess, startHeartbeat } from '../processes.ts';
import type { LightweightTask, TaskContext } from '../task.ts';
import { type HeldPart, handTo } from '../tokens.ts';
import { Cancellation, Cancelled } from './cancellation.ts';
import { busyCode } from './exitCodes.ts';
import { rank } from './rank.ts';

/** Runs the job of a directory and ends the process. */
export async function runJob(directory: string): Promise<void> {
  const job = new JobFiles(directory);
  process.chdir(directory);
  // Processes beside the first one take part in the task; only the first speaks for the job.
  if (rank() > 0) return await take(job, undefined);
  const lock = Lock.take(job.lock);
  if (lock === undefined) process.exit(busyCode);
  if (job.isDone()) {
    lock.release();
    process.exit(0);
  }
  const own = localProcess(process.pid);
  const tokens = JSON.parse(process.env.XPMIR_TOKENS ?? '[]') as readonly HeldPart[];
  writeAtomically(job.pid, `${JSON.stringify(own)}\n`);
  job.forgetLastRun();
  // Should the driver have died right after starting this process, it holds the tokens itself from here on.
  handTo(tokens, directory, own);
  startHeartbeat([lock.file, ...tokens.map(({ file }) => file)]);
  await take(job, lock);
}

/** @param lock undefined in a process that leaves no marks */
async function take(job: JobFiles, lock: Lock | undefined): Promise<void> {
  let ended = false;
  const end = (failure: Failure | undefined): never => {
    ended = true;
    if (lock !== undefined) mark(job, lock, failure);
    process.exit(failure?.code ?? 0);
  };
  // Covers what gives no error to catch: process.exit in a task, or a task that waits for what never comes.
  let last: unknown;
  process.on('uncaughtExceptionMonitor', (error) => {
    last = error;
  });
  process.on('exit', (code) => {
    if (ended || lock === undefined) return;
    const message =
      last !== undefined
        ? describeError(last)
        : `The process exited with code ${code} before the task was done`;
    process.exitCode = code || 1;
    mark(job, lock, { code: code || 1, reason: 'FAILED', message });
  });
  const cancellation = new Cancellation((cancelled) => end(failureOf(cancelled)));
  try {
    await execute(job, cancellation, new JobProgress(lock && job.progress));
  } catch (error) {
    const shown = cancellation.cancelled ?? error;
    console.error(shown);
    return end(failureOf(shown));
  }
  end(cancellation.cancelled && failureOf(cancellation.cancelled));
}

async function execute(job: JobFiles, cancellation: Cancellation, progress: JobProgress): Promise<void> {
  const record = job.record();
  if (record === undefined) throw new ArgumentError(`${job.params}: expected the description of a task`);
  forbidExperiments(
    'A job looks for its classes in this file, which began an experiment: keep the two in files of their own',
  );
  const { task, initTasks, pretasks } = await loadTask(record, job.workspace, prepareObjects);
  forbidExperiments(undefined);
  const context: TaskContext = {
    get signal() {
      return cancellation.signal;
    },
    directory: job.directory,
    progress: progress.report,
  };
  for (const each of [...pretasks, ...initTasks, task]) {
    if (cancellation.cancelled) return;
    await (each as unknown as LightweightTask).execute(context);
  }
}

function mark(job: JobFiles, lock: Lock, failure: Failure | undefined): void {
  if (failure === undefined) job.markDone();
  else job.markFailed(failure);
  rmSync(job.pid, { force: true });
  lock.release();
}

function failureOf(error: unknown): Failure {
  if (error instanceof Cancelled) return { code: error.code, reason: 'CANCELLED', message: error.message };
  const outOfMemory = (error as { code?: unknown } | null)?.code === 'ERR_OUT_OF_MEMORY';
  return { code: 1, reason: outOfMemory ? 'MEMORY' : 'FAILED', message: describeError(error) };
}

function describeError(error: unknown): string {
  return types.isNativeError(error) ? (error.stack ?? error.message) : `Thrown: ${String(error)}`;
}
