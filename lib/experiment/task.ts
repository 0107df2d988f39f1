/** Configurations that run: tasks, which are jobs of their own, and light ones, which run inside another's job. */
import { type ConfigClass, config, sealedError } from './config.ts';
import { type SubmitOptions, submitter } from './current.ts';
import { type Config, DECLARATION, fieldOf, nameOf } from './declaration.ts';
import { hidden } from './hidden.ts';
import type { ReportProgress } from './jobProgress.ts';
import type { Parameters } from './parameters.ts';

/** What a task may ask of the job that runs it. */
export interface TaskContext {
  /** Fires when the job is cancelled. A task that reads it is waited for; any other is ended at once. */
  readonly signal: AbortSignal;
  /** Directory of the job, which is also the current one. */
  readonly directory: string;
  /** Tells how far the task is, for `xpmir jobs`. */
  readonly progress: ReportProgress;
}

/** Runs in the job of a task, before it: what loads a model, for example. */
export abstract class LightweightTask {
  abstract execute(context: TaskContext): void | Promise<void>;
}

/** Marks a configuration as an output of the task, and returns it: what uses it waits for the task. */
export type Dep = <T extends Config>(output: T) => T;

/** What `submit` of a task returns: its `taskOutputs`, or the task itself. */
export type TaskOutputs<T> = T extends { taskOutputs(dep: Dep): infer O } ? (unknown extends O ? T : O) : T;

/** A job of its own: `submit` runs it in another process, once for each identity. */
export abstract class Task extends LightweightTask {
  /**
   * What others get from this task. Called at submission, before anything runs: it describes what will be there.
   * By default the task itself.
   */
  taskOutputs(dep: Dep): unknown {
    return dep(this as unknown as Config);
  }

  /**
   * Submits the task to the current experiment and returns its outputs at once.
   *
   * @throws ArgumentError when something in the tree is wrong, before anything runs
   */
  submit(options: SubmitOptions = {}): TaskOutputs<this> {
    const to = options.experiment ?? submitter();
    return to.submit(this as unknown as Task & Config, options) as TaskOutputs<this>;
  }
}

/** A class of tasks, to be extended; see `config`. A task that extends another is declared with `config`. */
export function task<P extends Parameters>(
  at: { readonly url: string },
  id: string,
  parameters: P,
): ConfigClass<P, typeof Task> {
  return config(at, id, parameters, Task);
}

/** A class of light tasks, to be extended; see `config`. */
export function lightweightTask<P extends Parameters>(
  at: { readonly url: string },
  id: string,
  parameters: P,
): ConfigClass<P, typeof LightweightTask> {
  return config(at, id, parameters, LightweightTask);
}

/** A copy of a configuration, not yet submitted; what it holds, its pretasks and `setMeta` are those of the original. */
export function copy<T extends Config>(original: T): T {
  const target = original.constructor as new (values: unknown) => T;
  const open = [...original[DECLARATION].parameters].filter(
    ([, { role }]) => role === 'param' || role === 'meta',
  );
  // `null` says "none" also where there is another default.
  const made = new target(Object.fromEntries(open.map(([name]) => [name, fieldOf(original, name) ?? null])));
  const [state, { pretasks, meta }] = [hidden(made), hidden(original)];
  state.pretasks.push(...pretasks);
  if (meta !== undefined) state.meta = meta;
  return made;
}

/**
 * Has light tasks run in every job that a configuration is a part of, before the init tasks, so that it comes ready for
 * use: a model that loads its own weights, for example. They are in its identity.
 *
 * @throws ArgumentError once the configuration was submitted; a copy of it was not
 */
export function addPretasks<T extends Config>(
  target: T,
  ...pretasks: readonly (Config & LightweightTask)[]
): T {
  const state = hidden(target);
  if (state.sealed) throw sealedError(nameOf(target));
  state.pretasks.push(...pretasks);
  return target;
}
