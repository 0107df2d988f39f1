/**
 * How a model is while it is measured.
 */
import { noGrad } from '../torch/modes.ts';
import type { Module } from '../torch/nn/module.ts';
import { tidy } from '../torch/scope.ts';

/**
 * Runs `fn` with models in evaluation mode and without gradients, and frees the tensors that it made. Every module is
 * then in the mode that it was in.
 */
export async function evaluating<T>(models: readonly Module[], fn: () => T | Promise<T>): Promise<T> {
  const modes = models.flatMap((model) =>
    model.namedModules().map(([, module]) => [module, module.training] as const),
  );
  for (const model of models) model.eval();
  try {
    return await tidy(() => noGrad(async () => fn()));
  } finally {
    for (const [module, training] of modes) module.training = training;
  }
}
