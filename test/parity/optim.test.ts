/** Every optimizer with its options against PyTorch over 50 steps, on parameters. Recorded by scripts/fixtures/optim.py. */

import { beforeAll, describe, expect, test } from '@jest/globals';
import type { DType } from '../../lib/torch/dtype.ts';
import { F } from '../../lib/torch/functions.ts';
import { camelCase } from '../../lib/torch/naming.ts';
import * as optim from '../../lib/torch/optim/index.ts';
import { keep, tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { elementwiseComparison, type RecordedOn } from '../support/cpu.ts';
import { expectClose, loadFixture, type TensorEntry, toTensor } from '../support/fixtures.ts';

type Options = Record<string, unknown>;

interface Row {
  readonly name: string;
  readonly optimizer: keyof typeof classes;
  readonly options: Options;
  readonly second: Options;
  readonly implementation: 'default' | 'fused' | 'foreach';
  readonly dtype: DType;
  readonly first: readonly number[];
  readonly tolerance?: string;
  readonly steps: Readonly<Record<string, readonly TensorEntry[]>>;
  readonly state_dict?: { state: Record<string, Record<string, unknown>>; param_groups: optim.PackedGroup[] };
}

interface Fixture extends RecordedOn {
  readonly parameters: readonly { name: string; value: TensorEntry; gradients: TensorEntry }[];
  readonly groups: readonly (readonly number[])[];
  readonly defaults: Readonly<Record<string, Options>>;
  readonly rows: readonly Row[];
  readonly resumed: readonly Row[];
}

const fixture = loadFixture<Fixture>('optim.json.gz');
const expectEqual = elementwiseComparison(fixture);

const classes = {
  SGD: optim.SGD,
  Adam: optim.Adam,
  AdamW: optim.AdamW,
  NAdam: optim.NAdam,
  RAdam: optim.RAdam,
  RMSprop: optim.RMSprop,
  Adagrad: optim.Adagrad,
  Adafactor: optim.Adafactor,
  RelativeStepAdafactor: optim.RelativeStepAdafactor,
} as const;

/** The only mapping between PyTorch's option names and ours. */
function ours(options: Options): Options {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [camelCase(name), value]));
}

/** What scripts/fixtures/optim.py does to get a row's dtype from float32. */
function cast(tensor: Tensor, dtype: DType): Tensor {
  return dtype.startsWith('complex') ? F.complex(tensor, tensor.mul(0.5)) : tensor.to({ dtype, copy: true });
}

class Run {
  readonly params: Tensor[];
  readonly optimizer: optim.Optimizer;
  readonly #row: Row;

  constructor(row: Row) {
    this.#row = row;
    this.params = fixture.parameters.map(({ value }) => {
      const param = keep(tidy(() => cast(toTensor(value), row.dtype)));
      param.requiresGrad = true;
      return param;
    });
    const groups: { params: Tensor[] }[] = fixture.groups.map((members) => ({
      params: members.map((index) => this.params[index]!),
    }));
    Object.assign(groups[1]!, ours(row.second));
    const make = classes[row.optimizer] as new (params: unknown, options: unknown) => optim.Optimizer;
    this.optimizer = new make(groups, {
      ...ours(row.options),
      ...(row.implementation === 'fused' ? { fused: true } : {}),
    });
  }

