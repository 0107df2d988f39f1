import { describe, expect, test } from '@jest/globals';
import { identifier } from '../../lib/experiment/index.ts';
import { Hook, Hooks, StepTrainingHook } from '../../lib/learning/hooks.ts';
import {
  Adafactor,
  Adagrad,
  Adam,
  AdamW,
  type AnyOptimizer,
  CosineWithWarmup,
  type FactorScheduler,
  foldStatus,
  getOptimizers,
  LearnerListenerStatus,
  LinearWithWarmup,
  Metrics,
  NAdam,
  type Optimizer,
  ParameterFilter,
  ParameterOptimizer,
  RAdam,
  RegexParameterFilter,
  RMSprop,
  Scheduler,
  SGD,
} from '../../lib/learning/index.ts';
import { claimParameters } from '../../lib/learning/parameterOptimizer.ts';
import { F } from '../../lib/torch/functions.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { Module } from '../../lib/torch/nn/module.ts';
import { CosineAnnealingLR } from '../../lib/torch/optim/schedulersCosine.ts';

describe('Metrics', () => {
  test('means are weighted by counts, and merging adds both', () => {
    const a = new Metrics();
    a.add('loss', 1, 3);
    a.add('loss', 5);
    a.add('accuracy', 0.5, 10);
    const b = new Metrics();
    b.add('loss', 2, 4);
    b.add('only here', 7);
    a.merge(b);
    expect([...a.means()]).toEqual([
      ['loss', (1 * 3 + 5 + 2 * 4) / 8],
      ['accuracy', 0.5],
      ['only here', 7],
    ]);
    expect([...b.means()]).toEqual([
      ['loss', 2],
      ['only here', 7],
    ]);
  });

  test('refuses what is no number, and counts of nothing', () => {
    expect(() => new Metrics().add('x', '1' as never)).toThrow(
      'Expected a number for metric x but received "1"',
    );
    expect(() => new Metrics().add('x', 1, 0)).toThrow('for count of metric x but received 0');
  });
});

describe('foldStatus', () => {
  const { NO_DECISION: N, STOP: S, DONT_STOP: D } = LearnerListenerStatus;
  test.each([
    [[], N],
    [[N], N],
    [[S], S],
    [[D], D],
    [[N, S], S],
    [[S, N], S],
    [[N, D], D],
    [[S, D], D],
    [[D, S], D],
    [[S, S], S],
    [[N, S, D, S], D],
  ])('%p is %d', (statuses, folded) => {
    expect(foldStatus(statuses)).toBe(folded);
  });
});

describe('filters', () => {
  // What matches includes is taken; otherwise nothing without excludes, or what matches none of them.
  test.each<[{ includes?: string[]; excludes?: string[] }, string[]]>([
    [{ includes: ['bias'] }, ['a.bias', 'b.bias']],
    [{ includes: ['^a\\.', 'b\\.w'] }, ['a.weight', 'a.bias', 'b.weight']],
    [{ excludes: ['bias'] }, ['a.weight', 'b.weight']],
    [{ excludes: ['^a', 'weight'] }, ['b.bias']],
    [{ includes: ['a\\.bias'], excludes: ['bias'] }, ['a.weight', 'a.bias', 'b.weight']],
    [{ includes: [] }, []],
    [{ excludes: [] }, ['a.weight', 'a.bias', 'b.weight', 'b.bias']],
  ])('%p', (options, taken) => {
    const filter = new RegexParameterFilter(options);
    const names = ['a.weight', 'a.bias', 'b.weight', 'b.bias'];
    expect(names.filter((name) => filter.accepts(name))).toEqual(taken);
  });

  test('a filter without anything takes everything', () => {
    expect(new ParameterFilter().accepts('anything')).toBe(true);
  });

  test('is made of text, which an identity can hold', () => {
    const id = (includes: readonly string[]) => identifier(new RegexParameterFilter({ includes }));
    expect(id(['a', 'b'])).toBe(id(['a', 'b']));
    expect(id(['a', 'b'])).not.toBe(id(['b', 'a']));
    expect(() => new RegexParameterFilter({ includes: [/bias/i as never] })).toThrow(
      'regexParameterFilter.includes[0]: expected a string, received an object (RegExp)',
    );
  });

  test('is checked when it is made', () => {
    expect(() => new RegexParameterFilter({ includes: ['('] })).toThrow(
      /^regexParameterFilter\.includes\[0\]: expected a regular expression \(.*\), received "\("$/,
    );
    expect(() => new RegexParameterFilter({})).toThrow('regexParameterFilter: expected includes or excludes');
    expect(() => new RegexParameterFilter({ include: ['x'] } as never)).toThrow('did you mean includes?');
  });
});

