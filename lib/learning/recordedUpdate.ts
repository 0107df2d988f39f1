/**
 * An update of parameters as tapes: for each optimizer that a scaler takes one that unscales, then one of the gradient
 * hooks, one for the step of each optimizer, and one that adapts the scale.
 */
import { type Recording, record, type Tape } from '../torch/compile/recording.ts';
import { type PlannedUpdate, Role } from '../torch/compile/stepPlan.ts';
import type { Parameter } from '../torch/nn/parameter.ts';
import { Rates } from '../torch/rates.ts';
import { Tensor } from '../torch/tensor.ts';
import type { AddedMetric, TrainerContext } from './context.ts';
import type { AnyOptimizer } from './optimizers.ts';
import type { CompilableStep } from './scheduledOptimizer.ts';

/** A step of an optimizer. */
interface RecordedStep {
  readonly optimizer: AnyOptimizer;
  readonly tape: Tape;
  readonly rates: Rates;
  readonly groups: readonly AnyOptimizer['paramGroups'][number][];
  /** What they were, beside their learning rates. */
  readonly options: string;
}

interface Parts {
  readonly unscaled: readonly Tape[];
  readonly look: Tape;
  readonly steps: readonly RecordedStep[];
  readonly rescaled: Tape | undefined;
  readonly reached: readonly boolean[];
  readonly metrics: readonly Omit<AddedMetric, 'value'>[];
  readonly constants: CompilableStep['metrics'];
}

/** How many steps of an optimizer are counted elsewhere than in its state. */
export interface Progress {
  /** In the plan that the update is for. */
  readonly made: number;
  /** Of them, those that the optimizer was not told of. */
  readonly untold: number;
}

/** What became of an update that was made in JavaScript. */
export interface MadeUpdate {
  /** Undefined where an optimizer skipped its step, or where there is a problem. */
  readonly recorded: RecordedUpdate | undefined;
  /** Why it cannot be compiled. */
  readonly problem: string | undefined;
  /** Of the optimizers that had a step to make, in their order. */
  readonly skipped: readonly boolean[];
  /** The metrics that are tensors, the scale at last. */
  readonly numbers: readonly number[];
}

export class RecordedUpdate {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get tapes(): readonly Tape[] {
    const { unscaled, look, steps, rescaled } = this.#parts;
    return [
      ...unscaled,
      look,
      ...steps.map(({ tape }) => tape),
      ...(rescaled === undefined ? [] : [rescaled]),
    ];
  }

  /** Which parameters had gradients. */
  get reached(): readonly boolean[] {
    return this.#parts.reached;
  }

  get optimizers(): readonly AnyOptimizer[] {
    return this.#parts.steps.map(({ optimizer }) => optimizer);
  }

  /** Whether optimizers have the groups and options that they had, beside their learning rates. */
  get isCurrent(): boolean {
    return this.#parts.steps.every(
      ({ optimizer: { paramGroups }, groups, options }) =>
        // The state of a checkpoint comes with groups of its own.
        groups.every((group, i) => group === paramGroups[i]) && optionsOf(paramGroups) === options,
    );
  }

  /** The update behind the steps that were made, and behind others under way, of which a scaler may skip any. */
  planned(progress: readonly Progress[], underWay: number): PlannedUpdate[] {
    const { unscaled, look, steps, rescaled } = this.#parts;
    const plain = (tape: Tape, role: PlannedUpdate['role'], optimizer = 0): PlannedUpdate => ({
      tape,
      role,
      optimizer,
      rows: [],
      first: 0,
    });
    const fewest = rescaled === undefined ? underWay : 0;
    return [
      ...unscaled.map((tape, i) => plain(tape, Role.unscale, i)),
      plain(look, Role.look),
      ...steps.map(({ tape, rates }, i) => {
        const { made, untold } = progress[i] as Progress;
        const rows: number[][] = [];
        for (let more = fewest; more <= underWay; more++) rows.push(rates.after(untold + more + 1));
        return { tape, role: Role.step, optimizer: i, rows, first: made + fewest };
      }),
      ...(rescaled === undefined ? [] : [plain(rescaled, Role.rescale)]),
    ];
  }

  /** Metrics in the numbers that it gave. */
  metricsOf(numbers: readonly number[]): { key: string; value: number; count: number }[] {
    const { metrics, constants } = this.#parts;
    return [
      ...metrics.map(({ key, count }, i) => ({ key, count, value: numbers[i] as number })),
      ...constants,
    ];
  }

  /** What another recording did otherwise, in words; undefined where nothing. */
  difference(other: RecordedUpdate): string | undefined {
    const [a, b] = [this.#parts, other.#parts];
    if (JSON.stringify([a.reached, a.metrics]) !== JSON.stringify([b.reached, b.metrics]))
      return 'have gradients of other parameters, or other metrics';
    const [tapes, others] = [this.tapes, other.tapes];
    if (tapes.length !== others.length) return 'are of other optimizers';
    for (const [i, tape] of tapes.entries()) {
      const differs = tape.difference(others[i] as Tape);
      if (differs !== '') return `depend on what JavaScript computes: ${differs}`;
    }
    const isSame = a.steps.every(({ rates }, i) => {
      const now = b.steps[i]?.rates.after(0) ?? [];
      return now.length === rates.width && rates.after(0).every((rate, j) => Object.is(rate, now[j]));
    });
    return isSame ? undefined : 'depend on options that change';
  }

  dispose(): void {
    for (const tape of this.tapes) tape.dispose();
  }
}

