import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  Evaluator,
  Learner,
  LearnerListener,
  LearnerListenerStatus,
  type MetricsPerItem,
  ModuleLoader,
  type TrainerContext,
  type ValidationEvent,
  ValidationHook,
  ValidationListener,
  type ValidationListenerOptions,
} from '../../lib/learning/index.ts';
import { isGradEnabled } from '../../lib/torch/modes.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { newDirectory, ToyTrainer, toyModel, toyOptimizers } from './toy.ts';

/** Gives values by epoch, and notes how the model was when it was asked. */
class Scripted extends Evaluator {
  readonly seen: string[] = [];
  readonly #values: Readonly<Record<string, readonly number[]>>;

  constructor(values: Readonly<Record<string, readonly number[]>>) {
    super();
    this.#values = values;
  }

  evaluate({ state, model }: TrainerContext): MetricsPerItem {
    this.seen.push(`${state.epoch} training=${model.training} grad=${isGradEnabled()}`);
    return new Map(
      Object.entries(this.#values).map(([name, values]) => [
        name,
        // Two items around the mean.
        new Map([
          ['a', values[state.epoch - 1]! - 1],
          ['b', values[state.epoch - 1]! + 1],
        ]),
      ]),
    );
  }
}

interface Outcome {
  readonly epochs: number;
  readonly model: Linear;
  readonly path: string;
  readonly listener: ValidationListener;
  readonly events: readonly ValidationEvent[];
  readonly loaders: Readonly<Record<string, ModuleLoader>>;
  readonly metrics: ReadonlyMap<string, number>;
  /** Weights after each epoch, from 1. */
  readonly weights: readonly unknown[];
}

async function run(
  options: Omit<ValidationListenerOptions, 'id'>,
  maxEpochs: number,
  others: readonly LearnerListener[] = [],
): Promise<Outcome> {
  const path = newDirectory();
  const model = toyModel();
  const listener = new ValidationListener({ id: 'bestval', ...options });
  const events: ValidationEvent[] = [];
  const weights: unknown[] = [undefined];
  const output = await new Learner({
    model,
    trainer: new ToyTrainer(),
    optimizers: toyOptimizers,
    listeners: [listener, ...others],
    maxEpochs,
    stepsPerEpoch: 1,
    checkpointInterval: 100,
    path,
    progress: (event) => {
      if (event.type === 'epoch') weights.push(model.weight.tolist());
      if (event.type === 'validation') events.push(event);
    },
  }).run();
  const epochs = weights.length - 1;
  return {
    epochs,
    model,
    path,
    listener,
    events,
    loaders: output.listeners.bestval!,
    metrics: output.metrics,
    weights,
  };
}

