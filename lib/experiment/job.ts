/** A task that was submitted: waits for what it depends on, then runs, or finds that it ran or runs already. */
import { setTimeout as sleep } from 'node:timers/promises';
import { types } from 'node:util';
import { commandFor, writeScript } from './command.ts';
import { writeAtomically } from './files.ts';
import type { TagValue } from './hidden.ts';
import type { Failure, JobFiles } from './jobFiles.ts';
import type { Exit, LaunchedJob, Launcher } from './launcher.ts';
import { Lock } from './lock.ts';
import type { TaskRecord } from './record.ts';
import { busyCode } from './runner/exitCodes.ts';
import type { Slots } from './slots.ts';
import { type HeldPart, handTo, release, type TokenNeed, tryTake } from './tokens.ts';

/** `ready`: what it depends on is done, and it waits for its turn. */
export type JobState = 'waiting' | 'ready' | 'running' | 'done' | 'error';

/** `generateOnly` writes the directories of jobs, `dryRun` nothing at all. */
export type RunMode = 'normal' | 'dryRun' | 'generateOnly';

export interface JobOptions {
  readonly files: JobFiles;
  readonly record: TaskRecord;
  readonly dependencies: readonly Job[];
  readonly launcher: Launcher;
  /** Those of the launcher. */
  readonly slots: Slots;
  readonly tokens: readonly TokenNeed[];
  readonly tags: Readonly<Record<string, TagValue>>;
  readonly mode: RunMode;
  /** Told at each change of state. */
  readonly observer: (job: Job) => void;
}

export class Job {
  readonly files: JobFiles;
  readonly tags: Readonly<Record<string, TagValue>>;
  readonly dependencies: readonly Job[];
  /** Resolves when nothing more will happen with it; never rejects. */
  readonly finished: Promise<void>;
  readonly #options: JobOptions;
  #state: JobState = 'waiting';
  #failure: Failure | undefined;

  constructor(options: JobOptions) {
    this.files = options.files;
    this.tags = options.tags;
    this.dependencies = options.dependencies;
    this.#options = options;
    this.finished = this.#run();
  }

  get task(): string {
    return this.files.task;
  }

  get identifier(): string {
    return this.files.identifier;
  }

  get directory(): string {
    return this.files.directory;
  }

  get state(): JobState {
    return this.#state;
  }

  /** Why it is in state `error`. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  async #run(): Promise<void> {
    try {
      // Whoever submitted it gets its outputs first.
      await null;
      if (this.#options.mode === 'normal') await this.#runNormally();
      else await this.#pretend(this.#options.mode);
    } catch (error) {
      const message = types.isNativeError(error) ? error.message : String(error);
      this.#fail({ code: 1, reason: 'FAILED', message: `The job could not be started: ${message}` });
    }
  }

  async #runNormally(): Promise<void> {
    // Done before: then nothing is waited for, not even what it depended on.
    if (this.files.isDone()) return this.#enter('done');
    const running = this.files.owner() !== undefined;
    if (!running && !(await this.#dependenciesDone())) return;
    // A process that an earlier driver started, or another driver now.
    if (this.files.owner() !== undefined) return await this.#attach();
    this.#enter('ready');
    const found = await this.#options.launcher.find?.(this.files);
    if (found !== undefined) return await this.#watch(found);
    await this.#inTurn(async (tokens) => {
      if (this.files.isDone() || this.files.owner() !== undefined) return await this.#attach();
      await this.#watch(await this.#start(tokens));
    });
  }

  async #dependenciesDone(): Promise<boolean> {
    for (const dependency of this.dependencies) {
      await dependency.finished;
      if (dependency.state !== 'error') continue;
      const message = `Not run, as ${dependency.task}/${dependency.identifier} failed`;
      this.#fail({ code: 1, reason: 'DEPENDENCY', message });
      return false;
    }
    return true;
  }

  async #attach(): Promise<void> {
    if (!this.files.isDone()) this.#enter('running');
    await this.files.ended();
    await this.#conclude({ code: null, signal: null });
  }

  async #start(tokens: readonly HeldPart[]): Promise<LaunchedJob> {
    const command = commandFor(this.files, this.#options.record, tokens);
    this.#write();
    const launched = await this.#options.launcher.start(command);
    handTo(tokens, this.directory, launched.process);
    return launched;
  }

  async #watch({ ended }: LaunchedJob): Promise<void> {
    this.#enter('running');
    const exit = await ended;
    // Another driver's process was faster: it runs the job for us too.
    if (exit.code === busyCode) return await this.#attach();
    await this.#conclude(exit);
  }

  /** Runs `action` once the launcher has room and all tokens are there; waiting for tokens keeps no room from others. */
  async #inTurn(action: (tokens: readonly HeldPart[]) => Promise<void>): Promise<void> {
    const { slots, tokens: needs } = this.#options;
    for (let wait = 50; ; wait = Math.min(wait * 1.5, 1000)) {
      await slots.take();
      const tokens = await tryTake(needs, this.directory);
      try {
        if (tokens !== undefined) return await action(tokens);
      } finally {
        release(tokens ?? []);
        slots.give();
      }
      await sleep(wait);
    }
  }

  async #conclude(exit: Exit): Promise<void> {
    if (this.files.isDone()) return this.#enter('done');
    const failure = this.files.failure() ?? unmarked(exit);
    if (this.files.failure() === undefined) this.#markFor(failure);
    this.#fail(failure);
  }

  /** Says for a process that could not say it itself how it ended, unless the job runs again already. */
  #markFor(failure: Failure): void {
    const lock = Lock.take(this.files.lock);
    if (lock === undefined) return;
    if (!this.files.isDone()) this.files.markFailed(failure);
    lock.release();
  }

  /** What a mode that runs nothing does. */
  async #pretend(mode: 'dryRun' | 'generateOnly'): Promise<void> {
    if (this.files.isDone()) return this.#enter('done');
    if (this.files.owner() !== undefined) return this.#enter('running');
    for (const dependency of this.dependencies) await dependency.finished;
    if (mode === 'generateOnly') {
      this.#write();
      writeScript(this.files, commandFor(this.files, this.#options.record));
    }
    this.#enter(this.dependencies.every(({ state }) => state === 'done') ? 'ready' : 'waiting');
  }

  #write(): void {
    this.files.create();
    writeAtomically(this.files.params, `${JSON.stringify(this.#options.record, undefined, 2)}\n`);
  }

  #fail(failure: Failure): void {
    this.#failure = failure;
    this.#enter('error');
  }

  #enter(state: JobState): void {
    this.#state = state;
    try {
      this.#options.observer(this);
    } catch (error) {
      process.emitWarning(`An observer of jobs failed: ${error}`);
    }
  }
}

function unmarked({ code, signal }: Exit): Failure {
  const how =
    signal !== null ? `was killed by ${signal}` : code !== null ? `exited with code ${code}` : 'ended';
  return { code: code ?? 1, reason: 'FAILED', message: `The process ${how} and left no result` };
}
