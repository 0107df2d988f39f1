/** A part of a step again, without JavaScript, to compare it with what it was. */
import type { PlannedPart, StepPlan } from '../torch/compile/stepPlan.ts';
import { areNear, firstDifference, type Surroundings } from '../torch/compile/twice.ts';
import type { Tensor } from '../torch/tensor.ts';

export interface RepeatedPart {
  readonly plan: StepPlan;
  readonly part: PlannedPart;
  /** Batches in the step. */
  readonly divide: number;
  /** What was told, and is to be told again. */
  readonly told: readonly Tensor[];
  readonly gradients: readonly (Tensor | null)[];
  /** How far numbers may be apart. */
  readonly tolerance: number;
  readonly surroundings: Surroundings;
  /** They, when the part began. */
  readonly began: readonly Tensor[];
}

/** Runs its tape from the state that it began with; the state of now stays. @returns what is otherwise, if anything is */
export async function repeat({
  plan,
  part,
  divide,
  told,
  gradients,
  tolerance,
  surroundings,
  began,
}: RepeatedPart): Promise<string | undefined> {
  const now = surroundings.note();
  const noted: (Tensor | null)[] = [...now];
  try {
    surroundings.restore(began);
    const { numbers } = await plan.run([part], { divide, updates: [] });
    const after = surroundings.note();
    const found = plan.gradients();
    noted.push(...after, ...found);
    const values = told.map((each) => Number(each.item()));
    const at = values.findIndex((value, i) => !areNear(value, numbers[i] as number, tolerance));
    if (at >= 0) return `gives ${numbers[at]} without JavaScript in place of ${values[at]}`;
    const place = firstDifference(found, gradients, tolerance);
    if (place !== undefined) return `gives another gradient without JavaScript, of parameter ${place}`;
    const state = firstDifference(after, now, tolerance);
    return state === undefined ? undefined : 'leaves another state without JavaScript';
  } catch (error) {
    return `failed without JavaScript: ${error}`;
  } finally {
    plan.reset();
    surroundings.restore(now);
    for (const each of noted) each?.dispose();
  }
}
