/**
 * The update of a compiled step: gradient hooks, optimizers and their scaler, written down while they work, until
 * updates in a row did the same but for their rates.
 */
import { types } from 'node:util';
import { AGREEMENTS } from '../torch/compile/entry.ts';
import { type PlannedUpdate, StepPlan, type StepResult } from '../torch/compile/stepPlan.ts';
import { firstDifference, Surroundings } from '../torch/compile/twice.ts';
import { noGrad } from '../torch/modes.ts';
import type { Parameter } from '../torch/nn/parameter.ts';
import type { Tensor } from '../torch/tensor.ts';
import type { TrainerContext } from './context.ts';
import { type MadeUpdate, type Progress, type RecordedUpdate, recordUpdate } from './recordedUpdate.ts';
import type { CompilableStep, ScheduledOptimizer } from './scheduledOptimizer.ts';

/** After so many updates that were not like the one before, they stay in JavaScript. */
const MOST_TRIES = 6;

export interface CompiledUpdateOptions {
  readonly context: TrainerContext;
  readonly optimizer: ScheduledOptimizer;
  /** Compares every update. */
  readonly verify: boolean;
  readonly parameters: readonly Parameter[];
}

export interface TakenUpdate {
  readonly planned: readonly PlannedUpdate[];
  /** Gives the result of the step, once it is known which optimizers made theirs. */
  end(running: Promise<StepResult>): Promise<StepResult>;
  /** Metrics in the numbers that it gave. */
  metricsOf(numbers: readonly number[]): readonly { key: string; value: number; count: number }[];
}

export class CompiledUpdate {
  readonly #context: TrainerContext;
  readonly #optimizer: ScheduledOptimizer;
  readonly #verify: boolean;
  readonly #parameters: readonly Parameter[];
  #recorded: RecordedUpdate | undefined;
  #agreed = 0;
  #tries = 0;
  /** Of the optimizers of `#recorded`. */
  #progress: { made: number; untold: number }[] = [];
  /** Updates that were taken and did not end. */
  #underWay = 0;
  #isWarned = false;

  constructor({ context, optimizer, verify, parameters }: CompiledUpdateOptions) {
    this.#context = context;
    this.#optimizer = optimizer;
    this.#verify = verify;
    this.#parameters = parameters;
  }

  get isReady(): boolean {
    return this.#agreed >= AGREEMENTS && this.#recorded?.isCurrent === true;
  }

  /** Which parameters have gradients in the update that was recorded, or have them now. */
  reached(): readonly boolean[] {
    return this.#recorded?.reached ?? this.#parameters.map(({ grad }) => grad !== null);
  }

