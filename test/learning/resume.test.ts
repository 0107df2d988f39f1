/** Runs that go on, for each kind of iterator; and what epochs tell. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  InfiniteSkippingIterator,
  JsonlSampler,
  LinearWithWarmup,
  ParameterOptimizer,
  RandomizedSerializableIterator,
  RandomSerializableIterator,
  type RandomState,
  RegexParameterFilter,
  Sampler,
  type SerializableIterator,
  SerializableIteratorAdapter,
  SerializableIteratorTransform,
  SGD,
  ShuffledIterator,
  SkippingIterator,
  StepTrainingHook,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { Line, LineTrainer, Numbers } from './tasks.ts';
import { EXAMPLES, type Example, newDirectory, ToyTrainer, toyLearner, toyModel, toySampler } from './toy.ts';

beforeAll(() => setNumThreads(1));

const QUIET = { progress: false } as const;

class Sampling extends Sampler<Example> {
  readonly #iterate: (random: RandomState) => SerializableIterator<Example>;
  constructor(iterate: (random: RandomState) => SerializableIterator<Example>) {
    super();
    this.#iterate = iterate;
  }
  override iterate(random: RandomState): SerializableIterator<Example> {
    return this.#iterate(random);
  }
}

async function* shifted(items: AsyncIterable<Example>): AsyncGenerator<Example> {
  for await (const { x, y } of items)
    yield* [
      { x, y },
      { x, y: y + 1 },
    ] satisfies Example[];
}

function* drawn(random: RandomState): Generator<Example> {
  for (;;) yield random.pick(EXAMPLES);
}

function jsonl(): Sampler<Example> {
  const file = join(newDirectory(), 'examples.jsonl');
  writeFileSync(file, EXAMPLES.map((each) => `${JSON.stringify(each)}\n`).join(''));
  return new JsonlSampler<Example>({ file }) as Sampler as Sampler<Example>;
}

describe('(d) a run that goes on ends as one that was not interrupted', () => {
  const shuffled = (random: RandomState) => new ShuffledIterator(EXAMPLES, random.fork());
  const kinds: Record<string, Sampler<Example>> = {
    ShuffledIterator: toySampler(),
    SkippingIterator: new Sampling(() => new SkippingIterator(() => EXAMPLES)),
    InfiniteSkippingIterator: new Sampling(() => new InfiniteSkippingIterator(() => EXAMPLES)),
    RandomSerializableIterator: new Sampling(
      (random) => new RandomSerializableIterator(random.fork(), drawn),
    ),
    SerializableIteratorTransform: new Sampling(
      (random) => new SerializableIteratorTransform(shuffled(random), ({ x, y }) => ({ x, y: y - 1 })),
    ),
    RandomizedSerializableIterator: new Sampling(
      (random) =>
        new RandomizedSerializableIterator(shuffled(random), random.fork(), ({ x, y }, dice) => ({
          x,
          y: y + dice.uniform(),
        })),
    ),
    SerializableIteratorAdapter: new Sampling(
      (random) => new SerializableIteratorAdapter(shuffled(random), shifted),
    ),
    'a file': jsonl(),
  };

  // Six records in batches of four: passes end within epochs.
  test.each(Object.entries(kinds))('%s', async (_, sampler) => {
    const run = async (path: string, maxEpochs: number) => {
      const trainer = new ToyTrainer({ sampler, batchSize: 4 });
      const model = toyModel();
      await toyLearner({ trainer, model, maxEpochs, stepsPerEpoch: 3 }).run({ path, ...QUIET });
      return { seen: trainer.seen, weights: model.weight.tolist() };
    };
    const whole = await run(newDirectory(), 3);
    const path = newDirectory();
    const parts = [await run(path, 1), await run(path, 2), await run(path, 3)];
    expect(parts.flatMap(({ seen }) => seen)).toEqual(whole.seen);
    expect(parts[2]!.weights).toEqual(whole.weights);
  });

  test('however many batches are made ahead, which may change in between', async () => {
    const run = async (path: string, maxEpochs: number, prefetch: number) => {
      const model = new Line();
      const trainer = new LineTrainer({ sampler: new Numbers({ count: 7 }), batchSize: 2, prefetch });
      await toyLearner({ model, trainer, maxEpochs }).run({ path, ...QUIET });
      return model.linear.weight.tolist();
    };
    const whole = await run(newDirectory(), 3, 0);
    const path = newDirectory();
    await run(path, 1, 2);
    await run(path, 2, 0);
    expect(await run(path, 3, 5)).toEqual(whole);
  });
});

describe('an epoch tells', () => {
  test('means weighted by records, of the last epoch too, and the rates before they change', async () => {
    const told: [number, ReadonlyMap<string, number>][] = [];
    class Scoped extends StepTrainingHook {
      override async before(context: TrainerContext): Promise<void> {
        const { steps } = context.state;
        await context.scope('outer', () =>
          context.scope('inner', () => context.addMetric('x', steps, steps)),
        );
      }
    }
    const filter = new RegexParameterFilter({ includes: ['weight'] });
    const scheduler = new LinearWithWarmup({ numWarmupSteps: 2 });
    await toyLearner({
      model: new Linear(2, 1),
      optimizers: [
        new ParameterOptimizer({ optimizer: new SGD({ lr: 1 / 64 }), filter, scheduler }),
        new ParameterOptimizer({ optimizer: new SGD({ lr: 1 / 128 }) }),
      ],
      hooks: [new Scoped()],
      maxEpochs: 3,
      stepsPerEpoch: 2,
    }).run({
      progress: (event) => {
        if (event.type === 'epoch') told.push([event.state.steps, event.metrics]);
      },
    });
    expect(told.map(([steps]) => steps)).toEqual([2, 4, 6]);
    const of = (key: string) => told.map(([, metrics]) => metrics.get(key));
    expect(of('outer/inner/x')).toEqual([5 / 3, 25 / 7, 61 / 11]);
    // Factors 0, 1/2, 1, 3/4, 1/2, 1/4 of the six steps.
    expect(of('gradient/scheduler/1/1')).toEqual([1 / 4, 7 / 8, 3 / 8].map((factor) => factor / 64));
    expect(of('gradient/scheduler/2/1')).toEqual([1 / 128, 1 / 128, 1 / 128]);
    expect(of('gradient/scheduler/0/0')).toEqual([undefined, undefined, undefined]);
    expect(told.every(([, metrics]) => Number.isFinite(metrics.get('mse')))).toBe(true);
  });
});
