/**
 * Steps without JavaScript. The operators of a step are written down while it is made as ever; once they were run both
 * ways from the same state, with the same bits, they run alone, as one job of a thread: forward, losses, backward,
 * gradient hooks and optimizers.
 */
import { AGREEMENTS, type Entry, TapeCache } from '../torch/compile/cache.ts';
import { type Recording, record } from '../torch/compile/recording.ts';
import { type Flat, flatten, modesOf } from '../torch/compile/signature.ts';
import { type Outcome, StepPlan } from '../torch/compile/stepPlan.ts';
import { firstDifference, Surroundings } from '../torch/compile/twice.ts';
import { noGrad } from '../torch/modes.ts';
import type { Module } from '../torch/nn/module.ts';
import type { Parameter } from '../torch/nn/parameter.ts';
import type { Tensor } from '../torch/tensor.ts';
import { CompiledUpdate } from './compiledUpdate.ts';
import type { AddedMetric, Loss, TrainerContext } from './context.ts';
import { atLeastOne, checkGradient, nameOfSum, reportLosses, totalLoss } from './lossTrainer.ts';
import { Metrics } from './metrics.ts';
import { NotFiniteError } from './notFinite.ts';
import type { TensorPart } from './tensorParts.ts';

/** How many steps of a signature are made before its tape is compared once more. */
const RECHECK_AFTER = 1000;

export interface CompiledStepOptions {
  readonly context: TrainerContext;
  /** Compares every step. */
  readonly verify: boolean;
  /** Runs what computes losses in the precision of the run. */
  readonly inPrecision: <T>(fn: () => T) => T;
}

/** What the computation of a part gave. */
interface Computed {
  readonly losses: readonly Loss[];
  readonly metrics: readonly AddedMetric[];
  readonly total: Tensor;
}

/** What a tape tells: the names of its outputs, in their order. */
interface Told {
  readonly losses: readonly string[];
  readonly metrics: readonly { readonly key: string; readonly count: number }[];
}

/** A part with the tape that stands for it. */
export interface ReadyStep {
  readonly part: TensorPart;
  readonly entry: Entry<Told>;
  readonly tensors: readonly Tensor[];
}

export class CompiledStep {
  readonly #context: TrainerContext;
  readonly #verify: boolean;
  readonly #inPrecision: CompiledStepOptions['inPrecision'];
  readonly #modules: readonly Module[];
  readonly #parameters: readonly Parameter[];
  readonly #cache = new TapeCache<Told>();
  readonly #update: CompiledUpdate;
  readonly #flat = new WeakMap<TensorPart, Flat>();
  #plan: StepPlan | undefined;
  #problem: string | undefined;
  /** Of the step that waits for its update. */
  #pending = new Metrics();

  constructor({ context, verify, inPrecision }: CompiledStepOptions) {
    const { model, optimizer } = context;
    this.#context = context;
    this.#verify = verify;
    this.#inPrecision = inPrecision;
    this.#modules = [...model.modules()];
    this.#parameters = [...model.parameters()];
    this.#update = new CompiledUpdate({ context, optimizer, verify, parameters: this.#parameters });
  }

