/**
 * How far a run is.
 */

export interface TrainState {
  /** Epochs begun; 0 before the first. */
  readonly epoch: number;
  /** Optimizer steps made, over all epochs. */
  readonly steps: number;
  /** The state was loaded from a checkpoint, and its epoch was trained by an earlier process. */
  readonly cached?: boolean;
}
