/**
 * Gets a trained model back.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { loadSafetensors } from '../torch/io/safetensors.ts';
import { Module } from '../torch/nn/module.ts';
import { tidy } from '../torch/scope.ts';
import { MODEL_FILE } from './checkpoint.ts';
import { instance, readOptions, text } from './options.ts';

/** Loads saved weights into a model of the same structure. */
export class ModuleLoader {
  readonly model: Module;
  /** A safetensors file, or a checkpoint with one in it. */
  readonly path: string;

  constructor(options: { readonly model: Module; readonly path: string }) {
    const read = readOptions('moduleLoader', options, { model: instance(Module), path: text() });
    this.model = read.model;
    this.path = read.path;
  }

  /** @throws ArgumentError when there is no such file, or when it is of a model with other parameters */
  async execute(): Promise<void> {
    const entry = statSync(this.path, { throwIfNoEntry: false });
    if (entry === undefined) {
      throw new ArgumentError(
        `moduleLoader.path: expected a saved model, received ${this.path}, which does not exist`,
      );
    }
    const file = entry.isDirectory() ? join(this.path, MODEL_FILE) : this.path;
    await tidy(async () => {
      this.model.loadStateDict(await loadSafetensors(file));
    });
  }
}