  /** Why steps are no longer compiled; undefined while they are. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Whether a step of these parts needs no JavaScript until it is done. */
  ready(parts: readonly TensorPart[]): readonly ReadyStep[] | undefined {
    if (this.#problem !== undefined || this.#verify || this.#plan === undefined) return undefined;
    const found: ReadyStep[] = [];
    for (const part of parts) {
      const { key, tensors } = this.#keyOf(part);
      const entry = this.#cache.get(key);
      if (entry === undefined || entry.agreed < AGREEMENTS) return undefined;
      found.push({ part, entry, tensors });
    }
    return found;
  }

  /** Whether the update is a part of compiled steps; otherwise `learn` makes it in JavaScript. */
  get updates(): boolean {
    return this.#update.isReady;
  }

  /**
   * Makes a step, update included. The optimizers' rates are those of now.
   *
   * @returns its metrics; `'update'` when gradients are of other parameters than before, and nothing was updated: then
   *   `finishUpdate` is; `'all'` behind such a step: it is to be made anew
   * @throws NotFiniteError before anything is updated
   */
  async run(ready: readonly ReadyStep[]): Promise<Metrics | 'update' | 'all'> {
    for (const { entry } of ready) if (++entry.uses >= RECHECK_AFTER) entry.agreed = AGREEMENTS - 1;
    const plan = this.#plan as StepPlan;
    const update = this.#update.take();
    const { outcome, numbers } = await update.end(
      plan.run(this.#partsOf(ready), { divide: this.#context.optimizer.batches, updates: update.planned }),
    );
    if (outcome === 'cancelled') return 'all';
    const metrics = this.#metricsOf(ready, numbers, outcome);
    if (outcome === 'elsewhere') {
      this.#pending = metrics;
      return 'update';
    }
    for (const { key, value, count } of update.metricsOf(numbers.slice(this.#toldBy(ready))))
      metrics.add(key, value, count);
    return metrics;
  }

  /** Makes the update of the step that `run` left without one, and adds its metrics to the step. */
  async finishUpdate(): Promise<void> {
    const gradients = (this.#plan as StepPlan).gradients();
    for (const [i, parameter] of this.#parameters.entries()) parameter.grad = gradients[i] ?? null;
    this.reset();
    this.#context.mergeMetrics(this.#pending);
    this.#update.forget();
    await this.#update.make();
    this.#renewPlan();
  }

  /** After a step that failed or that others did not follow. */
  reset(): void {
    this.#plan?.reset();
  }

  /** A step as ever, with what is new in it written down and compared. Gradients begin at none. */
  async learn(parts: readonly TensorPart[]): Promise<void> {
    for (const part of parts) await this.#learnPart(part);
    if (this.#problem !== undefined) await this.#context.optimizer.optimizerStep(this.#context);
    else if (await this.#update.make()) this.#renewPlan();
  }

  /** Brings what optimizers count in JavaScript up to the steps that were made without. */
  settle(): void {
    this.#update.settle();
  }

  dispose(): void {
    this.#cache.dispose();
    this.#update.dispose();
    this.#plan?.dispose();
  }

  async #learnPart(part: TensorPart): Promise<void> {
    if (this.#problem !== undefined) return this.#backward(part, this.#compute(part));
    const { key, tensors } = this.#keyOf(part);
    const entry = this.#cache.get(key);
    const compares = entry !== undefined && (entry.agreed < AGREEMENTS || this.#verify);
    const replay = compares ? await this.#replay({ part, entry, tensors }) : undefined;
    const recording = record(tensors, () => this.#compute(part), outputsOf);
    const before = this.#parameters.map(({ grad }) => grad);
    for (const parameter of this.#parameters) parameter.grad = null;
    this.#backward(part, recording.result);
    this.#plan ??= this.#newPlan();
    if (entry === undefined) this.#remember(key, recording);
    else if (replay !== undefined) this.#compare({ entry, recording, replay });
    this.#accumulate(before);
  }

  /** As a step that is not compiled does it. */
  #backward({ scopes, count, weight }: TensorPart, { losses, metrics, total }: Computed): void {
    const context = this.#context;
    const addMetric = (key: string, value: number | Tensor, records?: number) =>
      context.addMetric([...scopes, key].join('/'), value, records);
    context.addSamples(count);
    for (const { key, value, count: records } of metrics) addMetric(key, value, records);
    reportLosses({ addMetric }, losses, { total, count });
    checkGradient(losses, total);
    context.optimizer.scale(weight === 1 ? total : total.mul(weight)).backward();
  }

  #compute({ tensors, compute }: TensorPart): Computed {
    return this.#inPrecision(() => {
      const { losses, metrics } = this.#context.collect(() => compute(tensors));
      return { losses, metrics, total: totalLoss(atLeastOne(losses)) };
    });
  }

  #keyOf(part: TensorPart): { readonly key: string; readonly tensors: readonly Tensor[] } {
    let flat = this.#flat.get(part);
    if (flat === undefined) {
      flat = flatten(part.tensors, 'collate');
      this.#flat.set(part, flat);
    }
    return {
      key: `${part.scopes.join('/')} ${modesOf(this.#modules)} ${flat.signature}`,
      tensors: flat.tensors,
    };
  }

  /** Losses and gradients by the tape, from the state of now, which is then as it was. */
  async #replay(ready: ReadyStep): Promise<Replay> {
    const plan = this.#plan as StepPlan;
    const surroundings = new Surroundings(ready.entry.tape);
    const before = surroundings.note();
    try {
      const { numbers } = await plan.run(this.#partsOf([ready]), {
        divide: this.#context.optimizer.batches,
        updates: [],
      });
      return { surroundings, numbers, gradients: plan.gradients(), after: surroundings.note() };
    } catch (error) {
      return { surroundings, error };
    } finally {
      plan.reset();
      surroundings.restore(before);
      for (const each of before) each.dispose();
    }
  }

  #remember(key: string, { tape, problem, result }: Recording<Computed>): void {
    const told = toldBy(result);
    if (tape === undefined) this.#give(problem as string);
    else if (typeof told === 'string') this.#give(told);
    else if (!this.#cache.add(key, tape, told))
      this.#give('is called with ever other shapes: pad them to multiples of a number');
  }

  #compare({ entry, recording, replay }: Comparison): void {
    const { tape: again, problem } = recording;
    if ('error' in replay) this.#give(`failed without JavaScript: ${replay.error}`);
    else if (again === undefined) this.#give(problem as string);
    else {
      const differs = this.#difference({ entry, recording, replay });
      if (differs === undefined) {
        entry.agreed++;
        entry.uses = 0;
      } else this.#give(differs);
    }
    again?.dispose();
    replay.surroundings.dispose();
    if ('error' in replay) return;
    for (const each of [...replay.after, ...replay.gradients]) each?.dispose();
  }

  #difference({ entry, recording, replay }: Comparison): string | undefined {
    if ('error' in replay || recording.tape === undefined) return undefined;
    const operators = entry.tape.difference(recording.tape);
    if (operators !== '') return `depends on values: ${operators}`;
    if (JSON.stringify(toldBy(recording.result)) !== JSON.stringify(entry.found))
      return 'adds other losses or metrics than before';
    const values = outputsOf(recording.result).map((each) => Number(each.item()));
    const at = values.findIndex((value, i) => !Object.is(value, replay.numbers[i]));
    if (at >= 0) return `gives ${replay.numbers[at]} without JavaScript in place of ${values[at]}`;
    const gradients = this.#parameters.map(({ grad }) => grad);
    const place = firstDifference(replay.gradients, gradients);
    if (place !== undefined) return `gives another gradient without JavaScript, of parameter ${place}`;
    const now = replay.surroundings.note();
    const state = firstDifference(replay.after, now);
    for (const each of now) each.dispose();
    return state === undefined ? undefined : 'leaves another state without JavaScript';
  }

  /** Adds what the parts before gave, in the order of sums that a step as ever has. */
  #accumulate(before: readonly (Tensor | null)[]): void {
    for (const [i, sum] of before.entries()) {
      const parameter = this.#parameters[i] as Parameter;
      const { grad } = parameter;
      if (sum === null) continue;
      if (grad !== null) noGrad(() => sum.add_(grad));
      parameter.grad = sum;
    }
  }

  #newPlan(): StepPlan {
    return new StepPlan(this.#parameters, this.#update.reached());
  }

  #renewPlan(): void {
    this.#plan?.dispose();
    this.#plan = this.#newPlan();
  }

  #partsOf(ready: readonly ReadyStep[]) {
    const scale = this.#context.optimizer.scaleFrom(this.#context.device);
    return ready.map(({ part, entry, tensors }) => {
      const { losses } = entry.found;
      const finite = losses.length + (losses.length > 1 ? 1 : 0);
      return { tape: entry.tape, weight: part.weight, finite, tensors, scale };
    });
  }