/** Makes an update in JavaScript, from the gradients of the parameters, and writes it down. */
export function recordUpdate(
  context: TrainerContext,
  parameters: readonly Parameter[],
  { hooks, optimizers, scaler, metrics: constants }: CompilableStep,
): MadeUpdate {
  const gradients = parameters.flatMap(({ grad }) => grad ?? []);
  const reached = parameters.map(({ grad }) => grad !== null);
  const update = <T>(
    fn: () => T,
    outputsOf: (result: T) => readonly Tensor[] = () => [],
    inputs = gradients,
  ) => record(inputs, fn, outputsOf, { update: true });

  const unscaled = optimizers.flatMap((optimizer) =>
    scaler === undefined
      ? []
      : update(
          () => scaler.unscale_(optimizer),
          () => scaler.foundOf(optimizer),
        ),
  );
  const scale = scaler?.scaleFrom(context.device);
  const look = update(
    () => {
      const { metrics } = context.collect(() => {
        for (const hook of hooks) void hook.gradients(context);
      });
      return scale === undefined ? metrics : [...metrics, { key: 'gradient/scaler', value: scale, count: 1 }];
    },
    (metrics) => metrics.flatMap(({ value }) => (value instanceof Tensor ? value : [])),
  );
  for (const { key, value, count } of [...look.result, ...constants]) context.addMetric(key, value, count);
  const numbers = look.result.flatMap(({ value }) => (value instanceof Tensor ? Number(value.item()) : []));
  const steps = optimizers.map((optimizer) => recordStep(optimizer, { scaler, update }));
  const found = optimizers.flatMap((optimizer) => scaler?.foundOf(optimizer) ?? []);
  const rescaled = found.length === 0 ? undefined : update(() => scaler?.update(), undefined, found);

  const recordings = [...unscaled, look, ...steps.flatMap(({ recording }) => recording ?? [])];
  if (rescaled !== undefined) recordings.push(rescaled);
  const skipped = steps.map(({ recording }) => recording === undefined);
  const number = look.result.find(({ value }) => typeof value === 'number');
  const problem =
    recordings.find((each) => each.problem !== undefined)?.problem ??
    (number && `add metric ${number.key} as a number: give addMetric a scalar tensor`);
  if (problem !== undefined || skipped.includes(true)) {
    for (const { tape } of recordings) tape?.dispose();
    return { recorded: undefined, problem, skipped, numbers };
  }
  const recorded = new RecordedUpdate({
    unscaled: unscaled.map(({ tape }) => tape as Tape),
    look: look.tape as Tape,
    steps: steps.map(({ recording, ...step }) => ({ ...step, tape: recording?.tape as Tape })),
    rescaled: rescaled?.tape,
    reached,
    metrics: look.result.map(({ key, count }) => ({ key, count })),
    constants,
  });
  return { recorded, problem, skipped, numbers };
}

/** The step of an optimizer, without a recording where a scaler skipped it. */
function recordStep(
  optimizer: AnyOptimizer,
  { scaler, update }: Pick<CompilableStep, 'scaler'> & { update: (fn: () => void) => Recording<void> },
) {
  const rates = new Rates();
  const groups = [...optimizer.paramGroups];
  const options = optionsOf(groups);
  let recording: Recording<void> | undefined;
  const run = () => {
    recording = update(() => optimizer.stepRated(rates));
  };
  if (scaler === undefined) run();
  else scaler.stepBy(optimizer, run);
  return { optimizer, rates, groups, options, recording };
}

/** Everything about groups that updates depend on, beside tensors and learning rates. */
function optionsOf(groups: AnyOptimizer['paramGroups']): string {
  let text = '';
  for (const group of groups) {
    text += `${group.params.length}:`;
    for (const key in group) if (!IGNORED.has(key)) text += `${key}=${group[key as keyof typeof group]};`;
  }
  return text;
}

const IGNORED: ReadonlySet<string> = new Set([
  'params',
  'paramNames',
  'name',
  'lr',
  'initialLr',
  'maxLr',
  'minLr',
]);
