/**
 * Gets a trained model back: given as init tasks to a job, these load the model before the job begins.
 */
import { config } from '../experiment/config.ts';
import { nameOf } from '../experiment/declaration.ts';
import { param } from '../experiment/parameters.ts';
import { lightweightTask } from '../experiment/task.ts';
import { pathname, string } from '../experiment/types.ts';
import { Module } from '../torch/nn/module.ts';
import { tidy } from '../torch/scope.ts';
import { initializeModel, ModuleInitMode } from './module.ts';
import { type LoadReport, loadWeights } from './weights.ts';

/**
 * Loads saved weights into a model of the same structure.
 *
 * - `value`: the model; a job that uses the same configuration finds it loaded
 * - `path`: a safetensors file, or a checkpoint with one in it; not in the identity
 */
export class ModuleLoader extends lightweightTask(import.meta, 'xpmir.learning.optim.ModuleLoader', {
  value: param(Module),
  path: param(pathname),
}) {
  override async execute(): Promise<void> {
    await this.load();
  }

  /** @throws ArgumentError when there is no such file, or when it is of a model with other parameters */
  async load(): Promise<LoadReport> {
    const { value, path } = this;
    await initializeModel(value, { mode: ModuleInitMode.NONE });
    const names = tidy(() => [...value.stateDict().keys()]);
    const keys = new Map(names.map((name) => [name, name]));
    return loadWeights({ model: value, path, keys, isWhole: true, owner: nameOf(this) });
  }
}

/** Loads what a listener kept: one of a kind for each listener and metric, as the path is not in the identity. */
export class ValidationModuleLoader extends config(
  import.meta,
  'xpmir.letor.learner.ValidationModuleLoader',
  {
    /** Id of the listener. */
    listener: param(string),
    /** What it was kept for, such as a metric. */
    key: param(string),
  },
  ModuleLoader,
) {}
