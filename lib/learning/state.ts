/**
 * How far a run is.
 */

export interface TrainState {
  /** Epochs begun; 0 before the first. */
  readonly epoch: number;
  /** Optimizer steps made, over all epochs. */
  readonly steps: number;
}
