/** How steps are made, and who looks at them. */
import type { AutocastDevice } from '../torch/amp.ts';
import type { DType } from '../torch/dtype.ts';
import type { Attention } from './attention.ts';
import type { TrainerContext } from './context.ts';
import type { Metrics } from './metrics.ts';
import type { Earlier } from './runState.ts';
import type { Trainer } from './trainer.ts';

/** Whether steps are compiled: `'verify'` compares every one of them with the step as it is without. */
export type CompileMode = boolean | 'verify';

export interface StepsOptions {
  readonly context: TrainerContext;
  readonly trainer: Trainer;
  /** Batches in a step. */
  readonly accumulateGradBatches: number;
  /** What the model computes in where autocast has a say; undefined without autocast. */
  readonly precision: { readonly device: AutocastDevice; readonly dtype: DType | undefined };
  readonly compile: CompileMode;
  /** Whether compiled steps are captured as graphs of a CUDA device. */
  readonly cudaGraphs: boolean;
  readonly attention: Attention;
}

/** Who may look at the run between two steps. */
export interface Boundary {
  /** Whether to, after so many steps of the epoch. */
  isDue(steps: number): boolean;
  /** Nothing is under way but batches, which are not counted as seen. */
  reach(soFar: EpochSoFar, earlier: Earlier): Promise<void>;
}

/** How many steps of an epoch were made, and their metrics. */
export interface EpochSoFar {
  steps: number;
  readonly metrics: Metrics;
}

export interface EpochOptions {
  /** Steps in the epoch. */
  readonly of: number;
  readonly soFar: EpochSoFar;
  readonly boundary: Boundary;
}
