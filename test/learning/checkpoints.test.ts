import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { config } from '../../lib/experiment/index.ts';
import {
  Adafactor,
  AdamW,
  type AnyOptimizer,
  Batcher,
  BatcherWorker,
  CosineWithWarmup,
  type Learner,
  LinearWithWarmup,
  type Optimizer,
  ParameterOptimizer,
  PowerAdaptativeBatcher,
  Random,
  RegexParameterFilter,
  RMSprop,
  type RunOptions,
  Scheduler,
  SGD,
  StepTrainingHook,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { Sequential } from '../../lib/torch/nn/layers/containers.ts';
import { Dropout } from '../../lib/torch/nn/layers/dropout.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { CosineAnnealingLR } from '../../lib/torch/optim/index.ts';
import { getRngState } from '../../lib/torch/random.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { newDirectory, ToyTrainer, toyLearner, toyModel } from './toy.ts';

beforeAll(() => setNumThreads(1));

const QUIET = { progress: false } as const;
const tree = (path: string) => readdirSync(join(path, 'checkpoints')).sort();

class Annealing extends config(import.meta, 'test.Annealing', {}, Scheduler) {
  create(optimizer: AnyOptimizer, totalSteps: number) {
    return new CosineAnnealingLR(optimizer, totalSteps);
  }
}

describe('(b) checkpoint trees', () => {
  // The newest stay, whatever the interval, and the last epoch is always saved.
  test.each([
    [3, 1, 2, [2, 3]],
    [5, 2, 2, [4, 5]],
    [3, 5, 2, [3]],
    [5, 1, 3, [3, 4, 5]],
    [3, 1, 1, [3]],
  ])('%d epochs with interval %d, %d kept', async (maxEpochs, checkpointInterval, keepCheckpoints, kept) => {
    const path = newDirectory();
    const model = toyModel();
    const saved: string[] = [];
    const output = await toyLearner({ model, maxEpochs, checkpointInterval, keepCheckpoints }).run({
      path,
      progress: (event) => {
        if (event.type === 'checkpoint') saved.push(event.path);
      },
    });
    const directory = join(path, 'checkpoints');
    const epochs = Array.from({ length: maxEpochs }, (_, i) => i + 1);
    const due = epochs.filter((epoch) => epoch % checkpointInterval === 0 || epoch === maxEpochs);
    expect(saved).toEqual(due.map((epoch) => join(directory, `epoch-0000000${epoch}`)));
    expect(tree(path)).toEqual([...kept.map((epoch) => `epoch-0000000${epoch}`), 'last']);
    expect(readlinkSync(join(directory, 'last'))).toBe(`epoch-0000000${maxEpochs}`);
    const trained = model.weight.tolist();
    model.weight.data = toyModel().weight;
    await output.learnedModel!.execute();
    expect(model.weight.tolist()).toEqual(trained);
  });

  test('name every file with its size and content', async () => {
    const path = newDirectory();
    await toyLearner().run({ path, ...QUIET });
    const last = join(path, 'checkpoints', 'last');
    const manifest = JSON.parse(readFileSync(join(last, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({ version: 2, epoch: 3, steps: 6, stepsInEpoch: null });
    expect(readdirSync(last).sort()).toEqual(['manifest.json', ...Object.keys(manifest.files).sort()]);
    for (const [name, entry] of Object.entries(manifest.files)) {
      const content = readFileSync(join(last, name));
      expect(entry).toEqual({
        size: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
      });
    }
  });

  test('without a path nothing is written', async () => {
    const before = readdirSync('.');
    const output = await toyLearner().run(QUIET);
    expect(output).toMatchObject({ learnedModel: undefined, listeners: {} });
    expect(readdirSync('.')).toEqual(before);
  });

  test('hold all of the state', async () => {
    const path = newDirectory();
    await toyLearner({ maxEpochs: 1 }).run({ path, ...QUIET });
    const state = JSON.parse(readFileSync(join(path, 'checkpoints', 'last', 'state.json'), 'utf8'));
    // Whoever adds to what a run remembers adds it here, to the checkpoint, and to what is restored.
    expect(Object.keys(state).sort()).toEqual(
      [
        'epoch',
        'hooks',
        'listeners',
        'optimizer',
        'random',
        'samples',
        'steps',
        'trainer',
        'unfinished',
        'version',
      ].sort(),
    );
    expect(Object.keys(state.optimizer).sort()).toEqual(
      ['algorithms', 'optimizers', 'scaler', 'schedulerSteps', 'schedulers', 'totalSteps'].sort(),
    );
    expect(Object.keys(state.trainer).sort()).toEqual(['batcher', 'sampler']);
    expect(Object.keys(state.random).sort()).toEqual(['run', 'shared', 'torch']);
    expect(Object.keys(state.random.torch).sort()).toEqual(['cpu', 'cuda']);
  });
});

/** Draws from libtorch's generator in every forward, and has momenta, two optimizers and schedules. */
function demanding(optimizer: () => Optimizer, scheduler: Scheduler | undefined): Learner {
  const model = new Sequential(new Linear(2, 8), new Dropout(0.5), new Linear(8, 1));
  const filter = new RegexParameterFilter({ includes: ['^0\\.'] });
  return toyLearner({
    random: new Random({ seed: 7 }),
    model: Object.assign(model, { initialize: () => model.apply((each) => void reset(each)) }),
    trainer: new ToyTrainer({ batcher: new PowerAdaptativeBatcher(), batchSize: 4 }),
    optimizers: [
      new ParameterOptimizer({ optimizer: optimizer(), filter, ...(scheduler && { scheduler }) }),
      new ParameterOptimizer({ optimizer: new AdamW({ lr: 1e-2 }) }),
    ],
    maxEpochs: 4,
    stepsPerEpoch: 3,
  });
}

function reset(module: unknown): void {
  if (module instanceof Linear) module.resetParameters();
}

/** What tells two runs apart: weights, the epochs' metrics with rates, and where the generator is. */
interface Trace {
  readonly weights: unknown;
  readonly random: unknown;
  readonly epochs: Map<number, unknown>;
}

async function traceOf(learner: Learner, options: RunOptions): Promise<Trace> {
  const epochs = new Map<number, unknown>();
  await learner.run({
    ...options,
    progress: (event) => {
      if (event.type === 'epoch') epochs.set(event.state.epoch, [event.state.steps, ...event.metrics]);
    },
  });
  const weights = learner.model.parameters().map((each) => each.tolist());
  return { weights, random: getRngState().tolist(), epochs };
}

/** Kills a run at a step: nothing is saved then. */
class Killing extends StepTrainingHook {
  at = Number.POSITIVE_INFINITY;
  override after({ state }: TrainerContext): void {
    if (state.steps === this.at) throw new Error('killed');
  }
}

describe('(d) a run that goes on ends as one that was not interrupted', () => {
  const withHook = (learner: Learner): { learner: Learner; killing: Killing } => {
    const killing = new Killing();
    const { random, model, trainer, optimizers, listeners, maxEpochs, stepsPerEpoch } = learner;
    const values = { random, model, trainer, optimizers, listeners, maxEpochs, stepsPerEpoch };
    return { learner: toyLearner({ ...values, hooks: [killing] }), killing };
  };

  test.each<[string, () => Optimizer, Scheduler | undefined]>([
    [
      'SGD with momentum',
      () => new SGD({ lr: 1e-2, momentum: 0.9 }),
      new LinearWithWarmup({ numWarmupSteps: 4 }),
    ],
    ['AdamW', () => new AdamW({ lr: 1e-2 }), new CosineWithWarmup({ numWarmupSteps: 2 })],
    ['fused AdamW', () => new AdamW({ lr: 1e-2, fused: true }), undefined],
    ['Adafactor', () => new Adafactor(), undefined],
    [
      'RMSprop',
      () => new RMSprop({ momentum: 0.5 }),
      new LinearWithWarmup({ numWarmupSteps: 0, minFactor: 0.1 }),
    ],
  ])('%s', async (_, optimizer, scheduler) => {
    const whole = await traceOf(withHook(demanding(optimizer, scheduler)).learner, { path: newDirectory() });
    const path = newDirectory();
    const epochs = new Map<number, unknown>();
    // In the middle of the second epoch, at the end of the third, and right after.
    for (const at of [5, 9, 10, Number.POSITIVE_INFINITY]) {
      const { learner, killing } = withHook(demanding(optimizer, scheduler));
      killing.at = at;
      if (at < Infinity) await expect(learner.run({ path, ...QUIET })).rejects.toThrow('killed');
      else {
        const last = await traceOf(learner, { path });
        for (const [epoch, told] of last.epochs) epochs.set(epoch, told);
        expect(last.weights).toEqual(whole.weights);
        expect(last.random).toEqual(whole.random);
      }
    }
    expect(epochs.get(4)).toEqual(whole.epochs.get(4));
  });

  test.each([3, 4, 5, 6])('when it was asked to stop at step %d, in the middle of the epoch', async (at) => {
    const make = () => withHook(demanding(() => new AdamW(), new LinearWithWarmup({ numWarmupSteps: 4 })));
    const whole = await traceOf(make().learner, { path: newDirectory() });
    const path = newDirectory();
    const controller = new AbortController();
    const reason = new Error('enough');
    const stopped = make().learner.run({
      path,
      signal: controller.signal,
      progress: (event) => {
        if (event.type === 'step' && event.state.steps === at) controller.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    const epoch = Math.ceil(at / 3);
    const name = `epoch-0000000${epoch}-step-0000000${at}`;
    expect(tree(path)).toEqual([...(epoch > 1 ? [`epoch-0000000${epoch - 1}`] : []), name, 'last']);
    expect(readlinkSync(join(path, 'checkpoints', 'last'))).toBe(name);
    const rest = await traceOf(make().learner, { path });
    expect(rest.weights).toEqual(whole.weights);
    expect(rest.random).toEqual(whole.random);
    // The metrics of an epoch that was trained in two parts are those of all of its steps.
    for (let each = epoch; each <= 4; each++) expect(rest.epochs.get(each)).toEqual(whole.epochs.get(each));
    expect(tree(path)).toEqual(['epoch-00000003', 'epoch-00000004', 'last']);
  });

  test('a signal that fired before stops it at once', async () => {
    const path = newDirectory();
    const signal = AbortSignal.abort(new Error('never mind'));
    await expect(toyLearner().run({ path, signal, ...QUIET })).rejects.toThrow('never mind');
    expect(existsSync(join(path, 'checkpoints'))).toBe(false);
  });

  test('also the size of batches, hooks and listeners that remember', async () => {
    class Counting extends StepTrainingHook {
      count = 0;
      override after(): void {
        this.count++;
      }
      override stateDict = () => ({
        count: this.count,
        big: 2n ** 60n,
        odd: [Number.NaN, -0, { $tensor: 1 }],
      });
      override loadStateDict = (state: unknown) => {
        expect(state).toEqual({ ...this.stateDict(), count: 4 });
        this.count = (state as { count: number }).count;
      };
    }
    class Small extends BatcherWorker {
      at = this.batchSize;
      override stateDict = () => this.at;
      override loadStateDict = (state: unknown) => {
        this.at = state as number;
      };
    }
    const workers: Small[] = [];
    class Shrunk extends Batcher {
      override initialize(size: number): BatcherWorker {
        workers.push(new Small(size));
        return workers.at(-1)!;
      }
    }
    const make = (hook: Counting, maxEpochs: number) =>
      toyLearner({ hooks: [hook], trainer: new ToyTrainer({ batcher: new Shrunk() }), maxEpochs });
    const path = newDirectory();
    const first = make(new Counting(), 2);
    await first.run({
      path,
      progress: (event) => {
        if (event.type === 'start') workers[0]!.at = 1;
      },
    });
    const hook = new Counting();
    await make(hook, 3).run({ path, ...QUIET });
    expect(hook.count).toBe(6);
    expect(workers[1]!.at).toBe(1);
  });

  test('a finished run is not trained again', async () => {
    const path = newDirectory();
    const first = toyLearner();
    await first.run({ path, ...QUIET });
    const second = toyLearner();
    const events: string[] = [];
    const output = await second.run({ path, progress: ({ type }) => events.push(type) });
    expect(events).toEqual(['start', 'end']);
    expect((second.model as Linear).weight.tolist()).toEqual((first.model as Linear).weight.tolist());
    expect(existsSync(output.learnedModel!.path)).toBe(true);
  });

  test('with fewer epochs, later checkpoints are neither used nor lost', async () => {
    const path = newDirectory();
    await toyLearner({ maxEpochs: 5 }).run({ path, ...QUIET });
    const warnings: string[] = [];
    await toyLearner({ maxEpochs: 2 }).run({
      path,
      progress: (event) => {
        if (event.type === 'warning') warnings.push(event.message);
      },
    });
    expect(tree(path)).toEqual([1, 2, 4, 5].map((epoch) => `epoch-0000000${epoch}`).concat('last'));
    expect(warnings).toEqual([
      expect.stringMatching(/^2 checkpoints beyond maxEpochs 2 are not used and stay: /),
    ]);
  });

  test.each<[string, () => Scheduler]>([
    ['a function of the step', () => new LinearWithWarmup({ numWarmupSteps: 2 })],
    ['one that goes from rate to rate', () => new Annealing({})],
  ])('a run that is made longer has the rates of a longer one: %s', async (_, scheduler) => {
    const rates = async (stops: readonly number[], path = newDirectory()) => {
      const seen: number[] = [];
      for (const maxEpochs of stops) {
        const optimizers = [
          new ParameterOptimizer({ optimizer: new SGD({ lr: 1e-3 }), scheduler: scheduler() }),
        ];
        await toyLearner({ optimizers, maxEpochs }).run({
          path,
          progress: (event) => {
            if (event.type === 'step') seen.push(event.metrics.get('gradient/scheduler/1/1')!);
          },
        });
      }
      return seen;
    };
    const [long, made] = [await rates([4]), await rates([2, 4])];
    expect(made.slice(4)).not.toEqual(made.slice(0, 4));
    expect(made.slice(4)).toEqual(long.slice(4));
    expect(made.slice(0, 4)).toEqual(await rates([2]));
  });

  test('one run at a time in a directory', async () => {
    const path = newDirectory();
    const running = toyLearner().run({ path, ...QUIET });
    await expect(toyLearner().run({ path, ...QUIET })).rejects.toThrow(
      `learner.run: expected a directory that no other run uses, but process ${process.pid} of `,
    );
    await running;
    await toyLearner().run({ path, ...QUIET });
  });

  test('a batcher that cuts can take the place of one that does not', async () => {
    const path = newDirectory();
    await toyLearner({ maxEpochs: 1 }).run({ path, ...QUIET });
    const trainer = new ToyTrainer({ batcher: new PowerAdaptativeBatcher() });
    await toyLearner({ trainer, maxEpochs: 2 }).run({ path, ...QUIET });
    expect(trainer.seen).toHaveLength(2);
  });
});
