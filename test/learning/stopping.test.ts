/** Runs that are asked to stop or to save at odd moments, and steps that fail. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  type Batches,
  LearnerListener,
  LearnerListenerStatus,
  LossTrainer,
  Random,
} from '../../lib/learning/index.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { Embedding } from '../../lib/torch/nn/layers/embedding.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { type Batch, collated, Net, NetTrainer } from './compiledNet.ts';
import { type Example, newDirectory, toyLearner, toySampler } from './toy.ts';

beforeAll(() => setNumThreads(1));

const tree = (path: string) => readdirSync(join(path, 'checkpoints')).sort();

/** Its batches come as ever up to one that never comes, or never becomes tensors. */
class Stuck extends NetTrainer {
  made = 0;
  readonly at: number;
  readonly stuck: () => void;
  readonly where: 'collate' | 'sampler';

  constructor(at: number, stuck: () => void, where: 'collate' | 'sampler' = 'collate') {
    super();
    this.at = at;
    this.stuck = stuck;
    this.where = where;
  }

  override iterBatches(): Batches<readonly Example[]> {
    const batches = super.iterBatches();
    return {
      next: () => (this.where === 'sampler' && this.isStuck() ? new Promise(() => {}) : batches.next()),
    };
  }

  protected override collate(records: readonly Example[]): Batch | Promise<Batch> {
    return this.where === 'collate' && this.isStuck() ? new Promise(() => {}) : collated(records);
  }

  protected isStuck(): boolean {
    const isStuck = ++this.made === this.at;
    if (isStuck) this.stuck();
    return isStuck;
  }
}

const netLearner = (trainer: NetTrainer, compile: boolean) =>
  toyLearner({
    random: new Random({ seed: 3 }),
    model: Object.assign(new Net(), { initialize: () => {} }),
    trainer,
    compile,
    maxEpochs: 2,
    stepsPerEpoch: 8,
  });

describe('a run that is asked to stop', () => {
  test.each([
    ['collate', true],
    ['sampler', true],
    ['sampler', false],
  ] as const)('while it waits for a %s that never ends, compiled %s', async (where, compile) => {
    const weights = (learner: ReturnType<typeof netLearner>) =>
      learner.model.parameters().map((each) => each.tolist());
    const model = new Net();
    const copy = () => {
      const net = Object.assign(new Net(), { initialize: () => {} });
      net.loadStateDict(model.stateDict());
      return net;
    };
    const learnerOf = (trainer: NetTrainer) => {
      const { random, optimizers, listeners, maxEpochs, stepsPerEpoch } = netLearner(trainer, compile);
      return toyLearner({
        random,
        optimizers,
        listeners,
        maxEpochs,
        stepsPerEpoch,
        compile,
        trainer,
        model: copy(),
      });
    };
    const whole = learnerOf(new NetTrainer());
    await whole.run({ path: newDirectory(), progress: false });

    const path = newDirectory();
    const controller = new AbortController();
    const reason = new Error('enough');
    const stuck = learnerOf(new Stuck(6, () => setTimeout(() => controller.abort(reason), 20), where));
    await expect(stuck.run({ path, progress: false, signal: controller.signal })).rejects.toBe(reason);
    expect(tree(path)).toEqual(['epoch-00000001-step-00000005', 'last']);
    const rest = learnerOf(new NetTrainer());
    await rest.run({ path, progress: false });
    expect(weights(rest)).toEqual(weights(whole));
  });

  test('while a listener thinks: the epoch is saved, and it is asked again', async () => {
    class Slow extends LearnerListener {
      asked: number[] = [];
      slow: (() => void) | undefined;
      async afterEpoch({ epoch }: { readonly epoch: number }): Promise<LearnerListenerStatus> {
        this.asked.push(epoch);
        if (epoch === 2 && this.slow !== undefined) {
          this.slow();
          await new Promise(() => {});
        }
        return LearnerListenerStatus.NO_DECISION;
      }
    }
    const path = newDirectory();
    const controller = new AbortController();
    const slow = new Slow({ id: 'slow' });
    slow.slow = () => setTimeout(() => controller.abort(new Error('enough')), 20);
    const stopped = toyLearner({ listeners: [slow] }).run({
      path,
      progress: false,
      signal: controller.signal,
    });
    await expect(stopped).rejects.toThrow('enough');
    expect(tree(path)).toEqual(['epoch-00000001', 'epoch-00000002', 'last']);
    const again = new Slow({ id: 'slow' });
    await toyLearner({ listeners: [again] }).run({ path, progress: false });
    expect([slow.asked, again.asked]).toEqual([
      [1, 2],
      [2, 3],
    ]);
  });
});

