/** What schedulers refuse, remember and warn of. Their learning rates: test/parity/optimSchedulers.test.ts. */

import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { ArgumentError } from '../../lib/errors.ts';
import { F } from '../../lib/torch/functions.ts';
import * as optim from '../../lib/torch/optim/index.ts';
import { memory } from '../../lib/torch/scope.ts';

function sgd(lr = 0.1): optim.SGD {
  const params = () => [F.zeros([1], { requiresGrad: true })];
  return new optim.SGD([{ params: params() }, { params: params(), lr: lr / 2 }], { lr, momentum: 0.5 });
}

const rates = (optimizer: optim.Optimizer) => optimizer.paramGroups.map((group) => group.lr);

/** Every scheduler that counts steps. */
const table: Record<string, (optimizer: optim.Optimizer) => optim.LRScheduler> = {
  LambdaLR: (one) => new optim.LambdaLR(one, (epoch) => 1 / (1 + epoch)),
  MultiplicativeLR: (one) => new optim.MultiplicativeLR(one, () => 0.9),
  StepLR: (one) => new optim.StepLR(one, 3),
  MultiStepLR: (one) => new optim.MultiStepLR(one, [4, 8]),
  ConstantLR: (one) => new optim.ConstantLR(one, { factor: 0.5, totalIters: 7 }),
  LinearLR: (one) => new optim.LinearLR(one, { totalIters: 9 }),
  ExponentialLR: (one) => new optim.ExponentialLR(one, 0.9),
  PolynomialLR: (one) => new optim.PolynomialLR(one, { totalIters: 15, power: 2 }),
  CosineAnnealingLR: (one) => new optim.CosineAnnealingLR(one, 6, { etaMin: 0.01 }),
  CosineAnnealingWarmRestarts: (one) => new optim.CosineAnnealingWarmRestarts(one, 3, { tMult: 2 }),
  OneCycleLR: (one) => new optim.OneCycleLR(one, 0.3, { totalSteps: 20 }),
  SequentialLR: (one) =>
    new optim.SequentialLR(one, [new optim.LinearLR(one), new optim.CosineAnnealingLR(one, 10)], [5]),
  ChainedScheduler: (one) =>
    new optim.ChainedScheduler([new optim.LinearLR(one), new optim.ExponentialLR(one, 0.9)]),
};

afterEach(() => {
  jest.restoreAllMocks();
});

describe.each(Object.keys(table))('%s', (name) => {
  const make = table[name]!;

  test('goes on from the text of its state', () => {
    const [one, other] = [sgd(), sgd()];
    const [first, second] = [make(one), make(other)];
    const step = (optimizer: optim.Optimizer, scheduler: optim.LRScheduler) => {
      optimizer.step();
      scheduler.step();
    };
    for (let i = 0; i < 7; i++) step(one, first);
    const state = JSON.parse(JSON.stringify(first.stateDict())) as optim.SchedulerState;
    other.loadStateDict(JSON.parse(JSON.stringify(one.stateDict())) as optim.OptimizerStateDict);
    second.loadStateDict(state);
    expect(second.getLastLr()).toEqual(rates(one));
    for (let i = 0; i < 8; i++) {
      step(one, first);
      step(other, second);
      expect(rates(other)).toEqual(rates(one));
    }
    expect(second.stateDict()).toEqual(first.stateDict());
  });

  test('refuses a state that is not its own, and changes nothing', () => {
    const optimizer = sgd();
    const scheduler = make(optimizer);
    const good = scheduler.stateDict();
    for (const key of Object.keys(good)) {
      const bad = { ...good, [key]: key === '_schedulers' ? [] : 'wrong' };
      if (typeof good[key] !== 'string') expect(() => scheduler.loadStateDict(bad)).toThrow(ArgumentError);
    }
    expect(() => scheduler.loadStateDict({})).toThrow(ArgumentError);
    expect(scheduler.stateDict()).toEqual(good);
  });

  test('leaves no tensors', () => {
    const optimizer = sgd();
    const scheduler = make(optimizer);
    optimizer.step();
    const before = memory().tensors;
    for (let i = 0; i < 10; i++) scheduler.step();
    expect(memory().tensors).toBe(before);
  });

  test('needs an optimizer, and learning rates that are numbers', () => {
    expect(() => make({} as optim.Optimizer)).toThrow(ArgumentError);
    const own = new optim.RelativeStepAdafactor([F.zeros([1], { requiresGrad: true })]);
    expect(() => make(own)).toThrow(/a number for lr of paramGroups\[0\]|momentum or betas/);
  });
});

