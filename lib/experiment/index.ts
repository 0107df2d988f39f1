/**
 * `xpmir/experiment`: configurations with an identity, and tasks that run once for each.
 *
 * @module xpmir/experiment
 */
export { type ConfigClass, config, configure, InstanceConfig, setMeta } from './config.ts';
export type { SubmitOptions } from './current.ts';
export { type Config, isConfig } from './declaration.ts';
export { DirectLauncher } from './directLauncher.ts';
export { type Experiment, type ExperimentOptions, experiment } from './experiment.ts';
export type { TagValue } from './hidden.ts';
export { identifier } from './identifier.ts';
export type { Job, JobState, RunMode } from './job.ts';
export type { DiskState, Failure, FailureReason, JobFiles } from './jobFiles.ts';
export type { ProgressLevel, ProgressOptions, ReportProgress } from './jobProgress.ts';
export type { Exit, JobCommand, LaunchedJob, Launcher } from './launcher.ts';
export { constant, meta, type Parameter, param, path } from './parameters.ts';
export type { ProcessRecord } from './processes.ts';
export { FailedExperiment } from './report.ts';
export { place } from './seal.ts';
export { type Tags, tag, tagsPath } from './tags.ts';
export {
  addPretasks,
  copy,
  type Dep,
  LightweightTask,
  lightweightTask,
  Task,
  type TaskContext,
  type TaskOutputs,
  task,
} from './task.ts';
export { CounterToken, type TokenNeed } from './tokens.ts';
export {
  type AnyClass,
  bool,
  dict,
  enumeration,
  float,
  int,
  int64,
  later,
  list,
  optional,
  pathname,
  set,
  string,
  type Type,
} from './types.ts';
export { Workspace } from './workspace.ts';
