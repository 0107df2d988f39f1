/** A directory in which jobs are found again by what they compute. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { codeOf } from './files.ts';
import { JobFiles } from './jobFiles.ts';
import { Lock } from './lock.ts';
import { CounterToken } from './tokens.ts';

export class Workspace {
  readonly path: string;

  /** @param path made when the first job is submitted */
  constructor(path: string) {
    this.path = resolve(path);
  }

  /** Files of the job of a task, whether it was ever submitted or not. */
  job(task: string, identifier: string): JobFiles {
    return new JobFiles(join(this.path, 'jobs', task, identifier));
  }

  /** All jobs that were ever submitted, by task and identifier. */
  jobs(): JobFiles[] {
    const root = join(this.path, 'jobs');
    const found = entries(root).flatMap((task) =>
      entries(join(root, task)).map((hash) => this.job(task, hash)),
    );
    return found.filter((job) => /^[0-9a-f]{64}$/.test(job.identifier));
  }

  /** The jobs that an experiment submitted. */
  jobsOf(experiment: string): JobFiles[] {
    const root = this.#experiment(experiment);
    return entries(root).flatMap((task) => entries(join(root, task)).map((hash) => this.job(task, hash)));
  }

  /** Notes that an experiment submitted a job: a link, so that a person finds it too. */
  addToExperiment(experiment: string, job: JobFiles): void {
    const link = join(this.#experiment(experiment), job.task, job.identifier);
    mkdirSync(dirname(link), { recursive: true });
    try {
      symlinkSync(relative(dirname(link), job.directory), link);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }

  /**
   * Removes a job with all that it left, unless it runs.
   *
   * @returns whether it was removed
   */
  remove(job: JobFiles): boolean {
    if (Lock.take(job.lock) === undefined) return false;
    // Gone at once for everybody, however long the removal takes.
    const aside = join(this.path, 'jobs', `.removed.${randomUUID()}`);
    renameSync(job.directory, aside);
    rmSync(aside, { recursive: true, force: true });
    for (const experiment of entries(join(this.path, 'experiments'))) {
      rmSync(join(this.#experiment(experiment), job.task, job.identifier), { force: true });
    }
    return true;
  }

  /**
   * A token of this workspace that counts: at most `total` are held at once, by the jobs of all experiments.
   *
   * @param name such as `gpu`
   */
  token(name: string, total: number): CounterToken {
    return new CounterToken(join(this.path, 'tokens', name), total);
  }

  #experiment(name: string): string {
    return join(this.path, 'experiments', name, 'jobs');
  }
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
