/**
 * What a run tells while it goes on. Readers are told in order; they never change the run, and never end it.
 */
import { types } from 'node:util';
import type { TrainState } from './state.ts';

export type LearnerEvent =
  | StartEvent
  | StepEvent
  | EpochEvent
  | ValidationEvent
  | CheckpointEvent
  | RestartEvent
  | WarningEvent
  | EndEvent;

export interface StartEvent {
  /** `resume`, in a log only: an earlier process told what is before `state`, and what it told after that is void. */
  readonly type: 'start' | 'resume';
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
  /** How many records were learnt from; 0 where the trainer does not say. */
  readonly samples: number;
}

/** After the steps of an epoch; `metrics` are its weighted means. */
export interface EpochEvent {
  readonly type: 'epoch';
  readonly state: TrainState;
  readonly metrics: ReadonlyMap<string, number>;
  /** Share of the time of the steps in which nothing was computed, as the next batch was not there. */
  readonly dataWait?: number | undefined;
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

/** A checkpoint is on the disk. It is saved while the run goes on: `state` is what it has, not where the run is. */
export interface CheckpointEvent {
  readonly type: 'checkpoint';
  readonly state: TrainState;
  /** How many records were learnt from until then. */
  readonly samples: number;
  readonly path: string;
}

/** Memory ran out, and the step is made again with less. */
export interface RestartEvent {
  readonly type: 'restart';
  readonly state: TrainState;
  readonly message: string;
}

export interface WarningEvent {
  readonly type: 'warning';
  readonly message: string;
}

/** `finished`: all epochs are trained. `stopped`: listeners said so. `cancelled`: by the signal of the run. */
export type EndReason = 'finished' | 'stopped' | 'cancelled' | 'notFinite' | 'memory' | 'failed';

/** After the last epoch; also when the run failed. */
export interface EndEvent {
  readonly type: 'end';
  readonly state: TrainState;
  readonly failed: boolean;
  readonly reason: EndReason;
  /** Of the error that ended the run. */
  readonly message?: string | undefined;
  /** Final values of the listeners; empty where nothing was trained. */
  readonly metrics: ReadonlyMap<string, number>;
}

export type EventReader = (event: LearnerEvent) => void;

/** One reader that tells all of them. One that fails is not told any more, with a warning of the process. */
export function tellAll(readers: readonly EventReader[]): EventReader {
  const told = new Set(readers);
  const drop = (reader: EventReader, error: unknown): void => {
    if (!told.delete(reader)) return;
    process.emitWarning(`A reader of a run's events failed and is not told any more: ${messageOf(error)}`, {
      code: 'XPMIR_READER',
    });
  };
  return (event) => {
    for (const reader of [...told]) {
      try {
        const returned: unknown = reader(event);
        // Nobody waits for a reader, but one that is asynchronous must not end the process either.
        if (types.isPromise(returned)) returned.catch((error: unknown) => drop(reader, error));
      } catch (error) {
        drop(reader, error);
      }
    }
  };
}

/** Of whatever was thrown. */
export function messageOf(error: unknown): string {
  return types.isNativeError(error) ? error.message : String(error);
}