class Two extends Module {
  a = new Linear(2, 2);
  b = new Linear(2, 2);
  forward(): never {
    throw new Error('not called');
  }
}

describe('claims', () => {
  const claim = (filter?: ParameterFilter, module?: Module) =>
    new ParameterOptimizer({ optimizer: new SGD(), ...(filter && { filter }), ...(module && { module }) });
  const only = (name: string) => new RegexParameterFilter({ includes: [name] });

  test('the first claim wins, the rest is named', () => {
    const model = new Two();
    model.b.weight.requiresGrad = false;
    const { claimed, unclaimed } = claimParameters([claim(only('bias')), claim(only('^a'))], model);
    expect(claimed.map((own) => own.map(([name]) => name))).toEqual([['a.bias', 'b.bias'], ['a.weight']]);
    // b.weight is frozen: nobody misses it.
    expect(unclaimed).toEqual([]);
    model.b.weight.requiresGrad = true;
    expect(claimParameters([claim(only('bias'))], model).unclaimed).toEqual(['a.weight', 'b.weight']);
  });

  test('a module of its own limits a claim', () => {
    const model = new Two();
    const { claimed, unclaimed } = claimParameters([claim(undefined, model.b)], model);
    const own = new Set<unknown>(model.b.parameters());
    expect(claimed[0]!.map(([, parameter]) => own.has(parameter))).toEqual([true, true]);
    expect(unclaimed).toEqual(['a.weight', 'a.bias']);
  });

  test('an empty claim is an error that says why', () => {
    const model = new Two();
    expect(() => claimParameters([claim(only('c'))], model)).toThrow(
      'learner.optimizers[0]: expected at least one parameter to optimize, but its filter takes none of a.weight, a.bias,',
    );
    expect(() => claimParameters([claim(), claim(only('bias'))], model)).toThrow(
      'learner.optimizers[1]: expected at least one parameter to optimize, but those before it claimed all',
    );
  });

  test('getOptimizers takes one optimizer, one claim, or a list', () => {
    const one = claim();
    expect(getOptimizers(one)).toEqual([one]);
    expect(getOptimizers([one])).toEqual([one]);
    expect(getOptimizers(new SGD())[0]!.optimizer).toBeInstanceOf(SGD);
    expect(() => getOptimizers({} as never)).toThrow(
      'optimizers: expected an Optimizer, a ParameterOptimizer, or',
    );
  });
});

describe('schedulers', () => {
  const factors = (scheduler: FactorScheduler, steps: number[], total: number) =>
    steps.map((step) => scheduler.factor(step, total));

  test('LinearWithWarmup by hand', () => {
    const scheduler = new LinearWithWarmup({ numWarmupSteps: 4 });
    expect(factors(scheduler, [0, 1, 3, 4, 8, 12, 13], 12)).toEqual([0, 0.25, 0.75, 1, 0.5, 0, 0]);
    // (f + m) / (1 + m): 1 at the peak, and at the end 0.25 / 1.25 = 0.2, not 0.25.
    const floor = new LinearWithWarmup({ numWarmupSteps: 4, minFactor: 0.25 });
    expect(factors(floor, [2, 4, 8, 12], 12)).toEqual([0.5, 1, 0.75 / 1.25, 0.2]);
  });

  test('CosineWithWarmup by hand', () => {
    const scheduler = new CosineWithWarmup({ numWarmupSteps: 2 });
    const expected = [0, 0.5, 1, 0.5 * (1 + Math.SQRT1_2), 0.5, 0];
    for (const [i, value] of factors(scheduler, [0, 1, 2, 4, 6, 10], 10).entries()) {
      expect(value).toBeCloseTo(expected[i]!, 12);
    }
    expect(new CosineWithWarmup({ numWarmupSteps: 0, numCycles: 1 }).factor(10, 10)).toBeCloseTo(1, 12);
  });

  test('no warm-up, and no steps after it, divide by nothing', () => {
    expect(new LinearWithWarmup({ numWarmupSteps: 0 }).factor(0, 10)).toBe(1);
    expect(new LinearWithWarmup({ numWarmupSteps: 10 }).factor(10, 10)).toBe(0);
    expect(new CosineWithWarmup({ numWarmupSteps: 10 }).factor(10, 10)).toBe(1);
  });

  test('options are checked', () => {
    expect(() => new LinearWithWarmup({ numWarmupSteps: '100' as never })).toThrow(
      'linearWithWarmup.numWarmupSteps: expected an integer, received "100"',
    );
    expect(() => new CosineWithWarmup({} as never)).toThrow('cosineWithWarmup.numWarmupSteps: expected');
    expect(() => new LinearWithWarmup({ numWarmupSteps: -1 }).validate()).toThrow('at least 0, received -1');
  });

  test('cosines are those of the C library, which differ from V8 in the last bit', () => {
    // 0.5 * (1.0 + math.cos(math.pi * 0.5 * 2.0 * (step / 1000))) in Python.
    const scheduler = new CosineWithWarmup({ numWarmupSteps: 0 });
    const recorded: [number, number][] = [
      [115, 0.9677220154149337],
      [184, 0.9187640200210709],
      [245, 0.8590631488815944],
    ];
    for (const [step, factor] of recorded) expect(scheduler.factor(step, 1000)).toBe(factor);
    const ofV8 = recorded.map(([step]) => Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (step / 1000)))));
    expect(ofV8).not.toEqual(recorded.map(([, factor]) => factor));
  });

  test('any scheduler of xpmir/torch can be used', () => {
    class Annealing extends Scheduler {
      create(optimizer: AnyOptimizer, totalSteps: number) {
        return new CosineAnnealingLR(optimizer, totalSteps);
      }
    }
    const model = new Linear(1, 1);
    const optimizer = new SGD({ lr: 1 }).create(model.parameters());
    const running = new Annealing().create(optimizer, 4);
    const rates = [optimizer.paramGroups[0]!.lr];
    for (let step = 0; step < 4; step++) {
      optimizer.step();
      running.step();
      rates.push(optimizer.paramGroups[0]!.lr);
    }
    for (const [i, rate] of [1, 0.5 + Math.SQRT1_2 / 2, 0.5, 0.5 - Math.SQRT1_2 / 2, 0].entries())
      expect(rates[i]).toBeCloseTo(rate, 12);
  });
});