  /** The update for the next step. */
  take(): TakenUpdate {
    const recorded = this.#recorded as RecordedUpdate;
    const planned = recorded.planned(this.#progress, this.#underWay);
    this.#underWay++;
    // Those of a recording that was forgotten were not made, and count nowhere.
    const isKnown = () => recorded === this.#recorded;
    const end = async (running: Promise<StepResult>) => {
      try {
        const result = await running;
        if (isKnown()) this.#count(result.skipped);
        return result;
      } catch (error) {
        // How far it came is not known.
        if (isKnown()) this.forget();
        throw error;
      }
    };
    return { planned, end, metricsOf: (numbers) => recorded.metricsOf(numbers) };
  }

  /** Makes the update in JavaScript, from the gradients of the parameters. @returns whether it can be compiled from now on */
  async make(): Promise<boolean> {
    this.settle();
    const reached = this.#parameters.map(({ grad }) => grad !== null);
    // Optimizers count the steps of each parameter: other ones have other counts.
    const isOther = this.#recorded?.reached.some((each, i) => each !== reached[i]) === true;
    const isOld = this.#recorded?.isCurrent === false;
    if (isOther || isOld) this.forget();
    const step = this.#tries < MOST_TRIES ? this.#optimizer.compilableStep() : undefined;
    if (step !== undefined && this.isReady && this.#verify) {
      await this.#makeBoth(step);
      return false;
    }
    if (step === undefined || this.isReady) {
      await this.#optimizer.optimizerStep(this.#context);
      return false;
    }
    this.#learn(recordUpdate(this.#context, this.#parameters, step), isOld);
    return this.isReady;
  }

  /** Tells optimizers how many steps were made without them. */
  settle(): void {
    const reached = this.#recorded?.reached ?? [];
    const updated = new Set<Tensor>(this.#parameters.filter((_, i) => reached[i]));
    for (const [i, optimizer] of (this.#recorded?.optimizers ?? []).entries()) {
      const progress = this.#progress[i];
      if (progress === undefined || progress.untold === 0) continue;
      const own = optimizer.paramGroups.flatMap(({ params }) => params).filter((each) => updated.has(each));
      optimizer.countSteps(own, progress.untold);
      progress.untold = 0;
    }
  }

  dispose(): void {
    this.forget();
  }

  /** The next updates are recorded anew. */
  forget(): void {
    this.settle();
    this.#recorded?.dispose();
    this.#recorded = undefined;
    this.#agreed = 0;
    this.#begin();
  }

  /** Nothing was made in the plan of now. */
  #begin(): void {
    this.#progress = (this.#recorded?.optimizers ?? []).map(() => ({ made: 0, untold: 0 }));
    this.#underWay = 0;
  }

  /** @param skipped of optimizers; none where no update was made */
  #count(skipped: readonly boolean[]): void {
    this.#underWay--;
    for (const [i, isSkipped] of skipped.entries()) {
      const progress = this.#progress[i];
      if (isSkipped || progress === undefined) continue;
      progress.made++;
      progress.untold++;
    }
  }

  /** Takes in what an update in JavaScript did. @param isOld whether the one before had other options */
  #learn({ recorded, problem, skipped }: MadeUpdate, isOld: boolean): void {
    // A step that was skipped says nothing.
    if (problem === undefined && skipped.includes(true)) return;
    const before = this.#recorded;
    const differs = recorded && before?.difference(recorded);
    const isSame = recorded !== undefined && before !== undefined && differs === undefined;
    this.#agreed = isSame ? this.#agreed + 1 : 0;
    before?.dispose();
    this.#recorded = recorded;
    this.#begin();
    if (!isSame) this.#tries++;
    if (this.isReady) this.#tries = 0;
    const why = problem ?? differs ?? (isOld ? 'have options that change' : undefined);
    if (this.#tries >= MOST_TRIES && why !== undefined) this.#warn(why);
  }

  /** An update both ways, from one state; what remains is what JavaScript did. */
  async #makeBoth(step: CompilableStep): Promise<void> {
    const recorded = this.#recorded as RecordedUpdate;
    const surroundings = new Surroundings(...recorded.tapes);
    const before = surroundings.note();
    const none: readonly Progress[] = recorded.optimizers.map(() => ({ made: 0, untold: 0 }));
    const gradients = noGrad(() => this.#parameters.flatMap(({ grad }) => grad?.clone() ?? []));
    const plan = new StepPlan(this.#parameters, recorded.reached);
    let result: StepResult | undefined;
    let problem: string | undefined;
    try {
      result = await plan.update(gradients, recorded.planned(none, 0));
    } catch (error) {
      problem = `failed without JavaScript: ${types.isNativeError(error) ? error.message : error}`;
    } finally {
      plan.dispose();
    }
    const after = surroundings.note();
    surroundings.restore(before);
    const again = recordUpdate(this.#context, this.#parameters, step);
    const now = surroundings.note();
    problem ??= again.problem ?? (again.recorded && recorded.difference(again.recorded));
    const own = this.#parameters.flatMap(({ grad }) => grad ?? []);
    const isSame =
      String(result?.skipped) === String(again.skipped) &&
      result?.numbers.every((value, i) => Object.is(value, again.numbers[i])) &&
      firstDifference(after, now) === undefined &&
      firstDifference(gradients, own) === undefined;
    if (!isSame) problem ??= 'give other bits without JavaScript';
    again.recorded?.dispose();
    for (const each of [...before, ...after, ...now, ...gradients]) each.dispose();
    surroundings.dispose();
    if (problem === undefined) return;
    this.#tries = MOST_TRIES;
    this.forget();
    this.#warn(problem);
  }

  #warn(problem: string): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    this.#context.emit({ type: 'warning', message: `updates are not compiled, as they ${problem}` });
  }
}
