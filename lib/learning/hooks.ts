/**
 * Code that runs at given moments of a run. What a hook is for is told by its class.
 */
import { config } from '../experiment/config.ts';
import type { TrainerContext } from './context.ts';

type MaybeAsync = void | Promise<void>;

/**
 * Base of all hooks. What a hook is found by is its class, so a family of one's own is an abstract class that extends
 * this one: `context.hooks(Family)` gives its members, to a model for example.
 */
export abstract class Hook extends config(import.meta, 'xpmir.context.Hook', {}) {
  /** Tells hooks from other objects in the types too. */
  declare readonly isHook: true;

  /** What a hook that changes while it runs has to remember in a checkpoint, as JSON. */
  stateDict?(): unknown;

  /** Goes on where `stateDict` was taken. */
  loadStateDict?(state: unknown): void;
}

/** Before anything is initialised, and once everything is. */
export abstract class InitializationHook extends config(
  import.meta,
  'xpmir.context.InitializationHook',
  {},
  Hook,
) {
  before(_context: TrainerContext): MaybeAsync {}
  after(_context: TrainerContext): MaybeAsync {}
}

/** Around each step: `before` inside it, where losses and metrics may be added; `after` once the parameters changed. */
export abstract class StepTrainingHook extends config(
  import.meta,
  'xpmir.learning.context.StepTrainingHook',
  {},
  Hook,
) {
  before(_context: TrainerContext): MaybeAsync {}
  after(_context: TrainerContext): MaybeAsync {}
}

/** Around each call of a validating listener, whether it validates in this epoch or not. */
export abstract class ValidationHook extends config(
  import.meta,
  'xpmir.learning.context.ValidationHook',
  {},
  Hook,
) {
  before(_context: TrainerContext): MaybeAsync {}
  after(_context: TrainerContext): MaybeAsync {}
}

/** Takes part in the optimization. */
export abstract class OptimizationHook extends config(
  import.meta,
  'xpmir.learning.optim.OptimizationHook',
  {},
  Hook,
) {}

/** Sees, and may change, the gradients of a step after the last backward and before the parameters are updated. */
export abstract class GradientHook extends config(
  import.meta,
  'xpmir.learning.optim.GradientHook',
  {},
  OptimizationHook,
) {
  abstract gradients(context: TrainerContext): MaybeAsync;

  /**
   * Whether `gradients` may become a part of compiled steps: it is not asynchronous, only calls operators and
   * `addMetric` with tensors, and does the same in every step. Default false.
   */
  get isCompilable(): boolean {
    return false;
  }
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

  /** Those that may have a state. */
  named(): NamedHook[] {
    return namedHooks(this.#hooks);
  }
}

export type NamedHook = readonly [name: string, hook: Hook];

/** Each hook under a name that it has in another process too: its class, and which of these it is. */
export function namedHooks(hooks: readonly Hook[]): NamedHook[] {
  const counts = new Map<string, number>();
  return hooks.map((hook) => {
    const { name } = hook.constructor;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return [count === 1 ? name : `${name}#${count}`, hook];
  });
}
