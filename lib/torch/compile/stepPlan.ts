/** A step as one job of the step thread: parts with their gradients, and updates of what is trained. */
import { native } from '../../native.ts';
import type { Tensor } from '../tensor.ts';
import { begin, put, wrap } from '../wire.ts';
import type { Tape } from './recording.ts';

export interface PlannedPart {
  /** Its last output is what is minimised. */
  readonly tape: Tape;
  /** By which that is multiplied. */
  readonly weight: number;
  /** How many of its outputs, from the first on, must be finite. */
  readonly finite: number;
  readonly tensors: readonly Tensor[];
  /** Of a gradient scaler. */
  readonly scale: Tensor | undefined;
}

/** A function of the gradients, and the numbers that it has in this step. */
export interface PlannedUpdate {
  readonly tape: Tape;
  readonly rates: readonly number[];
}

export interface PlanOptions {
  /** By which what is minimised is divided: batches in a step. */
  readonly divide: number;
  readonly updates: readonly PlannedUpdate[];
}

/**
 * What a step came to: `notFinite` before the gradients of a part whose loss is not; `cancelled` behind a step that
 * failed; `elsewhere` when other parameters have gradients than those that updates were recorded with.
 */
export type Outcome = 'done' | 'notFinite' | 'cancelled' | 'elsewhere';

const OUTCOMES: readonly Outcome[] = ['done', 'notFinite', 'cancelled', 'elsewhere'];

export interface StepResult {
  readonly outcome: Outcome;
  /** The outputs of the parts, then those of the updates. */
  readonly numbers: readonly number[];
}

/** For how many milliseconds no step was computed on the thread of steps. */
export function stepsIdleFor(): number {
  return native().stepIdle();
}

export class StepPlan {
  readonly #id: number;

  /**
   * @param parameters what gradients are computed of
   * @param reached which of them updates have a gradient of
   */
  constructor(parameters: readonly Tensor[], reached: readonly boolean[]) {
    begin();
    put(parameters, 'parameters');
    put(
      reached.map((each) => (each ? 1 : 0)),
      'reached',
    );
    this.#id = native().planNew();
  }

  /** Runs behind the steps that were given before. */
  async run(parts: readonly PlannedPart[], { divide, updates }: PlanOptions): Promise<StepResult> {
    begin();
    for (const { tape, weight, finite, tensors, scale } of parts) {
      put([tape.id, weight, finite], 'part');
      put(tensors, 'tensors');
      put(scale === undefined ? [] : [scale], 'scale');
    }
    for (const { tape, rates } of updates) {
      put([tape.id], 'update');
      put(rates, 'rates');
    }
    const [outcome, ...numbers] = await native().stepRun(
      this.#id,
      false,
      divide,
      parts.length,
      updates.length,
    );
    return { outcome: OUTCOMES[outcome as number] as Outcome, numbers };
  }

  /** What the last step computed; null for a parameter that its loss does not reach. */
  gradients(): (Tensor | null)[] {
    return native()
      .planGradients(this.#id)
      .map((handle) => (handle === 0 ? null : (wrap(handle) as Tensor)));
  }

  /** Steps may go on behind one that failed. */
  reset(): void {
    native().planReset(this.#id);
  }

  dispose(): void {
    native().planRelease(this.#id);
  }
}
