/**
 * Steps without JavaScript. The operators of a step are written down while it is made as ever; once they were run both
 * ways from the same state, with the same bits, they run alone, as one job of a thread: forward, losses, backward,
 * gradient hooks and optimizers.
 */
import { TapeCache } from '../torch/compile/cache.ts';
import { AGREEMENTS, type Entry, isDue } from '../torch/compile/entry.ts';
import type { Inputs } from '../torch/compile/generalTapes.ts';
import { type Recording, record } from '../torch/compile/recording.ts';
import { type Flat, flatten, modesOf, signatureWithoutSizes } from '../torch/compile/signature.ts';
import { type Outcome, type PlannedPart, StepPlan } from '../torch/compile/stepPlan.ts';
import { Surroundings, toleranceOn } from '../torch/compile/twice.ts';
import { noGrad } from '../torch/modes.ts';
import type { Module } from '../torch/nn/module.ts';
import type { Parameter } from '../torch/nn/parameter.ts';
import { tidy } from '../torch/scope.ts';
import type { Tensor } from '../torch/tensor.ts';
import { CompiledUpdate } from './compiledUpdate.ts';
import { type Computed, lengthOf, outputsOf, type Told, toldBy } from './computedPart.ts';
import type { TrainerContext } from './context.ts';
import { atLeastOne, checkGradient, nameOfSum, reportLosses, totalLoss } from './lossTrainer.ts';
import { Metrics } from './metrics.ts';
import { NotFiniteError } from './notFinite.ts';
import { repeat } from './repeatedPart.ts';
import { StepWatch } from './stepWatch.ts';
import type { TensorPart } from './tensorParts.ts';
import type { Trainer } from './trainer.ts';

export interface CompiledStepOptions {
  readonly context: TrainerContext;
  readonly trainer: Trainer;
  /** Compares every step. */
  readonly verify: boolean;
  /** Whether parts are captured as graphs of a CUDA device. */
  readonly graphs: boolean;
  /** Whether the model computes in 16 bits. */
  readonly isNarrow: boolean;
  /** Runs what computes losses in the precision of the run. */
  readonly inPrecision: <T>(fn: () => T) => T;
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
  readonly #isNarrow: boolean;
  readonly #isOnCuda: boolean;
  #graphs: boolean;
  readonly #modules: readonly Module[];
  readonly #watch: StepWatch;
  readonly #parameters: readonly Parameter[];
  readonly #cache = new TapeCache<Told>();
  readonly #update: CompiledUpdate;
  readonly #flat = new WeakMap<TensorPart, Flat>();
  #plan: StepPlan | undefined;
  #problem: string | undefined;
  /** Of the step that waits for its update. */
  #pending = new Metrics();