describe('ValidationListener', () => {
  test('keeps the best model of each kept metric, by strictly better means', async () => {
    const evaluator = new Scripted({ rr: [1, 3, 3, 2], map: [4, 1, 1, 5] });
    const { model, path, listener, events, loaders, metrics, weights } = await run(
      { evaluator, metrics: { rr: true, map: false } },
      4,
    );
    expect(Object.fromEntries(listener.top)).toEqual({
      rr: { value: 3, epoch: 2 },
      map: { value: 5, epoch: 4 },
    });
    expect(events.map(({ improved }) => [...improved])).toEqual([['rr', 'map'], ['rr'], [], ['map']]);
    expect(Object.keys(loaders)).toEqual(['rr']);
    await loaders.rr!.execute();
    expect(model.weight.tolist()).toEqual(weights[2]);
    expect([...metrics]).toEqual([
      ['bestval/final/rr', 3],
      ['bestval/final/map', 5],
    ]);

    const directory = join(path, 'listeners', 'bestval');
    expect(readdirSync(join(directory, 'best')).sort()).toEqual(['rr', 'rr.epoch-00000002']);
    expect(readlinkSync(join(directory, 'best', 'rr'))).toBe('rr.epoch-00000002');
    expect(JSON.parse(readFileSync(join(directory, 'info.json'), 'utf8'))).toEqual({
      version: 1,
      top: { rr: { value: 3, epoch: 2 }, map: { value: 5, epoch: 4 } },
    });
    // Keeping forced a checkpoint off the interval; only the newest stays beside what is kept.
    expect(readdirSync(join(path, 'checkpoints')).sort()).toEqual(['epoch-00000004', 'last']);
  });

  test('asks in evaluation mode without gradients, and training goes on as before', async () => {
    const evaluator = new Scripted({ rr: [1, 2] });
    const { model } = await run({ evaluator, metrics: { rr: false } }, 2);
    expect(evaluator.seen).toEqual(['1 training=false grad=false', '2 training=false grad=false']);
    expect(model.training).toBe(true);
  });

  test('lower can be better', async () => {
    const evaluator = new Scripted({ loss: [3, 1, 2] });
    const { listener } = await run({ evaluator, metrics: { loss: { higherIsBetter: false } } }, 3);
    expect(listener.top.get('loss')).toEqual({ value: 1, epoch: 2 });
  });

  test('NaN is never the best', async () => {
    const { listener } = await run(
      { evaluator: new Scripted({ rr: [Number.NaN, 1] }), metrics: { rr: true } },
      2,
    );
    expect(listener.top.get('rr')).toEqual({ value: 1, epoch: 2 });
  });

  test('warm-up epochs are evaluated but are never the best', async () => {
    const evaluator = new Scripted({ rr: [9, 8, 2, 3] });
    const { listener, events } = await run({ evaluator, metrics: { rr: true }, warmup: 3 }, 4);
    expect(events).toHaveLength(4);
    expect(listener.top.get('rr')).toEqual({ value: 3, epoch: 4 });
  });

  test('validates at the interval; hooks run around every call', async () => {
    const calls: string[] = [];
    class Noting extends ValidationHook {
      override before({ state }: TrainerContext): void {
        calls.push(`before ${state.epoch}`);
      }
      override after({ state }: TrainerContext): void {
        calls.push(`after ${state.epoch}`);
      }
    }
    const evaluator = new Scripted({ rr: [1, 2, 3] });
    await run({ evaluator, metrics: { rr: true }, validationInterval: 2, hooks: [new Noting()] }, 3);
    expect(evaluator.seen.map((each) => each[0])).toEqual(['2']);
    expect(calls).toEqual(['before 1', 'after 1', 'before 2', 'after 2', 'before 3', 'after 3']);
  });

  test.each([
    // No kept metric improved for 2 epochs after epoch 1.
    [{ rr: [5, 4, 4, 9, 9] }, 3],
    // One improving metric is enough to go on.
    [{ rr: [5, 4, 4, 4, 4], map: [1, 2, 3, 3, 3] }, 5],
    [{ rr: [1, 2, 3, 4, 5] }, 5],
  ])('early stopping: %p stops after epoch %d', async (values, last) => {
    const metrics = Object.fromEntries(Object.keys(values).map((name) => [name, true]));
    const { epochs } = await run({ evaluator: new Scripted(values), metrics, earlyStop: 2 }, 5);
    expect(epochs).toBe(last);
  });

  test('a metric that is only reported does not keep training going', async () => {
    const evaluator = new Scripted({ rr: [5, 4, 4, 4], map: [1, 2, 3, 4] });
    const { epochs } = await run({ evaluator, metrics: { rr: true, map: false }, earlyStop: 2 }, 4);
    expect(epochs).toBe(3);
  });

  test('a listener that says DONT_STOP overrules; one without a decision does not', async () => {
    class Saying extends LearnerListener {
      readonly #status: LearnerListenerStatus;
      constructor(status: LearnerListenerStatus) {
        super(`saying-${status}`);
        this.#status = status;
      }
      afterEpoch = () => this.#status;
    }
    const options = { evaluator: new Scripted({ rr: [5, 4, 4, 4] }), metrics: { rr: true }, earlyStop: 2 };
    const vetoed = await run(options, 4, [new Saying(LearnerListenerStatus.DONT_STOP)]);
    expect(vetoed.epochs).toBe(4);
    // Past its patience it asks for a stop at once, and evaluates no more.
    expect(vetoed.events).toHaveLength(3);
    expect((await run(options, 4, [new Saying(LearnerListenerStatus.NO_DECISION)])).epochs).toBe(3);
  });

  test('what it keeps needs a directory, what it reports does not', async () => {
    const learner = (keep: boolean) =>
      new Learner({
        model: toyModel(),
        trainer: new ToyTrainer(),
        optimizers: toyOptimizers,
        listeners: [
          new ValidationListener({ id: 'v', evaluator: new Scripted({ rr: [1] }), metrics: { rr: keep } }),
        ],
        maxEpochs: 1,
        stepsPerEpoch: 1,
        progress: false,
      });
    await expect(learner(true).run()).rejects.toThrow(
      'learner.path: expected a directory, where v keeps its best models',
    );
    expect((await learner(false).run()).metrics.get('v/final/rr')).toBe(1);
  });

  test('a metric that the evaluator does not give is an error', async () => {
    const evaluator = new Scripted({ rr: [1] });
    await expect(run({ evaluator, metrics: { ndcg: true } }, 1)).rejects.toThrow(
      'listener bestval: expected values of ndcg from its evaluator, received rr',
    );
  });

  test.each<[Record<string, unknown>, string]>([
    [
      { earlyStop: 3, validationInterval: 2 },
      'validationListener.earlyStop: expected a multiple of validationInterval 2',
    ],
    [{ earlyStop: 1, metrics: { rr: false } }, 'validationListener.metrics: expected one that is kept'],
    [{ metrics: {} }, 'validationListener.metrics: expected at least one metric'],
    [
      { metrics: { rr: { kep: true } } },
      'validationListener.metrics["rr"].kep: no such option, did you mean keep?',
    ],
    [
      { evaluator: () => new Map() },
      'validationListener.evaluator: expected an Evaluator, received a function',
    ],
    [
      { id: '../elsewhere' },
      'validationListener.id: expected letters, digits, underscores, hyphens and dots',
    ],
  ])('refuses %p', (wrong, message) => {
    const options = { id: 'v', evaluator: new Scripted({}), metrics: { rr: true }, ...wrong };
    expect(() => new ValidationListener(options as ValidationListenerOptions)).toThrow(message);
  });

  test('two listeners with one id are refused', () => {
    const listener = () =>
      new ValidationListener({ id: 'v', evaluator: new Scripted({}), metrics: { rr: true } });
    const options = { model: toyModel(), trainer: new ToyTrainer(), optimizers: toyOptimizers };
    expect(() => new Learner({ ...options, listeners: [listener(), listener()] })).toThrow(
      'learner.listeners[1].id: expected an id that no other listener has, received "v"',
    );
  });
});

describe('what was kept', () => {
  test('loads into a model of the same structure only', async () => {
    const { path, loaders } = await run({ evaluator: new Scripted({ rr: [1] }), metrics: { rr: true } }, 1);
    const kept = join(path, 'listeners', 'bestval', 'best', 'rr');
    expect(existsSync(kept)).toBe(true);
    expect(loaders.rr).toMatchObject({ path: kept, listener: 'bestval', key: 'rr' });
    await expect(new ModuleLoader({ value: new Linear(3, 1), path: kept }).execute()).rejects.toThrow('bias');
    await new ModuleLoader({ value: toyModel(), path: join(kept, 'model.safetensors') }).execute();
  });
});
