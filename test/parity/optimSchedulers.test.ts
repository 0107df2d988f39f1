/** Every scheduler against PyTorch over 50 steps: the learning rates are the same doubles. See scripts/fixtures/optim.py. */

import { beforeAll, describe, expect, test } from '@jest/globals';
import { F } from '../../lib/torch/functions.ts';
import { camelCase } from '../../lib/torch/naming.ts';
import * as optim from '../../lib/torch/optim/index.ts';
import { cos, pow } from '../../lib/torch/optim/libm.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { loadFixture } from '../support/fixtures.ts';

type Options = Record<string, unknown>;

interface Row {
  readonly name: string;
  readonly scheduler: string;
  readonly options: Options;
  readonly rates: readonly number[][];
  readonly momenta?: readonly number[][];
  readonly state_dict: optim.SchedulerState;
  readonly last: readonly number[];
  readonly groups: readonly Options[];
}

interface Fixture {
  readonly metrics: readonly number[];
  readonly rows: readonly Row[];
  readonly powers: readonly [x: number, y: number, power: number][];
  readonly cosines: readonly [x: number, cosine: number][];
}

const fixture = loadFixture<Fixture>('optim-schedulers.json.gz');

/** The functions that rows name. */
const functions: Record<string, optim.LrLambda> = {
  inverse: (epoch) => 1 / (1 + epoch),
  slow: (epoch) => 1 - epoch / 100,
};

/** In PyTorch these are arguments by position or name; here they come first, in this order. */
const positional: Record<string, readonly string[]> = {
  LambdaLR: ['lr_lambda'],
  MultiplicativeLR: ['lr_lambda'],
  StepLR: ['step_size'],
  MultiStepLR: ['milestones'],
  ExponentialLR: ['gamma'],
  CosineAnnealingLR: ['T_max'],
  CosineAnnealingWarmRestarts: ['T_0'],
  OneCycleLR: ['max_lr'],
  SequentialLR: ['schedulers', 'milestones'],
};

const classes: ReadonlyMap<string, unknown> = new Map(Object.entries(optim));

function build(name: string, options: Options, optimizer: optim.Optimizer): optim.Scheduler {
  const given = Object.fromEntries(
    Object.entries(options).map(([key, value]) => [key, convert(key, value, optimizer)]),
  );
  if (name === 'ChainedScheduler')
    return new optim.ChainedScheduler(given.schedulers as optim.LRScheduler[], optimizer);
  const first = positional[name] ?? [];
  const rest = Object.entries(given).filter(([key]) => !first.includes(key));
  const named = Object.fromEntries(rest.map(([key, value]) => [camelCase(key.replace('T_', 't_')), value]));
  const make = classes.get(name) as new (...args: unknown[]) => optim.Scheduler;
  return new make(optimizer, ...first.map((key) => given[key]), ...(name === 'SequentialLR' ? [] : [named]));
}

function convert(key: string, value: unknown, optimizer: optim.Optimizer): unknown {
  if (key === 'lr_lambda')
    return Array.isArray(value) ? value.map((one) => functions[one]) : functions[value as string];
  if (key !== 'schedulers') return value;
  return (value as Row[]).map((row) => build(row.scheduler, row.options, optimizer));
}

function optimizer(): optim.SGD {
  const params = [F.zeros([2], { requiresGrad: true }), F.zeros([3], { requiresGrad: true })];
  return new optim.SGD([{ params: [params[0]!] }, { params: [params[1]!], lr: 0.05 }], {
    lr: 0.1,
    momentum: 0.9,
  });
}

function advance(scheduler: optim.Scheduler, step: number): void {
  if (scheduler instanceof optim.ReduceLROnPlateau) scheduler.step(fixture.metrics[step]!);
  else (scheduler as optim.LRScheduler).step();
}

const rates = (one: optim.SGD) => one.paramGroups.map((group) => group.lr);
const momenta = (one: optim.SGD) => one.paramGroups.map((group) => group.momentum);

beforeAll(() => setNumThreads(1));

describe('learning rates over 50 steps', () => {
  test.each(fixture.rows.map((row) => [row.name, row] as const))('%s', (_, row) => {
    const sgd = optimizer();
    const scheduler = build(row.scheduler, row.options, sgd);
    const [found, moved]: number[][][] = [[], []];
    for (let step = 0; step <= 50; step++) {
      found!.push(rates(sgd));
      moved!.push(momenta(sgd));
      if (step === 20) expect(scheduler.getLastLr()).toEqual(row.last);
      if (step < 50) {
        sgd.step();
        advance(scheduler, step);
      }
    }
    expect(found).toEqual(row.rates);
    if (row.momenta !== undefined) expect(moved).toEqual(row.momenta);
  });

  test('every scheduler is in the table', () => {
    expect(new Set(fixture.rows.map((row) => row.scheduler)).size).toBe(14);
  });
});

describe("going on from PyTorch's state dict of step 20", () => {
  test.each(fixture.rows.map((row) => [row.name, row] as const))('%s', (_, row) => {
    const sgd = optimizer();
    const scheduler = build(row.scheduler, row.options, sgd);
    // What loading the optimizer's own state dict does.
    for (const [index, group] of row.groups.entries()) {
      const named = Object.entries(group).filter(([key]) => key !== 'foreach' && key !== 'differentiable');
      Object.assign(
        sgd.paramGroups[index]!,
        Object.fromEntries(named.map(([key, value]) => [camelCase(key), value])),
      );
    }
    scheduler.loadStateDict(row.state_dict);
    expect(scheduler.getLastLr()).toEqual(row.last);
    const found = [rates(sgd)];
    for (let step = 20; step < 50; step++) {
      sgd.step();
      advance(scheduler, step);
      found.push(rates(sgd));
    }
    expect(found).toEqual(row.rates.slice(20));
  });

  test.each(fixture.rows.map((row) => [row.name, row] as const))('our own equals it: %s', (_, row) => {
    const sgd = optimizer();
    const scheduler = build(row.scheduler, row.options, sgd);
    for (let step = 0; step < 20; step++) {
      sgd.step();
      advance(scheduler, step);
    }
    expect(JSON.parse(JSON.stringify(scheduler.stateDict()))).toEqual(withoutMarks(row.state_dict));
  });
});

/** PyTorch's state dict holds two marks of what call it is in the middle of. */
function withoutMarks(state: optim.SchedulerState): optim.SchedulerState {
  const kept = Object.entries(state).filter(
    ([key]) => key !== '_is_initial' && key !== '_get_lr_called_within_step',
  );
  const { _schedulers, ...rest } = Object.fromEntries(kept);
  if (_schedulers === undefined) return rest;
  return { ...rest, _schedulers: (_schedulers as optim.SchedulerState[]).map(withoutMarks) };
}

test("pow and cos are the C library's", () => {
  for (const [x, y, power] of fixture.powers) expect([x, y, pow(x, y)]).toEqual([x, y, power]);
  for (const [x, cosine] of fixture.cosines) expect([x, cos(x)]).toEqual([x, cosine]);
});
