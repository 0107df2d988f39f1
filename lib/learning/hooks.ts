/**
 * Code that runs at given moments of a run. What a hook is for is told by its class.
 */
import type { TrainerContext } from './context.ts';

type MaybeAsync = void | Promise<void>;

export abstract class Hook {
  /** Tells hooks from other objects in the types too. */
  readonly isHook = true;
}

/** Before anything is initialised, and once everything is. */
export abstract class InitializationHook extends Hook {
  before(_context: TrainerContext): MaybeAsync {}
  after(_context: TrainerContext): MaybeAsync {}
}

/** Around each step: `before` inside it, where losses and metrics may be added; `after` once the parameters changed. */
export abstract class StepTrainingHook extends Hook {
  before(_context: TrainerContext): MaybeAsync {}
  after(_context: TrainerContext): MaybeAsync {}
}

/** Around each call of a validating listener, whether it validates in this epoch or not. */
export abstract class ValidationHook extends Hook {
  before(_context: TrainerContext): MaybeAsync {}
  after(_context: TrainerContext): MaybeAsync {}
}

/** Takes part in the optimization. */
export abstract class OptimizationHook extends Hook {}

/** Sees, and may change, the gradients of a step after the last backward and before the parameters are updated. */
export abstract class GradientHook extends OptimizationHook {
  abstract gradients(context: TrainerContext): MaybeAsync;
}

/** Hooks in the order in which they came, found by their class or one that it extends. */
export class Hooks {
  readonly #hooks: Hook[] = [];

  add(hook: Hook): void {
    this.#hooks.push(hook);
  }

  of<T extends Hook>(kind: abstract new (...args: never[]) => T): T[] {
    return this.#hooks.filter((hook): hook is T & Hook => hook instanceof kind);
  }
}