  /** One step; steps count from 1. */
  step(step: number): void {
    tidy(() => {
      for (const [index, param] of this.params.entries()) {
        const first = this.#row.first[index]!;
        if (first === 0 || step < first) continue;
        param.grad = cast(toTensor(fixture.parameters[index]!.gradients).at(step - 1), this.#row.dtype);
      }
    });
    this.optimizer.step();
  }

  expectAt(step: number): void {
    for (const [index, entry] of (this.#row.steps[step] ?? []).entries()) {
      const label = `${fixture.parameters[index]!.name} after step ${step}`;
      if (this.#row.tolerance === undefined) expectEqual(this.params[index]!, entry, label);
      else expectClose(this.params[index]!, entry, { rtol: 1e-5, atol: 1e-6, label });
    }
  }

  dispose(): void {
    this.optimizer.dispose();
    for (const param of this.params) param.dispose();
  }
}

beforeAll(() => setNumThreads(1));

describe('parameters after steps 1, 2, 10 and 50', () => {
  test.each(fixture.rows.map((row) => [row.name, row] as const))('%s', (_, row) => {
    const run = new Run(row);
    for (let step = 1; step <= 50; step++) {
      run.step(step);
      run.expectAt(step);
    }
    run.dispose();
  });

  test('the table has every optimizer and implementation', () => {
    expect(new Set(fixture.rows.map((row) => row.optimizer))).toEqual(new Set(Object.keys(classes)));
    expect(fixture.rows.length).toBeGreaterThanOrEqual(172);
    // Ours has one order of operations, PyTorch's default on CPU. Its foreach implementation differs for these.
    const loose = new Set(
      fixture.rows.filter((row) => row.tolerance !== undefined).map((row) => row.optimizer),
    );
    expect(loose).toEqual(new Set(['NAdam', 'RAdam', 'Adagrad', 'Adafactor']));
    for (const row of fixture.rows)
      expect(row.tolerance === undefined || row.implementation === 'foreach').toBe(true);
  });
});

describe("going on from PyTorch's state dict of step 10", () => {
  test.each(fixture.resumed.map((row) => [row.name, row] as const))('%s', (_, row) => {
    const dict = row.state_dict!;
    const run = new Run(row);
    tidy(() => {
      for (const [index, param] of run.params.entries()) param.data = toTensor(row.steps['10']![index]!);
      run.optimizer.loadStateDict({
        state: Object.fromEntries(Object.entries(dict.state).map(([id, state]) => [id, withTensors(state)])),
        param_groups: dict.param_groups,
      });
    });
    for (let step = 11; step <= 50; step++) run.step(step);
    run.expectAt(50);
    run.dispose();
  });

  test.each(fixture.resumed.map((row) => [row.name, row] as const))('our own has its keys: %s', (_, row) => {
    const run = new Run(row);
    for (let step = 1; step <= 10; step++) run.step(step);
    const [mine, theirs] = [run.optimizer.stateDict(), row.state_dict!];
    const described = Object.entries(mine.state).map(([id, state]) => [id, Object.keys(state).sort()]);
    // What transformers keeps only to compute the learning rate.
    const wanted = Object.entries(theirs.state).map(([id, state]) => [
      id,
      Object.keys(state)
        .filter((key) => key !== 'RMS')
        .sort(),
    ]);
    expect(described).toEqual(wanted);
    for (const [id, state] of Object.entries(theirs.state)) {
      for (const [key, value] of Object.entries(state)) {
        const own = mine.state[id]![key];
        if (typeof own === 'number') expect([id, key, own]).toEqual([id, key, scalar(value)]);
        else if (own !== undefined) expectEqual(own, value as TensorEntry, `${key} of ${id}`);
      }
    }
    for (const [index, group] of theirs.param_groups.entries()) {
      const own = mine.param_groups[index]!;
      for (const [key, value] of Object.entries(group)) {
        if (!UNSUPPORTED.has(key)) expect([key, own[key]]).toEqual([key, key === 'fused' ? false : value]);
      }
      expect(Object.keys(own).filter((key) => !(key in group))).toEqual([]);
    }
    run.dispose();
  });
});

describe('defaults', () => {
  test.each(Object.keys(classes) as (keyof typeof classes)[])('%s', (name) => {
    const param = F.zeros([1]);
    const { defaults } = new classes[name]([param]);
    const theirs = Object.entries(fixture.defaults[name]!).filter(([key]) => !UNSUPPORTED.has(key));
    expect(defaults).toEqual({
      ...ours(Object.fromEntries(theirs)),
      ...('fused' in defaults ? { fused: false } : {}),
    });
  });
});

/** Options of PyTorch that choose between its implementations, or that capturing graphs and double backward need. */
const UNSUPPORTED: ReadonlySet<string> = new Set(['foreach', 'capturable', 'differentiable']);

function isEntry(value: unknown): value is TensorEntry {
  return typeof value === 'object' && value !== null && 'dtype' in value;
}

function withTensors(state: Record<string, unknown>): optim.ParamState {
  const entries = Object.entries(state).map(([key, value]) => [
    key,
    isEntry(value) ? toTensor(value) : value,
  ]);
  return Object.fromEntries(entries) as optim.ParamState;
}

function scalar(value: unknown): unknown {
  return isEntry(value) ? tidy(() => toTensor(value).item()) : value;
}
