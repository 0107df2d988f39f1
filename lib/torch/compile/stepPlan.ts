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
  /** Whether it runs as a graph where that is possible: of the device, or on the CPU as a list below autograd. */
  readonly graph: boolean;
}

/** What the tape of an update does, as native/compiled_steps.cc numbers it. All but `rescale` are functions of gradients. */
export const Role = {
  /** Divides the gradients of an optimizer by the scale; gives what it found that is not finite. */
  unscale: 0,
  /** Gradient hooks: its outputs are numbers. */
  look: 1,
  /** A step of an optimizer, skipped where something was found. */
  step: 2,
  /** Adapts the scale to all that was found. */
  rescale: 3,
} as const;

/** An update, or a part of one, and the numbers that it has in this step. */
export interface PlannedUpdate {
  readonly tape: Tape;
  readonly role: (typeof Role)[keyof typeof Role];
  /** Whose it is; 0 where it is none's. */
  readonly optimizer: number;
  /** Of a step: its rates where the optimizer made `first` steps in this plan, where it made one more, and so on. */
  readonly rows: readonly (readonly number[])[];
  readonly first: number;
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
  /** Of each optimizer that had a step to make, in their order. */
  readonly skipped: readonly boolean[];
  /** The outputs of the parts, then those of the updates. */
  readonly numbers: readonly number[];
}

/** For how many milliseconds no step was computed on the thread of steps. */
export function stepsIdleFor(): number {
  return native().stepIdle();
}

/** Waits, without giving the event loop a turn, until all steps that were given to their thread are computed. */
export function awaitSteps(): void {
  native().stepsDone();
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
    putFlags(reached);
    this.#id = native().planNew();
  }

  /** Updates have a gradient of other parameters from now on. */
  reach(reached: readonly boolean[]): void {
    begin();
    putFlags(reached);
    native().planReach(this.#id);
  }

  /** How many tapes have a graph, of the device or below autograd. */
  get graphs(): number {
    return native().planGraphs(this.#id);
  }

  /** Why parts were not captured; undefined where nothing was in the way. */
  get graphProblem(): string | undefined {
    return native().planGraphProblem(this.#id) || undefined;
  }

  /** Runs behind the steps that were given before. */
  run(parts: readonly PlannedPart[], { divide, updates }: PlanOptions): Promise<StepResult> {
    begin();
    for (const { tape, weight, finite, tensors, scale, graph } of parts) {
      put([tape.id, weight, finite, graph ? 1 : 0], 'part');
      put(tensors, 'tensors');
      put(scale === undefined ? [] : [scale], 'scale');
    }
    putUpdates(updates);
    return resultOf(native().stepRun(this.#id, false, divide, parts.length, updates.length), updates);
  }

  /** Updates alone, from gradients of what they reach, which may be changed. */
  update(gradients: readonly Tensor[], updates: readonly PlannedUpdate[]): Promise<StepResult> {
    begin();
    put(gradients, 'gradients');
    putUpdates(updates);
    return resultOf(native().stepRun(this.#id, true, 1, 0, updates.length), updates);
  }

  /** What the last step computed; null for a parameter that its loss does not reach. */
  gradients(): (Tensor | null)[] {
    begin();
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

function putUpdates(updates: readonly PlannedUpdate[]): void {
  for (const { tape, role, optimizer, rows, first } of updates) {
    put([tape.id, role, optimizer, first, rows[0]?.length ?? 0], 'update');
    put(rows.flat(), 'rates');
  }
}

async function resultOf(
  running: Promise<readonly number[]>,
  updates: readonly PlannedUpdate[],
): Promise<StepResult> {
  const [code, ...rest] = await running;
  const outcome = OUTCOMES[code as number] as Outcome;
  const steps = outcome === 'done' ? updates.filter(({ role }) => role === Role.step).length : 0;
  return { outcome, skipped: rest.slice(0, steps).map((each) => each !== 0), numbers: rest.slice(steps) };
}

function putFlags(reached: readonly boolean[]): void {
  put(
    reached.map((each) => (each ? 1 : 0)),
    'reached',
  );
}
