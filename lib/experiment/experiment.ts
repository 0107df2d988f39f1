/** An experiment: the jobs that one script submits, run in the order that their dependencies allow. */
import { ArgumentError, expected } from '../errors.ts';
import { makeCurrent, type SubmitOptions, type Submitter } from './current.ts';
import { type Config, DECLARATION, isConfig, nameOf } from './declaration.ts';
import { DirectLauncher } from './directLauncher.ts';
import { hidden } from './hidden.ts';
import { identifier } from './identifier.ts';
import { Job, type JobOptions, type RunMode } from './job.ts';
import type { JobFiles } from './jobFiles.ts';
import type { Launcher } from './launcher.ts';
import { recordTask } from './record.ts';
import { FailedExperiment, tellOnStandardError } from './report.ts';
import { placeAll, requireDeclared, roots, seal, validate, wholeTree } from './seal.ts';
import { Slots } from './slots.ts';
import { collectTags, tag } from './tags.ts';
import { LightweightTask, Task } from './task.ts';
import type { Place } from './tree.ts';
import { Workspace } from './workspace.ts';

export interface ExperimentOptions {
  /** `dryRun` starts and writes nothing, `generateOnly` writes the directories of jobs; default `normal`. */
  readonly mode?: RunMode;
  /** For jobs that are submitted without one; default a `DirectLauncher`. */
  readonly launcher?: Launcher;
  /** Told whenever the state of a job changes. By default a line on standard error; `false` for nothing. */
  readonly observer?: ((job: Job) => void) | false;
}

/**
 * Begins an experiment. It is the current one, to which `submit` goes, until the next one begins.
 *
 * @param name directory of the experiment below `<workspace>/experiments`
 * @param workspace a workspace, or its path
 */
export function experiment(
  name: string,
  workspace: Workspace | string,
  options: ExperimentOptions = {},
): Experiment {
  const begun = new Experiment(
    name,
    typeof workspace === 'string' ? new Workspace(workspace) : workspace,
    options,
  );
  makeCurrent(begun);
  return begun;
}

/** A job and what its `submit` returned. */
interface Submitted {
  readonly job: Job;
  readonly outputs: unknown;
}

export class Experiment implements Submitter {
  readonly name: string;
  readonly workspace: Workspace;
  readonly mode: RunMode;
  readonly #launcher: Launcher;
  readonly #observer: (job: Job) => void;
  readonly #submitted = new Map<string, Submitted>();
  readonly #slots = new Map<Launcher, Slots>();

