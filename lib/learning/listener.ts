/**
 * Who is asked after each epoch.
 */
import { wrong } from '../experiment/accept.ts';
import { config } from '../experiment/config.ts';
import { meta } from '../experiment/parameters.ts';
import type { Dep } from '../experiment/task.ts';
import { string } from '../experiment/types.ts';
import type { Module } from '../torch/nn/module.ts';
import type { TrainerContext } from './context.ts';
import type { Hook } from './hooks.ts';
import type { ModuleLoader } from './moduleLoader.ts';
import type { TrainState } from './state.ts';

/** What a listener says about going on. The highest of all answers counts: one DONT_STOP overrules every STOP. */
export const LearnerListenerStatus = { NO_DECISION: 0, STOP: 1, DONT_STOP: 2 } as const;
export type LearnerListenerStatus = (typeof LearnerListenerStatus)[keyof typeof LearnerListenerStatus];

/** All answers as one. */
export function foldStatus(statuses: Iterable<LearnerListenerStatus>): LearnerListenerStatus {
  let folded: LearnerListenerStatus = LearnerListenerStatus.NO_DECISION;
  for (const status of statuses) if (status > folded) folded = status;
  return folded;
}

/** What a listener keeps, by name, such as the best model by each metric. */
export type ListenerOutput = Readonly<Record<string, ModuleLoader>>;

export abstract class LearnerListener extends config(import.meta, 'xpmir.learning.learner.LearnerListener', {
  /** Names the listener in tags, events and results; unique in a learner. */
  id: meta(string),
}) {
  override validate(): void {
    if (!/^[\w-][\w.-]*$/.test(this.id)) {
      throw wrong('id', 'letters, digits, underscores, hyphens and dots', this.id);
    }
  }

  /** Begins a run, in its directory goes on with the one before. */
  initialize(_context: TrainerContext): void | Promise<void> {}

  /**
   * Looks at the model after an epoch. When a run goes on from a checkpoint, it is called first for the epoch of that
   * once more, with `state.cached`: whoever was called last time may not have finished.
   */
  abstract afterEpoch(state: TrainState): LearnerListenerStatus | Promise<LearnerListenerStatus>;

  /** Itself, and the listeners that it asks. */
  members(): readonly LearnerListener[] {
    return [this];
  }

  /** The hooks that it calls. */
  ownHooks(): readonly Hook[] {
    return [];
  }

  /** Adds its final values to those of the run. */
  updateMetrics(_metrics: Map<string, number>): void {}

  /**
   * Loaders of what it will have kept, each marked by `dep` as an output of the learner. Called where the learner is
   * submitted, before anything runs.
   */
  initTask(_learner: { readonly model: Module }, _dep: Dep): ListenerOutput {
    return {};
  }

  /** What a listener that has no file of its own has to remember in a checkpoint, as JSON. */
  stateDict?(): unknown;

  /** Goes on where `stateDict` was taken. */
  loadStateDict?(state: unknown): void;
}
