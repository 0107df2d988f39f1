/** What the system knows about a configuration beside its parameters; kept apart, so that users' objects stay theirs. */

import type { Config } from './declaration.ts';

/** The job that a configuration comes out of. */
export interface Producer {
  /** Id of the task's class. */
  readonly task: string;
  readonly identifier: string;
  /** Directory of the job. */
  readonly directory: string;
  /** The configuration is the task itself. */
  readonly self: boolean;
}

export type TagValue = string | number | boolean;

export interface Hidden {
  /** Set by `setMeta`. */
  meta?: boolean;
  /** Its parameters can no longer be changed. */
  sealed: boolean;
  /** Set by `dep`. */
  producer?: Producer;
  /** Generated paths by parameter. */
  paths?: ReadonlyMap<string, string>;
  /** Directory of the job that the paths were generated for; of a task, that it was submitted as. */
  job?: string;
  /** What a task was submitted with. */
  initTasks?: readonly Config[];
  readonly tags: Map<string, TagValue>;
  /** Run in the job's process, before the init tasks, by `addPretask`. */
  readonly pretasks: Config[];
}

const known = new WeakMap<object, Hidden>();

export function hidden(config: object): Hidden {
  const found = known.get(config) ?? { sealed: false, tags: new Map(), pretasks: [] };
  known.set(config, found);
  return found;
}
