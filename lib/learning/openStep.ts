/** Steps that are made ready, and under way. */
import type { Metrics } from './metrics.ts';
import type { MovedRates } from './scheduledOptimizer.ts';
import type { TrainState } from './state.ts';
import type { TensorPart } from './tensorParts.ts';

/** The batches of a step, and what it can be computed from without JavaScript. */
export interface Prepared {
  readonly batches: readonly unknown[];
  parts: readonly TensorPart[] | undefined;
}

/** A step under way. */
export interface Open {
  readonly prepared: Prepared;
  readonly state: TrainState;
  readonly done: Promise<Made>;
  /** Once the schedules moved on, which is before the step is done. */
  readonly moved: () => MovedRates | undefined;
  /** Whether the next one may begin before it is done. */
  readonly overlaps: boolean;
}

/** What a step came to: its metrics, or that its update, or all of it, is to be made without being compiled. */
export type Made = Metrics | 'update' | 'all';