  constructor({ context, trainer, verify, graphs, isNarrow, inPrecision }: CompiledStepOptions) {
    const { model, optimizer } = context;
    this.#context = context;
    this.#verify = verify;
    this.#inPrecision = inPrecision;
    this.#isNarrow = isNarrow;
    this.#isOnCuda = context.device.startsWith('cuda');
    this.#graphs = graphs || !this.#isOnCuda;
    this.#modules = [...model.modules()];
    this.#watch = new StepWatch(context, trainer);
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
    const problem = this.#watch.look();
    if (problem !== undefined) this.#give(problem);
    if (this.#problem !== undefined) return undefined;
    const found: ReadyStep[] = [];
    for (const part of parts) {
      const { key, tensors, inputs } = this.#keyOf(part);
      const entry = this.#cache.find(key, inputs);
      if (entry === undefined || entry.agreed < AGREEMENTS || isDue(entry)) return undefined;
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
    for (const { entry } of ready) entry.uses++;
    const plan = this.#plan as StepPlan;
    const update = this.#update.take();
    for (const { part } of ready) part.arrive?.();
    const { outcome, numbers } = await update.end(
      plan.run(this.#partsOf(ready, this.#graphs), {
        divide: this.#context.optimizer.batches,
        updates: update.planned,
      }),
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
    part.arrive?.();
    if (this.#problem !== undefined) return this.#backward(part, this.#compute(part));
    const keyed = this.#keyOf(part);
    const entry = this.#cache.find(keyed.key, keyed.inputs);
    const compares = entry !== undefined && (entry.agreed < AGREEMENTS || isDue(entry) || this.#verify);
    const surroundings = compares ? new Surroundings(entry.tape) : undefined;
    const began = surroundings?.note() ?? [];
    try {
      // What it makes on the way is in the way of making it again.
      const compute = () => (compares ? tidy(() => this.#compute(part)) : this.#compute(part));
      const recording = record(keyed.tensors, compute, outputsOf);
      const before = this.#parameters.map(({ grad }) => grad);
      for (const parameter of this.#parameters) parameter.grad = null;
      this.#backward(part, recording.result);
      this.#plan ??= this.#newPlan();
      if (entry === undefined) this.#remember(keyed, recording);
      else if (surroundings !== undefined)
        await this.#compare({ part, keyed, entry, recording, surroundings, began });
      else recording.tape?.dispose();
      this.#accumulate(before);
    } finally {
      for (const each of began) each.dispose();
      surroundings?.dispose();
    }
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
      const { losses, metrics } = this.#context.noteStateReads(() =>
        this.#context.collect(() => compute(tensors)),
      );
      return { losses, metrics, total: totalLoss(atLeastOne(losses)) };
    });
  }

  #keyOf(part: TensorPart): Keyed {
    let flat = this.#flat.get(part);
    if (flat === undefined) {
      flat = flatten(part.tensors, 'collate');
      this.#flat.set(part, flat);
    }
    const { tensors, signature } = flat;
    const surroundings = `${part.scopes.join('/')} ${this.#watch.key} ${modesOf(this.#modules)}`;
    const family = () => `${surroundings} ${signatureWithoutSizes(part.tensors, 'collate')}`;
    return { key: `${surroundings} ${signature}`, tensors, inputs: () => ({ tensors, family: family() }) };
  }

  #remember(
    { key, inputs }: Keyed,
    { tape, problem, result }: Recording<Computed>,
    compared?: Entry<Told>,
  ): void {
    const found = toldBy(result);
    const why = tape === undefined ? problem : typeof found === 'string' ? found : undefined;
    if (why !== undefined || tape === undefined || typeof found === 'string') {
      tape?.dispose();
      this.#give(why as string);
      return;
    }
    const recorded = { tape, found, told: JSON.stringify(found) };
    const strange = this.#cache.add(key, inputs(), { recorded, compared });
    if (strange !== undefined) this.#give(strange);
  }

  async #compare({ part, keyed, entry, recording, ...state }: Comparison): Promise<void> {
    const { tape: again, problem, result } = recording;
    if (again === undefined) return this.#give(problem as string);
    const operators = entry.tape.difference(again);
    const tellsOther = JSON.stringify(toldBy(result)) !== JSON.stringify(entry.found);
    // Where a general tape is not for this shape, it does not run.
    if (entry.isGeneral && (operators !== '' || tellsOther)) return this.#remember(keyed, recording);
    // A graph of the device comes once the operators were the same; below autograd, the first run writes down its own.
    const graph = this.#graphs && entry.graph && (!this.#isOnCuda || entry.agreed >= AGREEMENTS - 1);
    const repeated = {
      ...state,
      plan: this.#plan as StepPlan,
      part: this.#partsOf([{ part, entry, tensors: keyed.tensors }], graph)[0] as PlannedPart,
      divide: this.#context.optimizer.batches,
      tolerance: toleranceOn(this.#context.device, this.#isNarrow),
      told: outputsOf(result),
      gradients: this.#parameters.map(({ grad }) => grad),
    };
    if (operators !== '') this.#give(`depends on values: ${operators}`);
    else if (tellsOther) this.#give('adds other losses or metrics than before');
    else {
      const differs = await repeat(repeated);
      if (graph) this.#giveGraphs(repeated.plan.graphProblem);
      if (differs !== undefined && graph) {
        entry.graph = false;
        // Its operators are compared anew.
        entry.agreed = Math.min(entry.agreed, AGREEMENTS - 1);
        this.#context.emit({ type: 'warning', message: `a step stays without a graph, as one ${differs}` });
      } else if (differs !== undefined) this.#give(differs);
      else if (entry.isGeneral) return this.#remember(keyed, recording, entry);
      else entry.agreed++;
      entry.uses = 0;
    }
    again.dispose();
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
    if (this.#plan === undefined) this.#plan = this.#newPlan();
    else this.#plan.reach(this.#update.reached());
  }

  /** From here on without graphs of the device, where there is a reason. */
  #giveGraphs(problem: string | undefined): void {
    if (problem === undefined || !this.#graphs) return;
    this.#graphs = false;
    this.#context.emit({ type: 'warning', message: `steps are not captured as graphs: ${problem}` });
  }

  #partsOf(ready: readonly ReadyStep[], graphs: boolean) {
    const scale = this.#context.optimizer.scaleFrom(this.#context.device);
    return ready.map(({ part, entry, tensors }) => {
      const { losses } = entry.found;
      const finite = losses.length + (losses.length > 1 ? 1 : 0);
      return { tape: entry.tape, weight: part.weight, finite, tensors, scale, graph: graphs && entry.graph };
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

/** A part, and what finds its tape. */
interface Keyed {
  readonly key: string;
  readonly tensors: readonly Tensor[];
  readonly inputs: () => Inputs;
}

interface Comparison {
  readonly part: TensorPart;
  readonly keyed: Keyed;
  readonly entry: Entry<Told>;
  readonly recording: Recording<Computed>;
  readonly surroundings: Surroundings;
  /** They, when the part began. */
  readonly began: readonly Tensor[];
}
