/**
 * One directory for all runs of an experiment, each by its tags: what `tensorboard --logdir` wants.
 */
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ArgumentError } from '../errors.ts';
import type { Experiment } from '../experiment/experiment.ts';
import { tagsPath } from '../experiment/tags.ts';
import type { LightweightTask } from '../experiment/task.ts';

/** Links the logs of submitted tasks: `<workspace>/experiments/<name>/runs/<tags>` shows to where the job writes them. */
export class TensorboardService {
  /** For `tensorboard --logdir`. */
  readonly directory: string;
  readonly #experiment: Experiment;
  readonly #logs = new Map<string, string>();

  constructor(experiment: Experiment) {
    this.#experiment = experiment;
    this.directory = join(experiment.workspace.path, 'experiments', experiment.name, 'runs');
  }

  /**
   * Adds a task, whether its job has begun or not. A link of an earlier run of the script with the same tags is replaced.
   *
   * @param logpath such as that of a learner
   * @throws ArgumentError when the task was not submitted, has no tags, or has those of another one here
   */
  add(task: LightweightTask, logpath: string): void {
    const job = this.#experiment.jobOf(task);
    const name = tagsPath(job.tags);
    if (name === '')
      throw new ArgumentError(
        `${job.task}: expected tags, which name it in TensorBoard: submit({ tags: { lr: 0.1 } })`,
      );
    const other = this.#logs.get(name);
    if (other !== undefined && other !== logpath)
      throw new ArgumentError(`${job.task}: expected tags that no other task has here, received ${name}`);
    this.#logs.set(name, logpath);
    if (this.#experiment.mode === 'dryRun') return;
    mkdirSync(this.directory, { recursive: true });
    const link = join(this.directory, name);
    const beside = join(this.directory, `.${name}.${process.pid}.tmp`);
    rmSync(beside, { force: true });
    symlinkSync(relative(dirname(link), logpath), beside);
    renameSync(beside, link);
  }
}
