import { expect, test } from '@jest/globals';
import {
  AdamW,
  getOptimizers,
  LinearWithWarmup,
  ParameterOptimizer,
  RecoverableOOMError,
  Sampler,
  SGD,
  SkippingIterator,
  StepTrainingHook,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { EXAMPLES, type Example, newDirectory, ToyTrainer, toyLearner, toyModel } from './toy.ts';

const QUIET = { progress: false } as const;

/** The examples in their order, so that two batches of 2 are a batch of 4. */
class InOrder extends Sampler<Example> {
  iterate() {
    return new SkippingIterator(() => EXAMPLES.slice(0, 4));
  }
}

const trainerOf = (batchSize: number) => new ToyTrainer({ sampler: new InOrder(), batchSize });

test.each([1, 2, 4])(
  '%d batches in a step give the gradients of one of their sizes together',
  async (count) => {
    const weights = async (batchSize: number, accumulateGradBatches: number) => {
      const model = toyModel();
      const optimizers = [
        new ParameterOptimizer({
          optimizer: new SGD({ lr: 1e-2 }),
          scheduler: new LinearWithWarmup({ numWarmupSteps: 1 }),
        }),
      ];
      const trainer = trainerOf(batchSize);
      const seen: TrainerContext['state'][] = [];
      const losses: (number | undefined)[] = [];
      await toyLearner({
        model,
        optimizers,
        trainer,
        accumulateGradBatches,
        stepsPerEpoch: 3,
        maxEpochs: 2,
      }).run({
        progress: (event) => {
          if (event.type !== 'epoch') return;
          seen.push(event.state);
          losses.push(event.metrics.get('mse'));
        },
      });
      expect(seen).toEqual([1, 2].map((epoch) => ({ epoch, steps: 3 * epoch })));
      expect(trainer.seen).toHaveLength(6 * accumulateGradBatches);
      return [...(model.weight.tolist() as number[][])[0]!, ...losses.map(Number)];
    };
    const [together, apart] = [await weights(4, 1), await weights(4 / count, count)];
    for (const [i, value] of together.entries()) expect(apart[i]).toBeCloseTo(value, 5);
    expect(together[0]).not.toBe(1);
  },
);

test('hooks are called once for the step, and the step is made again whole when memory ran out', async () => {
  const calls: string[] = [];
  class Steps extends StepTrainingHook {
    override before = ({ state }: TrainerContext) => void calls.push(`before ${state.steps}`);
    override after = () => void calls.push('after');
  }
  let batch = 0;
  class Failing extends ToyTrainer {
    protected override trainBatch(records: readonly Example[]): void {
      super.trainBatch(records);
      calls.push(`batch of ${records[0]!.x[0]}`);
      if (++batch === 2) throw new RecoverableOOMError('memory ran out', undefined);
    }
  }
  const trainer = new Failing({ sampler: new InOrder(), batchSize: 2 });
  const samples: number[] = [];
  await toyLearner({
    trainer,
    hooks: [new Steps()],
    accumulateGradBatches: 2,
    maxEpochs: 1,
    stepsPerEpoch: 1,
  }).run({
    progress: (event) => {
      if (event.type === 'step') samples.push(event.samples);
    },
  });
  const step = ['before 1', 'batch of 0', 'batch of 2'];
  expect(calls).toEqual([...step, ...step, 'after']);
  expect(samples).toEqual([4]);
});

test('a run that stopped goes on with the next batches', async () => {
  const weights = async (stops: readonly number[]) => {
    const path = newDirectory();
    for (const maxEpochs of stops) {
      const model = toyModel();
      const optimizers = getOptimizers(new AdamW());
      await toyLearner({ model, optimizers, trainer: trainerOf(1), accumulateGradBatches: 3, maxEpochs }).run(
        {
          path,
          ...QUIET,
        },
      );
      if (maxEpochs === stops.at(-1)) return model.weight.tolist();
    }
    return undefined;
  };
  expect(await weights([1, 2, 3])).toEqual(await weights([3]));
});

test('a step has at least one batch', async () => {
  await expect(toyLearner({ accumulateGradBatches: 0 }).run(QUIET)).rejects.toThrow(
    'learner.accumulateGradBatches: expected a positive integer, received 0',
  );
});