describe('checkpoints in the middle of epochs', () => {
  test('every so many steps, and those of some epochs for good', async () => {
    const path = newDirectory();
    const saved: string[] = [];
    await toyLearner({
      maxEpochs: 6,
      stepsPerEpoch: 5,
      checkpointSteps: 2,
      keepEvery: 2,
      keepCheckpoints: 3,
    }).run({
      path,
      progress: (event) => {
        if (event.type === 'checkpoint')
          saved.push(event.path.slice(join(path, 'checkpoints/epoch-').length));
      },
    });
    // What is due while another one is written comes once that is done.
    const epochs = saved.filter((name) => !name.includes('step'));
    expect(epochs).toEqual([1, 2, 3, 4, 5, 6].map((epoch) => `0000000${epoch}`));
    expect(saved.some((name) => name.includes('step'))).toBe(true);
    const kept = tree(path);
    for (const epoch of [2, 4, 6]) expect(kept).toContain(`epoch-0000000${epoch}`);
    expect(kept).toEqual(
      [
        ...new Set([
          ...['2', '4', '6'].map((each) => `epoch-0000000${each}`),
          ...saved.slice(-3).map((name) => `epoch-${name}`),
          'last',
        ]),
      ].sort(),
    );
  });

  test('every so many minutes', async () => {
    const path = newDirectory();
    let middle = 0;
    await toyLearner({ maxEpochs: 1, stepsPerEpoch: 60, checkpointMinutes: 1e-6 }).run({
      path,
      progress: (event) => {
        if (event.type === 'checkpoint' && event.path.includes('step')) middle++;
      },
    });
    expect(middle).toBeGreaterThan(0);
  });

  test.each<[Record<string, number>, string]>([
    [{ checkpointSteps: -1 }, 'checkpointSteps: expected a number of at least 0, received -1'],
    [{ checkpointMinutes: -0.5 }, 'checkpointMinutes: expected a number of at least 0, received -0.5'],
    [{ keepEvery: -2 }, 'keepEvery: expected a number of at least 0, received -2'],
  ])('%j is refused', async (values, message) => {
    await expect(toyLearner(values).run({ progress: false })).rejects.toThrow(message);
  });
});

describe('a step that fails', () => {
  test.each([true, false])(
    'behind good ones, which are told, as its batch cannot be made, compiled %s',
    async (compile) => {
      class Failing extends Stuck {
        protected override collate(records: readonly Example[]): Batch {
          if (++this.made === this.at) throw new Error('no batch');
          return collated(records);
        }
      }
      const steps: number[] = [];
      const run = netLearner(new Failing(6, () => {}), compile).run({
        progress: (event) => {
          if (event.type === 'step') steps.push(event.state.steps);
        },
      });
      await expect(run).rejects.toThrow('no batch');
      expect(steps).toEqual([1, 2, 3, 4, 5]);
    },
  );

  test.each([true, false])('tells the operator and its shapes, compiled %s', async (compile) => {
    class Looking extends LossTrainer<Example, Tensor> {
      count = 0;
      protected override collate(records: readonly Example[]): Tensor {
        return tensor(
          records.map(() => (++this.count > 20 ? 99 : this.count % 3)),
          { dtype: 'int64' },
        );
      }
      protected override trainBatch(words: Tensor): void {
        const vectors = (this.trainedModel as Embedding).forward(words);
        this.context.addLoss('size', F.mseLoss(vectors, vectors.detach().mul(0.5)));
      }
    }
    const trainer = new Looking({ sampler: toySampler(), batchSize: 2 });
    const run = toyLearner({
      model: new Embedding(4, 3),
      trainer,
      compile,
      maxEpochs: 1,
      stepsPerEpoch: 20,
    }).run({
      progress: false,
    });
    await expect(run).rejects.toThrow(
      /^looking\.trainBatch: aten::embedding of \[4, 3\] and \[2\]: index out of range in self; compare the shapes/,
    );
  });
});
