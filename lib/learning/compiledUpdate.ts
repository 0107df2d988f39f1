/**
 * The update of a compiled step: gradient hooks and optimizers, written down while they work, until two updates in a
 * row did the same but for their rates and counts.
 */
import { AGREEMENTS } from '../torch/compile/cache.ts';
import { type Recording, record, type Tape } from '../torch/compile/recording.ts';
import type { PlannedUpdate } from '../torch/compile/stepPlan.ts';
import type { Parameter } from '../torch/nn/parameter.ts';
import { Tensor } from '../torch/tensor.ts';
import type { AddedMetric, TrainerContext } from './context.ts';
import type { AnyOptimizer } from './optimizers.ts';
import type { CompilableStep, ScheduledOptimizer } from './scheduledOptimizer.ts';

/** After so many updates that were not like the one before, they stay in JavaScript: only fused operators repeat. */
const MOST_TRIES = 6;

interface RecordedUpdate {
  readonly tapes: readonly Tape[];
  readonly rates: readonly (readonly (readonly [isCount: boolean, recorded: number])[])[];
  /** Which parameters had gradients. */
  readonly reached: readonly boolean[];
  readonly metrics: readonly Omit<AddedMetric, 'value'>[];
  readonly constants: CompilableStep['metrics'];
}

export interface TakenUpdate {
  readonly planned: readonly PlannedUpdate[];
  /** To be told whether it was made. */
  end(isMade: boolean): void;
  /** Metrics in the numbers that it gave. */
  metricsOf(numbers: readonly number[]): readonly { key: string; value: number; count: number }[];
}

export class CompiledUpdate {
  readonly #context: TrainerContext;
  readonly #optimizer: ScheduledOptimizer;
  readonly #parameters: readonly Parameter[];
  #recorded: RecordedUpdate | undefined;
  #agreed = 0;
  #tries = 0;
  /** Updates since those of `#recorded`. */
  #made = 0;
  /** Of them, those that optimizers were not told of. */
  #untold = 0;

  constructor(context: TrainerContext, optimizer: ScheduledOptimizer, parameters: readonly Parameter[]) {
    this.#context = context;
    this.#optimizer = optimizer;
    this.#parameters = parameters;
  }

  get isReady(): boolean {
    return this.#agreed >= AGREEMENTS;
  }

  /** Which parameters have gradients in the update that was recorded, or have them now. */
  reached(): readonly boolean[] {
    return this.#recorded?.reached ?? this.#parameters.map(({ grad }) => grad !== null);
  }

  /** The update for the next step, which counts as made. */
  take(): TakenUpdate {
    const recorded = this.#recorded as RecordedUpdate;
    const { tapes, rates, metrics, constants } = recorded;
    this.#made++;
    const optimizers = this.#optimizers();
    const first = tapes.length - optimizers.length;
    const planned = tapes.map((tape, i) => {
      const lr = optimizers[i - first]?.paramGroups[0]?.lr ?? 0;
      const numbers = (rates[i] ?? []).map(([isCount, recorded]) => (isCount ? recorded + this.#made : lr));
      return { tape, rates: numbers };
    });
    const metricsOf = (numbers: readonly number[]) => [
      ...metrics.map(({ key, count }, i) => ({ key, count, value: numbers[i] as number })),
      ...constants,
    ];
    const end = (isMade: boolean) => {
      // Those of a recording that was forgotten were not made, and count nowhere.
      if (recorded !== this.#recorded) return;
      if (isMade) this.#untold++;
      else this.#made--;
    };
    return { planned, metricsOf, end };
  }

  /** Makes the update in JavaScript, from the gradients of the parameters. @returns whether it can be compiled from now on */
  async make(): Promise<boolean> {
    this.settle();
    const reached = this.#parameters.map(({ grad }) => grad !== null);
    // Optimizers count the steps of each parameter: other ones have other counts.
    if (this.#recorded?.reached.some((each, i) => each !== reached[i])) this.forget();
    const step = this.#tries < MOST_TRIES ? this.#optimizer.compilableStep() : undefined;
    if (step === undefined || this.isReady) {
      await this.#optimizer.optimizerStep(this.#context);
      if (this.#recorded !== undefined) this.#made++;
      return false;
    }
    const recorded = this.#record(step);
    const before = this.#recorded;
    const isSame = recorded !== undefined && before !== undefined && areSame(before, recorded);
    this.#agreed = isSame ? this.#agreed + 1 : 0;
    if (!isSame) this.#tries++;
    for (const tape of before?.tapes ?? []) tape.dispose();
    this.#recorded = recorded;
    this.#made = 0;
    if (this.isReady) this.#tries = 0;
    return this.isReady;
  }

  /** Tells optimizers how many steps were made without them. */
  settle(): void {
    if (this.#untold === 0) return;
    const { reached } = this.#recorded as RecordedUpdate;
    const updated = new Set<Tensor>(this.#parameters.filter((_, i) => reached[i]));
    for (const optimizer of this.#optimizers()) {
      const own = optimizer.paramGroups.flatMap(({ params }) => params).filter((each) => updated.has(each));
      optimizer.countSteps(own, this.#untold);
    }
    this.#untold = 0;
  }

  dispose(): void {
    this.settle();
    this.forget();
  }

  /** The next updates are recorded anew. */
  forget(): void {
    this.settle();
    for (const tape of this.#recorded?.tapes ?? []) tape.dispose();
    this.#recorded = undefined;
    this.#agreed = 0;
    this.#made = 0;
  }

  #optimizers(): readonly AnyOptimizer[] {
    return this.#optimizer.compilableStep()?.optimizers ?? [];
  }

  #record({ hooks, optimizers, metrics: constants }: CompilableStep): RecordedUpdate | undefined {
    const gradients = this.#parameters.flatMap(({ grad }) => grad ?? []);
    const reached = this.#parameters.map(({ grad }) => grad !== null);
    const update = <T>(fn: () => T, outputsOf: (result: T) => readonly Tensor[] = () => []): Recording<T> =>
      record(gradients, fn, outputsOf, { update: true });
    const told = update(
      () =>
        this.#context.collect(() => {
          for (const hook of hooks) void hook.gradients(this.#context);
        }).metrics,
      (metrics) => metrics.flatMap(({ value }) => (value instanceof Tensor ? value : [])),
    );
    for (const { key, value, count } of [...told.result, ...constants])
      this.#context.addMetric(key, value, count);
    const recordings = [told, ...optimizers.map((optimizer) => update(() => optimizer.step()))];
    const tapes = recordings.flatMap(({ tape }) => tape ?? []);
    if (tapes.length < recordings.length || told.result.some(({ value }) => typeof value === 'number')) {
      for (const tape of tapes) tape.dispose();
      return undefined;
    }
    const metrics = told.result.map(({ key, count }) => ({ key, count }));
    return { tapes, rates: tapes.map((tape) => tape.rates()), reached, metrics, constants };
  }
}

function areSame(a: RecordedUpdate, b: RecordedUpdate): boolean {
  return (
    JSON.stringify([a.reached, a.metrics]) === JSON.stringify([b.reached, b.metrics]) &&
    a.tapes.length === b.tapes.length &&
    a.tapes.every((tape, i) => tape.difference(b.tapes[i] as Tape) === '')
  );
}
