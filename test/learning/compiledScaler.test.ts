/** Compiled steps with an enabled gradient scaler, which skips steps of optimizers. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  Adam,
  AdamW,
  GradientClippingHook,
  GradientLogHook,
  InitializationHook,
  ParameterOptimizer,
  PowerAdaptativeBatcher,
  SGD,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { fromTypedArray } from '../../lib/torch/factories.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import {
  type Batch,
  collated,
  compiledSteps,
  type Made,
  type Net,
  NetTrainer,
  one,
  only,
  outcome,
} from './compiledNet.ts';
import type { Example } from './toy.ts';

beforeAll(() => setNumThreads(1));

interface Boosted extends Batch {
  readonly boost: Tensor;
}

/** In one batch of six the gradient of `spare` overflows, and the loss does not. */
class Overflowing extends NetTrainer {
  protected override collate(records: readonly Example[]): Boosted {
    const boost = records[0]!.y > 12 ? 3e38 : 1;
    return { ...collated(records), boost: fromTypedArray(Float32Array.of(boost), [1, 1]) };
  }

  protected override trainBatch(batch: Boosted): void {
    super.trainBatch(batch);
    const { weight } = (this.trainedModel as Net).spare;
    this.context.addLoss('spare', weight.mul(batch.boost).sum());
  }
}

/** The scale grows after so many steps. */
function growing(interval: number): InitializationHook {
  class Growing extends InitializationHook {
    override after({ optimizer }: TrainerContext): void {
      const state = optimizer.stateDict();
      optimizer.loadStateDict({ ...state, scaler: { ...state.scaler, growth_interval: interval } });
    }
  }
  return new Growing();
}

const several = () => [
  new ParameterOptimizer({ optimizer: new SGD({ lr: 1e-3, momentum: 0.9 }), filter: only('first') }),
  new ParameterOptimizer({ optimizer: new Adam({ lr: 1e-3 }), filter: only('spare') }),
  ...one(new AdamW({ lr: 1e-2, fused: true })),
];

const base: Made = { precision: '16-mixed', trainer: () => new Overflowing(), hooks: () => [growing(3)] };

describe('a compiled run with a scaler leaves the same bits, tells the same, and warns of nothing', () => {
  test.each<[string, Made]>([
    ['of one optimizer', base],
    ['that is not fused', { ...base, optimizers: () => one(new AdamW({ lr: 1e-2 })) }],
    ['of several optimizers, of which one overflows', { ...base, optimizers: several }],
    [
      'with hooks on gradients',
      {
        ...base,
        hooks: () => [growing(2), new GradientLogHook({}), new GradientClippingHook({ maxNorm: 0.5 })],
      },
    ],
    ['of several batches in a step', { ...base, accumulateGradBatches: 2 }],
    [
      'in parts of a batch',
      { ...base, trainer: () => new Overflowing({ batcher: new PowerAdaptativeBatcher(), batchSize: 5 }) },
    ],
    ['in bfloat16, where it is disabled', { precision: 'bf16-mixed', optimizers: several }],
  ])('%s', async (_, made) => {
    const eager = await outcome(made, false, [6]);
    const compiled: { value?: typeof eager } = {};
    const steps = await compiledSteps(async () => {
      compiled.value = await outcome(made, true, [6]);
    });
    expect(compiled.value).toEqual(eager);
    expect(steps).toBeGreaterThan(30);
    expect(await outcome(made, 'verify', [6])).toEqual(eager);
    expect(eager.warnings.filter((each) => !each.includes('spare'))).toEqual([]);
  });

  test('whose scale grew and shrank, while some steps were skipped', async () => {
    const scales: number[] = [];
    const { told } = await outcome({ ...base, optimizers: several }, true, [6]);
    for (const [, metrics] of told as [unknown, [string, number][], number?][]) {
      const scale = new Map(metrics).get('gradient/scaler');
      if (scale !== undefined) scales.push(scale);
    }
    const pairs = scales.slice(1).map((scale, i) => scale / scales[i]!);
    expect(pairs).toContain(2);
    expect(pairs).toContain(0.5);
    expect(pairs).toContain(1);
  });

  test('also when it stopped and went on', async () => {
    const made = { ...base, optimizers: several };
    const eager = await outcome(made, false, [2, 3, 6]);
    expect(await outcome(made, true, [2, 3, 6])).toEqual(eager);
  });
});