describe('optimizers', () => {
  // Of upstream where it has them, otherwise of PyTorch.
  test.each<[Optimizer, Record<string, unknown>]>([
    [new SGD(), { lr: 1e-5, weightDecay: 0, momentum: 0 }],
    [new Adam(), { lr: 1e-3, weightDecay: 0, eps: 1e-8, betas: [0.9, 0.999] }],
    [new AdamW(), { lr: 1e-3, weightDecay: 1e-2, eps: 1e-8, betas: [0.9, 0.999] }],
    [new Adafactor(), { lr: null, weightDecay: 0, relativeStep: true, scaleParameter: true }],
    [new Adagrad(), { lr: 1e-2, lrDecay: 0, eps: 1e-10 }],
    [new RMSprop(), { lr: 1e-2, alpha: 0.99, eps: 1e-8, centered: false }],
    [new NAdam(), { lr: 2e-3, momentumDecay: 4e-3 }],
    [new RAdam(), { lr: 1e-3, decoupledWeightDecay: false }],
    [new Adafactor({ lr: 1e-3, relativeStep: false }), { lr: 1e-3, relativeStep: false }],
  ])('%p works with its options', (optimizer, options) => {
    optimizer.validate();
    const model = new Linear(2, 1);
    const made = optimizer.create(model.namedParameters());
    expect(made.paramGroups[0]).toMatchObject(options);
    const before = model.weight.tolist();
    model
      .forward(F.ones([1, 2]))
      .sum()
      .backward();
    made.step();
    expect(model.weight.tolist()).not.toEqual(before);
  });

  test('their numbers are checked', () => {
    const refuses = (optimizer: Optimizer) => expect(() => optimizer.validate());
    refuses(new Adam({ lr: -1 })).toThrow('lr: expected a number of at least 0, received -1');
    refuses(new AdamW({ betas: [0.9, 1] })).toThrow('betas: expected two numbers of at least 0 and below 1');
    refuses(new Adafactor({ lr: 1 })).toThrow('lr: expected none, with relativeStep, received 1');
    refuses(new Adafactor({ relativeStep: false })).toThrow('lr: expected a number, without relativeStep');
  });
});

describe('hooks', () => {
  test('are found by class and ancestors, in the order in which they came', () => {
    class A extends StepTrainingHook {}
    class B extends A {}
    class C extends Hook {}
    const hooks = new Hooks();
    const all = [new B(), new C(), new A()];
    for (const hook of all) hooks.add(hook);
    expect(hooks.of(StepTrainingHook)).toEqual([all[0], all[2]]);
    expect(hooks.of(B)).toEqual([all[0]]);
    expect(hooks.of(Hook)).toEqual(all);
  });
});
