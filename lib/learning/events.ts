/**
 * What a run tells while it goes on. Readers are told in order and never change the run.
 */
import type { TrainState } from './state.ts';

export type LearnerEvent =
  | StartEvent
  | StepEvent
  | EpochEvent
  | ValidationEvent
  | CheckpointEvent
  | WarningEvent
  | EndEvent;

export interface StartEvent {
  readonly type: 'start';
  readonly maxEpochs: number;
  readonly stepsPerEpoch: number;
  /** Where the run begins, or goes on. */
  readonly state: TrainState;
}

/** After a step; `metrics` are of this step alone. */
export interface StepEvent {
  readonly type: 'step';
  readonly state: TrainState;
  readonly metrics: ReadonlyMap<string, number>;
}

/** After the steps of an epoch; `metrics` are its weighted means. */
export interface EpochEvent {
  readonly type: 'epoch';
  readonly state: TrainState;
  readonly metrics: ReadonlyMap<string, number>;
}

/** After a validation: the mean of every metric over its items, and which are the best so far. */
export interface ValidationEvent {
  readonly type: 'validation';
  readonly listener: string;
  readonly state: TrainState;
  readonly metrics: ReadonlyMap<string, number>;
  /** The values that each mean is of, where there are several. */
  readonly values: ReadonlyMap<string, readonly number[]>;
  readonly improved: ReadonlySet<string>;
}

export interface CheckpointEvent {
  readonly type: 'checkpoint';
  readonly state: TrainState;
  readonly path: string;
}

export interface WarningEvent {
  readonly type: 'warning';
  readonly message: string;
}

/** After the last epoch; also when the run failed. */
export interface EndEvent {
  readonly type: 'end';
  readonly state: TrainState;
  readonly failed: boolean;
  /** Final values of the listeners; empty where nothing was trained. */
  readonly metrics: ReadonlyMap<string, number>;
}

export type EventReader = (event: LearnerEvent) => void;
