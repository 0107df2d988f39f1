/** The experiment that `submit` goes to when none is named. */
import { ArgumentError } from '../errors.ts';
import type { Config } from './declaration.ts';
import type { TagValue } from './hidden.ts';
import type { Launcher } from './launcher.ts';
import type { Task } from './task.ts';
import type { TokenNeed } from './tokens.ts';

export interface SubmitOptions {
  /** Run in the task's process before it, in this order. A part of its identity. */
  readonly initTasks?: readonly Config[];
  /** How the job's process is started; by default as the experiment says. Not in the identity. */
  readonly launcher?: Launcher;
  /** What the job must hold while it runs: all of it or nothing is taken. Not in the identity. */
  readonly tokens?: readonly TokenNeed[];
  /** Names for this job in tables and paths, such as `{ lr: 0.1 }`. Not in the identity. */
  readonly tags?: Readonly<Record<string, TagValue>>;
  /** By default the experiment that was begun last. */
  readonly experiment?: Submitter;
}

export interface Submitter {
  submit(task: Task & Config, options: SubmitOptions): unknown;
}

let current: Submitter | undefined;
let forbidden: string | undefined;

export function submitter(): Submitter {
  if (current === undefined)
    throw new ArgumentError('There is no experiment to submit to: call experiment(name, workspace) first');
  return current;
}

/** @throws ArgumentError in a job that is looking for its classes, and would begin its own experiment again */
export function makeCurrent(experiment: Submitter): void {
  if (forbidden !== undefined) throw new ArgumentError(forbidden);
  current = experiment;
}

/** Until called again with undefined, no experiment can begin. */
export function forbidExperiments(why: string | undefined): void {
  forbidden = why;
}