  constructor(
    name: string,
    workspace: Workspace,
    { mode = 'normal', launcher, observer }: ExperimentOptions,
  ) {
    if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name))
      throw expected('a name of letters, digits, ".", "-" and "_"', 'experiment', name);
    if (!['normal', 'dryRun', 'generateOnly'].includes(mode))
      throw expected('normal, dryRun or generateOnly', 'mode', mode);
    this.name = name;
    this.workspace = workspace;
    this.mode = mode;
    this.#launcher = launcher ?? new DirectLauncher();
    this.#observer = observer === false ? () => {} : (observer ?? ((job) => tellOnStandardError(job, mode)));
  }

  /** In the order of submission. */
  get jobs(): Job[] {
    return Array.from(this.#submitted.values(), ({ job }) => job);
  }

  /** The job of a task that was submitted here. */
  jobOf(task: LightweightTask): Job {
    const found = this.jobs.find(({ directory }) => directory === hidden(task).job);
    if (found === undefined)
      throw new ArgumentError(`${nameOf(task)}: was not submitted to experiment ${this.name}`);
    return found;
  }

  /** See `Task.submit`. */
  submit(task: Task & Config, options: SubmitOptions = {}): unknown {
    const { initTasks = [], tags = {} } = options;
    checkRunnable(task, initTasks);
    const places = roots(task, initTasks);
    requireDeclared(places);
    validate(places);
    const files = this.workspace.job(task[DECLARATION].id, identifier(task, initTasks));
    claim(task, initTasks, files.directory);
    placeAll(places, files.directory);
    tag(task, tags);
    seal(places);
    const key = keyOf(files.task, files.identifier);
    const known = this.#submitted.get(key);
    if (known !== undefined && known.job.state !== 'error') return known.outputs;
    const jobOptions = this.#jobOptions(task, places, files, options);
    const outputs = task.taskOutputs((output) => {
      const { task: id, identifier, directory } = files;
      hidden(output).producer = { task: id, identifier, directory, self: (output as Config) === task };
      return output;
    });
    if (this.mode !== 'dryRun') this.workspace.addToExperiment(this.name, files);
    this.#submitted.set(key, { job: new Job(jobOptions), outputs });
    return outputs;
  }

  #jobOptions(
    task: Config,
    places: readonly Place[],
    files: JobFiles,
    { initTasks = [], launcher = this.#launcher, tokens = [] }: SubmitOptions,
  ): JobOptions {
    const dependencies = this.#dependenciesOf(places, files);
    const inherited = dependencies.map((job) => job.tags);
    const tags = collectTags(places, inherited);
    const record = recordTask(task, { workspace: this.workspace.path, initTasks, tags });
    const slots = this.#slots.get(launcher) ?? new Slots(launcher.capacity);
    this.#slots.set(launcher, slots);
    return {
      files,
      record,
      dependencies,
      launcher,
      slots,
      tokens,
      tags,
      mode: this.mode,
      observer: this.#observer,
    };
  }

  /**
   * Waits for all jobs, also for those that are submitted in the meantime.
   *
   * @returns all jobs
   * @throws FailedExperiment when one failed, once the others are finished
   */
  async wait(): Promise<Job[]> {
    let waited: readonly Job[];
    do {
      waited = this.jobs;
      await Promise.all(waited.map((job) => job.finished));
    } while (this.jobs.some((job) => !waited.includes(job)));
    const failed = this.jobs.filter(({ state }) => state === 'error');
    if (failed.length > 0) throw new FailedExperiment(this.name, failed, this.jobs.length);
    return this.jobs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.wait();
  }

  /** The jobs of which something is used here. One of an earlier experiment needs no waiting, as it is done. */
  #dependenciesOf(places: readonly Place[], own: JobFiles): Job[] {
    const found = new Set<Job>();
    for (const { config, at } of wholeTree(places)) {
      const { producer } = hidden(config);
      if (producer === undefined || producer.directory === own.directory) continue;
      const job = this.#submitted.get(keyOf(producer.task, producer.identifier))?.job;
      if (job !== undefined) found.add(job);
      else if (!this.workspace.job(producer.task, producer.identifier).isDone()) {
        throw new ArgumentError(
          `${at}: is an output of ${producer.task}, which was not submitted to experiment ${this.name}`,
        );
      }
    }
    return [...found];
  }
}

const keyOf = (task: string, identifier: string) => `${task}/${identifier}`;

/** An object stands for one job: its paths lie there, and who uses it waits for that one. */
function claim(task: Config, initTasks: readonly Config[], directory: string): void {
  const state = hidden(task);
  if (state.job !== undefined && state.job !== directory) {
    throw new ArgumentError(
      `${nameOf(task)}: was submitted as ${state.job} already; make a new one, or submit copy(task)`,
    );
  }
  state.job = directory;
  state.initTasks = initTasks;
}

function checkRunnable(task: unknown, initTasks: readonly unknown[]): void {
  if (!isConfig(task) || !(task instanceof Task))
    throw expected('a task, declared with task()', 'submit', task);
  for (const [i, each] of initTasks.entries()) {
    if (isConfig(each) && each instanceof LightweightTask && !(each instanceof Task)) continue;
    throw expected('a task declared with lightweightTask()', `initTasks[${i}]`, each);
  }
}
