/** The directory of a job: what lies in it, and what that says about the job. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readJson, writeAtomically } from './files.ts';
import { isAbandoned, lockOwner } from './lock.ts';
import type { ProcessRecord } from './processes.ts';
import type { TaskRecord } from './record.ts';

/** `DEPENDENCY`: another job failed, and this one was not run. */
export type FailureReason = 'DEPENDENCY' | 'FAILED' | 'MEMORY' | 'CANCELLED';

export interface Failure {
  /** Exit code of the process. */
  readonly code: number;
  readonly reason: FailureReason;
  readonly message: string;
}

/** `interrupted`: it was begun, and its process is gone without a word. */
export type DiskState = 'new' | 'ready' | 'running' | 'done' | 'failed' | 'interrupted';

export class JobFiles {
  readonly directory: string;
  /** The last part of the task's id; the files are called after it. */
  readonly name: string;

  /** @param directory `<workspace>/jobs/<task id>/<identifier>` */
  constructor(directory: string) {
    this.directory = directory;
    this.name = this.task.slice(this.task.lastIndexOf('.') + 1);
  }

  get task(): string {
    return basename(dirname(this.directory));
  }

  get identifier(): string {
    return basename(this.directory);
  }

  get workspace(): string {
    return join(this.directory, '..', '..', '..');
  }

  get params(): string {
    return join(this.directory, 'params.json');
  }

  get out(): string {
    return this.#named('out');
  }

  get err(): string {
    return this.#named('err');
  }

  get script(): string {
    return this.#named('sh');
  }

  get pid(): string {
    return this.#named('pid');
  }

  /** How far the job says it is. */
  get progress(): string {
    return this.#named('progress');
  }

  /** Held by the job's process as long as it lives. */
  get lock(): string {
    return this.#named('lock');
  }

  create(): void {
    mkdirSync(this.directory, { recursive: true });
  }

  isDone(): boolean {
    return existsSync(this.#named('done'));
  }

  /** How the last run failed; undefined when it did not. */
  failure(): Failure | undefined {
    return readJson<Failure>(this.#named('failed'));
  }

  /** The process that runs the job now. */
  owner(): ProcessRecord | undefined {
    return lockOwner(this.lock);
  }

  record(): TaskRecord | undefined {
    return readJson<TaskRecord>(this.params);
  }

  state(): DiskState {
    if (this.isDone()) return 'done';
    if (this.owner() !== undefined) return 'running';
    if (this.failure() !== undefined) return 'failed';
    if (isAbandoned(this.lock)) return 'interrupted';
    return existsSync(this.params) ? 'ready' : 'new';
  }

  // What follows is for whoever holds the lock.

  markDone(): void {
    rmSync(this.#named('failed'), { force: true });
    writeAtomically(this.#named('done'), '');
  }

  markFailed(failure: Failure): void {
    writeAtomically(this.#named('failed'), `${JSON.stringify(failure)}\n`);
  }

  /** Begins anew. */
  forgetLastRun(): void {
    rmSync(this.#named('failed'), { force: true });
    rmSync(this.progress, { force: true });
  }

  /** Resolves once no process runs the job. */
  async ended(): Promise<void> {
    for (let wait = 50; this.owner() !== undefined; wait = Math.min(wait * 1.5, 500)) await sleep(wait);
  }

  #named(extension: string): string {
    return join(this.directory, `${this.name}.${extension}`);
  }
}
