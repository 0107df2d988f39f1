/**
 * Several models as one, for a learner that trains them together.
 */

import { ArgumentError } from '../errors.ts';
import { config } from '../experiment/config.ts';
import { param } from '../experiment/parameters.ts';
import { list } from '../experiment/types.ts';
import { Module as TorchModule } from '../torch/nn/module.ts';
import type { Named } from '../torch/nn/walk.ts';
import { Module } from './module.ts';

/** The modules under the keys "0", "1", ..., with all their parameters. It cannot be called: its modules are. */
export class ModuleList extends config(
  import.meta,
  'xpmir.learning.optim.ModuleList',
  { subModules: param(list(TorchModule)) },
  Module,
) {
  override ownEntries(): Iterable<Named<unknown>> {
    return [...super.ownEntries(), ...this.subModules.map((module, i): Named<unknown> => [`${i}`, module])];
  }

  forward(): never {
    throw new ArgumentError('moduleList: expected a call of one of its modules, as a list computes nothing');
  }
}