describe('arguments', () => {
  test('each with its sentence', () => {
    const one = sgd();
    const bad: [() => unknown, RegExp][] = [
      [() => new optim.LambdaLR(one, 3 as never), /Expected a function for lrLambda/],
      [
        () => new optim.LambdaLR(one, [() => 1]),
        /Expected 2 values, one for each parameter group, for lrLambda/,
      ],
      [() => new optim.MultiplicativeLR(one, [() => 1, null as never]), /Expected a function for lrLambda/],
      [() => new optim.StepLR(one, 0), /Expected a positive integer for stepSize but received 0/],
      [() => new optim.StepLR(one, 1.5), /positive integer/],
      [() => new optim.StepLR(one, 1, { gamma: '1' as never }), /Expected a number for gamma/],
      [() => new optim.StepLR(one, 1, { lastEpoch: -2 }), /Expected an integer from -1 for lastEpoch/],
      [() => new optim.StepLR(sgd(), 1, { lastEpoch: 3 }), /initialLr is not specified in paramGroups\[0\]/],
      [() => new optim.MultiStepLR(one, [1.5]), /Expected an integer from 0 for milestone/],
      [() => new optim.ConstantLR(one, { factor: 1.5 }), /Expected a number from 0 to 1 for factor/],
      [() => new optim.LinearLR(one, { startFactor: 0 }), /greater than 0 for startFactor/],
      [() => new optim.LinearLR(one, { endFactor: 2 }), /Expected a number from 0 to 1 for endFactor/],
      [() => new optim.CosineAnnealingLR(one, 0), /positive integer for tMax/],
      [() => new optim.CosineAnnealingWarmRestarts(one, 3, { tMult: 1.5 }), /positive integer for tMult/],
      [() => new optim.OneCycleLR(one, 1, {}), /either totalSteps or epochs and stepsPerEpoch/],
      [() => new optim.OneCycleLR(one, 1, { totalSteps: 0 }), /positive integer for totalSteps/],
      [() => new optim.OneCycleLR(one, 1, { totalSteps: 5, pctStart: 2 }), /from 0 to 1 for pctStart/],
      [
        () => new optim.OneCycleLR(one, 1, { totalSteps: 5, annealStrategy: 'x' as never }),
        /'cos' or 'linear'/,
      ],
      [() => new optim.OneCycleLR(one, [1], { totalSteps: 5 }), /Expected 2 values/],
      [
        () => new optim.OneCycleLR(new optim.Adagrad([F.zeros([1])]), 1, { totalSteps: 5 }),
        /optimizer must support momentum or betas/,
      ],
      [() => new optim.SequentialLR(one, [], []), /at least one scheduler/],
      [() => new optim.SequentialLR(one, [new optim.LinearLR(one)], [3]), /Expected 0 steps/],
      [
        () => new optim.SequentialLR(one, [new optim.LinearLR(one), new optim.LinearLR(one)], [0]),
        /integer from 1/,
      ],
      [() => new optim.SequentialLR(one, [new optim.LinearLR(sgd())], []), /belong to the same optimizer/],
      [() => new optim.SequentialLR(one, [new optim.ReduceLROnPlateau(one) as never], []), /counts steps/],
      [
        () =>
          new optim.SequentialLR(
            one,
            [new optim.LinearLR(one), new optim.ChainedScheduler([new optim.LinearLR(one)])],
            [3],
          ),
        /not composed/,
      ],
      [() => new optim.ChainedScheduler([]), /at least one scheduler/],
      [() => new optim.ReduceLROnPlateau(one, { factor: 1 }), /a number below 1 for factor/],
      [() => new optim.ReduceLROnPlateau(one, { mode: 'mean' as never }), /'min' or 'max' for mode/],
      [() => new optim.ReduceLROnPlateau(one, { thresholdMode: 'x' as never }), /'rel' or 'abs'/],
      [() => new optim.ReduceLROnPlateau(one, { minLr: [1] }), /Expected 2 values/],
      [() => new optim.ReduceLROnPlateau(one).step('1' as never), /Expected a number for metric/],
    ];
    for (const [make, message] of bad) expect(make).toThrow(message);
  });

  test('more steps than a cycle has', () => {
    const one = sgd();
    const scheduler = new optim.OneCycleLR(one, 1, { totalSteps: 2 });
    one.step();
    scheduler.step();
    scheduler.step();
    expect(() => scheduler.step()).toThrow('Tried to step 3 times. The specified number of total steps is 2');
  });

  test('a group that came later', () => {
    const one = sgd();
    const scheduler = new optim.StepLR(one, 2);
    one.addParamGroup({ params: [F.zeros([1], { requiresGrad: true })] });
    expect(() => scheduler.step()).toThrow('parameter group 2 was added after the scheduler was made');
  });
});