  #toldBy(ready: readonly ReadyStep[]): number {
    return ready.reduce((sum, { entry }) => sum + lengthOf(entry.found), 0);
  }

  #metricsOf(ready: readonly ReadyStep[], numbers: readonly number[], outcome: Outcome): Metrics {
    const metrics = new Metrics();
    let at = 0;
    for (const { part, entry } of ready) {
      const { losses, metrics: added } = entry.found;
      const told = numbers.slice(at, at + lengthOf(entry.found));
      at += told.length;
      const names = losses.length > 1 ? [...losses, nameOfSum(losses.map((name) => ({ name })))] : losses;
      const bad = outcome === 'notFinite' ? told.findIndex((value) => !Number.isFinite(value)) : -1;
      if (bad >= 0) {
        const name = losses[bad] ?? 'total';
        throw new NotFiniteError(`loss ${name}: expected a finite number, received ${told[bad]}`);
      }
      const keyed = (key: string) => [...part.scopes, key].join('/');
      for (const [i, { key, count }] of added.entries())
        metrics.add(keyed(key), told[names.length + i] as number, count);
      for (const [i, name] of names.entries()) metrics.add(keyed(name), told[i] as number, part.count);
      metrics.samples += part.count;
    }
    return metrics;
  }

  #give(problem: string): void {
    if (this.#problem !== undefined) return;
    this.#problem = problem;
    this.settle();
    this.#cache.dispose();
    const message = `steps are not compiled, as trainBatch ${problem}`;
    this.#context.emit({ type: 'warning', message });
  }
}

/** A part by its tape, or the error that it ended with. */
type Replay = { readonly surroundings: Surroundings } & (
  | { readonly error: unknown }
  | {
      readonly numbers: readonly number[];
      readonly gradients: readonly (Tensor | null)[];
      /** What surrounds it, after it. */
      readonly after: readonly Tensor[];
    }
);

interface Comparison {
  readonly entry: Entry<Told>;
  readonly recording: Recording<Computed>;
  readonly replay: Replay;
}

/** What a tape gives: the losses, their sum where there are several, metrics, and what is minimised. */
function outputsOf({ losses, metrics, total }: Computed): Tensor[] {
  const told = metrics.map(({ value }) => value).filter((value) => typeof value !== 'number');
  const sum = losses.length > 1 ? [total] : [];
  return [...losses.map(({ value }) => value), ...sum, ...told, total];
}

/** The names of that, or why it cannot be told. */
function toldBy({ losses, metrics }: Computed): Told | string {
  const number = metrics.find(({ value }) => typeof value === 'number');
  if (number !== undefined) return `adds metric ${number.key} as a number: give addMetric a scalar tensor`;
  return {
    losses: losses.map(({ name }) => name),
    metrics: metrics.map(({ key, count }) => ({ key, count })),
  };
}

function lengthOf({ losses, metrics }: Told): number {
  return losses.length + (losses.length > 1 ? 1 : 0) + metrics.length + 1;
}
