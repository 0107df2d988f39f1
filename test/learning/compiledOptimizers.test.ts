/** Which optimizers are a part of compiled steps. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { config } from '../../lib/experiment/config.ts';
import {
  Adafactor,
  Adagrad,
  Adam,
  AdamW,
  type AnyOptimizer,
  NAdam,
  Optimizer,
  ParameterOptimizer,
  RAdam,
  RMSprop,
  Scheduler,
  SGD,
} from '../../lib/learning/index.ts';
import { ops } from '../../lib/torch/ops.ts';
import { AdamW as TorchAdamW } from '../../lib/torch/optim/adam.ts';
import type { Algorithm } from '../../lib/torch/optim/algorithm.ts';
import { type ParamList, Optimizer as TorchOptimizer } from '../../lib/torch/optim/optimizer.ts';
import { lr } from '../../lib/torch/optim/rules.ts';
import { SGD as TorchSGD } from '../../lib/torch/optim/sgd.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { compiledSteps, type Made, one, outcome } from './compiledNet.ts';

beforeAll(() => setNumThreads(1));

class Grouped extends config(import.meta, 'test.Grouped', {}, Optimizer) {
  create(parameters: ParamList): AnyOptimizer {
    const all = [...parameters] as [string, Tensor][];
    return new TorchAdamW([
      { params: all.slice(0, 3), lr: 1e-2 },
      { params: all.slice(3), lr: 1e-3, weightDecay: 0, fused: true },
    ]);
  }
}

/** Whose step is its own. */
class Own extends config(import.meta, 'test.Own', {}, Optimizer) {
  create(parameters: ParamList): AnyOptimizer {
    class Halting extends TorchSGD {
      #steps = 0;
      override step(): undefined {
        if (++this.#steps % 4 !== 0) super.step();
      }
    }
    return new Halting(parameters, { lr: 1e-3 });
  }
}

/** Changes what is no learning rate. */
class Decaying extends config(import.meta, 'test.Decaying', {}, Scheduler) {
  create({ paramGroups }: AnyOptimizer) {
    let steps = 0;
    return {
      step: () => {
        steps++;
        for (const group of paramGroups) Object.assign(group, { weightDecay: steps < 10 ? 0.1 : 0.5 });
      },
      stateDict: () => steps,
      loadStateDict: (state: number) => {
        steps = state;
      },
    };
  }
}

/** Claims that only rates change, and takes another number from the twelfth step on. */
class Lying extends config(import.meta, 'test.Lying', {}, Optimizer) {
  create(parameters: ParamList): AnyOptimizer {
    let steps = 0;
    const algorithm: Algorithm<{ lr: number }> = {
      name: 'Lying',
      defaults: { lr: 1e-3 },
      rules: { lr },
      start: () => ({}),
      complex: 'none',
      isRated: true,
      update: (batch) => {
        const size = batch.rate((rate) => -rate);
        ops.aten._foreach_add_(batch.params, batch.grads, { alpha: size });
        ops.aten._foreach_mul_(batch.params, ++steps < 12 ? 1 : 0.5);
      },
    };
    return new (class extends TorchOptimizer<{ lr: number }> {})(algorithm, parameters) as AnyOptimizer;
  }
}

/** Changes a momentum in each step. */
class Cycling extends config(import.meta, 'test.Cycling', {}, Scheduler) {
  create({ paramGroups }: AnyOptimizer) {
    let steps = 0;
    const step = () => {
      steps++;
      for (const group of paramGroups) Object.assign(group, { momentum: 0.9 - 0.01 * steps });
    };
    const loadStateDict = (state: number) => {
      steps = state;
    };
    return { step, stateDict: () => steps, loadStateDict };
  }
}

/** In all but the first steps. */
const most = 20;

describe('a compiled run leaves the same bits, and makes so many steps without JavaScript', () => {
  const by = (optimizer: () => Optimizer): Made => ({ optimizers: () => one(optimizer()) });
  test.each<[string, number, Made]>([
    ['AdamW', most, by(() => new AdamW({ lr: 1e-2 }))],
    [
      'Adam with a penalty, of the largest moments',
      most,
      by(() => new Adam({ weightDecay: 0.1, amsgrad: true })),
    ],
    ['Adam, fused', most, by(() => new Adam({ fused: true }))],
    ['SGD', most, by(() => new SGD({ lr: 1e-3, weightDecay: 0.1 }))],
    [
      'SGD with momentum',
      most,
      by(() => new SGD({ lr: 1e-3, momentum: 0.9, nesterov: true, weightDecay: 0.1 })),
    ],
    ['Adagrad', most, by(() => new Adagrad({ lrDecay: 0.1, weightDecay: 0.1 }))],
    ['Adagrad, fused', most, by(() => new Adagrad({ lrDecay: 0.1, fused: true }))],
    ['RMSprop', most, by(() => new RMSprop({ lr: 1e-3 }))],
    ['RMSprop with momentum', most, by(() => new RMSprop({ lr: 1e-3, momentum: 0.9, centered: true }))],
    ['groups with rates of their own', most, by(() => new Grouped())],
    ['AdamW on bfloat16', most, { ...by(() => new AdamW({ lr: 1e-2 })), precision: 'bf16-true' }],
    [
      'options that change once',
      10,
      {
        optimizers: () => [
          new ParameterOptimizer({ optimizer: new AdamW({ lr: 1e-2 }), scheduler: new Decaying() }),
        ],
      },
    ],
    ['a step of its own', 0, by(() => new Own())],
    ['NAdam', 0, by(() => new NAdam({}))],
    ['RAdam', 0, by(() => new RAdam({}))],
    ['Adafactor', 0, { optimizers: () => [new ParameterOptimizer({ optimizer: new Adafactor({}) })] }],
  ])('%s', async (_, atLeast, made) => {
    const eager = await outcome(made, false);
    const compiled: { value?: typeof eager } = {};
    const steps = await compiledSteps(async () => {
      compiled.value = await outcome(made, true);
    });
    expect(compiled.value).toEqual(eager);
    if (atLeast === 0) expect(steps).toBe(0);
    else expect(steps).toBeGreaterThanOrEqual(atLeast);
    expect(await outcome(made, 'verify')).toEqual(eager);
    expect(await outcome(made, true, [1, 3])).toEqual(await outcome(made, false, [1, 3]));
  });
});

describe('updates that cannot be compiled are told of once, and made as they are', () => {
  const warningsOf = (warnings: readonly string[]) => warnings.filter((each) => each.startsWith('updates'));

  test('as options change in each step', async () => {
    const optimizer = () => new SGD({ lr: 1e-3, momentum: 0.9 });
    const made = {
      optimizers: () => [new ParameterOptimizer({ optimizer: optimizer(), scheduler: new Cycling() })],
    };
    const eager = await outcome(made, false);
    const { warnings, ...compiled } = await outcome(made, true);
    expect({ ...compiled, warnings: [] }).toEqual({ ...eager, warnings: [] });
    expect(warningsOf(warnings)).toEqual(['updates are not compiled, as they have options that change']);
  });

  test('as they give other bits, in a run that verifies', async () => {
    const made = { optimizers: () => [new ParameterOptimizer({ optimizer: new Lying() })] };
    const eager = await outcome(made, false);
    const { warnings, ...verified } = await outcome(made, 'verify');
    expect({ ...verified, warnings: [] }).toEqual({ ...eager, warnings: [] });
    expect(warningsOf(warnings)).toEqual([
      expect.stringMatching(
        /^updates are not compiled, as they depend on what JavaScript computes: aten::_foreach_mul_: scalar was 1, and then 0.5$/,
      ),
    ]);
  });
});
