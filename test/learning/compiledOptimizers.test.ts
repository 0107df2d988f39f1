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
import { AdamW as TorchAdamW } from '../../lib/torch/optim/adam.ts';
import type { ParamList } from '../../lib/torch/optim/optimizer.ts';
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
