/**
 * Who is asked after each epoch.
 */
import type { TrainerContext } from './context.ts';
import type { ModuleLoader } from './moduleLoader.ts';
import { type Reader, wrong } from './options.ts';
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

export abstract class LearnerListener {
  /** Names the listener in tags, paths and results; unique in a learner. */
  readonly id: string;

  constructor(id: string) {
    this.id = listenerId(id, 'listener.id');
  }

  /** Begins a run: forgets the one before. */
  initialize(_context: TrainerContext): void | Promise<void> {}

  /** Looks at the model after an epoch. */
  abstract afterEpoch(state: TrainState): LearnerListenerStatus | Promise<LearnerListenerStatus>;

  /** Adds its final values to those of the run. */
  updateMetrics(_metrics: Map<string, number>): void {}

  /** What it kept, by name. */
  loaders(): Readonly<Record<string, ModuleLoader>> {
    return {};
  }
}

export const listenerId: Reader<string> = (value, path) => {
  if (typeof value !== 'string' || !/^[\w-][\w.-]*$/.test(value)) {
    throw wrong(path, 'letters, digits, underscores, hyphens and dots', value);
  }
  return value;
};