test('a factor of 0 ends where PyTorch divides by zero', () => {
  const one = sgd();
  const scheduler = new optim.ConstantLR(one, { factor: 0, totalIters: 2 });
  one.step();
  expect(rates(one)).toEqual([0, 0]);
  scheduler.step();
  scheduler.step();
  expect(rates(one)).toEqual([0.1, 0.05]);
});

test('goes on from lastEpoch where only the optimizer was saved', () => {
  const [one, other] = [sgd(), sgd()];
  const scheduler = new optim.LambdaLR(one, (epoch) => 1 / (1 + epoch));
  for (let i = 0; i < 5; i++) {
    one.step();
    scheduler.step();
  }
  other.loadStateDict(one.stateDict());
  // Recreating it takes the step that comes next.
  new optim.LambdaLR(other, (epoch) => 1 / (1 + epoch), { lastEpoch: scheduler.lastEpoch });
  scheduler.step();
  expect(rates(other)).toEqual(rates(one));
});

describe('the order of steps', () => {
  test('a scheduler that steps first says so, once', () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const scheduler = new optim.StepLR(sgd(), 2);
    scheduler.step();
    scheduler.step();
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![0]).toMatch(/scheduler.step\(\) was called before optimizer.step\(\)/);
  });

  test('the right order says nothing', () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const one = sgd();
    const scheduler = new optim.StepLR(one, 2);
    one.step();
    scheduler.step();
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('ReduceLROnPlateau', () => {
  test('keeps an infinite best through JSON', () => {
    const [one, other] = [sgd(), sgd()];
    const state = JSON.parse(
      JSON.stringify(new optim.ReduceLROnPlateau(one).stateDict()),
    ) as optim.SchedulerState;
    expect(state.best).toBeNull();
    const scheduler = new optim.ReduceLROnPlateau(other);
    scheduler.loadStateDict(state);
    expect(scheduler.best).toBe(Infinity);
    scheduler.step(5);
    expect(scheduler.best).toBe(5);
  });

  test('refuses a state that is not its own, and changes nothing', () => {
    const scheduler = new optim.ReduceLROnPlateau(sgd());
    const good = scheduler.stateDict();
    for (const key of [
      'best',
      'min_lrs',
      'num_bad_epochs',
      'cooldown_counter',
      'last_epoch',
      '_last_lr',
      'patience',
    ]) {
      expect(() => scheduler.loadStateDict({ ...good, [key]: 'wrong' })).toThrow(ArgumentError);
    }
    expect(scheduler.stateDict()).toEqual(good);
  });

  test('a group that came later has the bound for all, or none of its own', () => {
    const one = sgd();
    const [shared, apart] = [
      new optim.ReduceLROnPlateau(one, { patience: 0 }),
      new optim.ReduceLROnPlateau(one, { patience: 0, minLr: [0, 0] }),
    ];
    one.addParamGroup({ params: [F.zeros([1], { requiresGrad: true })], lr: 1 });
    for (const metric of [1, 1]) shared.step(metric);
    expect(one.paramGroups[2]!.lr).toBeCloseTo(0.1);
    apart.step(1);
    expect(() => apart.step(1)).toThrow(/one value for each parameter group for minLr/);
  });
});
