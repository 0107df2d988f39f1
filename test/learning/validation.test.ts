import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  LearnerListener,
  LearnerListenerStatus,
  ModuleLoader,
  type TrainerContext,
  type ValidationEvent,
  ValidationHook,
  ValidationListener,
} from '../../lib/learning/index.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { Scripted } from './scripted.ts';
import { newDirectory, toyLearner, toyModel } from './toy.ts';

type ListenerValues = ConstructorParameters<typeof ValidationListener>[0];

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
  options: Omit<ListenerValues, 'id'>,
  maxEpochs: number,
  others: readonly LearnerListener[] = [],
): Promise<Outcome> {
  const path = newDirectory();
  const model = toyModel();
  const listener = new ValidationListener({ id: 'bestval', ...options });
  const events: ValidationEvent[] = [];
  const weights: unknown[] = [undefined];
  const learner = toyLearner({
    model,
    listeners: [listener, ...others],
    maxEpochs,
    stepsPerEpoch: 1,
    checkpointInterval: 100,
  });
  const output = await learner.run({
    path,
    progress: (event) => {
      if (event.type === 'epoch') weights.push(model.weight.tolist());
      if (event.type === 'validation') events.push(event);
    },
  });
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

    const directory = join(path, 'out', 'listeners', '0');
    expect(readdirSync(join(directory, 'best')).sort()).toEqual(['rr', 'rr.epoch-00000002']);
    expect(readlinkSync(join(directory, 'best', 'rr'))).toBe('rr.epoch-00000002');
    expect(JSON.parse(readFileSync(join(directory, 'info.json'), 'utf8'))).toEqual({
      version: 1,
      id: 'bestval',
      top: { rr: { value: 3, epoch: 2 }, map: { value: 5, epoch: 4 } },
    });
    expect(readdirSync(join(directory, 'best', 'rr')).sort()).toEqual(['manifest.json', 'model.safetensors']);
    // Each mean is of two items; a histogram can be made of them.
    expect(events[1]!.values).toEqual(
      new Map([
        ['rr', [2, 4]],
        ['map', [0, 2]],
      ]),
    );
    // Keeping forced a checkpoint off the interval.
    expect(readdirSync(join(path, 'checkpoints')).sort()).toEqual([
      'epoch-00000002',
      'epoch-00000004',
      'last',
    ]);
  });

  test('goes on with what it knew: the best of before stays the best, and it does not stop later', async () => {
    const path = newDirectory();
    const values = { rr: [1, 3, 2, 2, 2, 2] };
    const weights: unknown[] = [];
    const go = async (maxEpochs: number) => {
      const evaluator = new Scripted(values);
      const listener = new ValidationListener({ id: 'v', evaluator, metrics: { rr: true }, earlyStop: 3 });
      const model = toyModel();
      const output = await toyLearner({ model, listeners: [listener], maxEpochs, stepsPerEpoch: 1 }).run({
        path,
        progress: (event) => {
          if (event.type === 'epoch') weights.push(model.weight.tolist());
        },
      });
      return { seen: evaluator.seen.map((each) => each[0]), listener, output, model };
    };
    await go(2);
    const { seen, listener, output, model } = await go(6);
    // The second epoch once more, as nobody knows whether that was finished; then until three are not better.
    expect(seen).toEqual(['2', '3', '4', '5']);
    expect(weights).toHaveLength(5);
    expect(listener.top.get('rr')).toEqual({ value: 3, epoch: 2 });
    await output.listeners.v!.rr!.execute();
    expect(model.weight.tolist()).toEqual(weights[1]);

    const again = await go(6);
    expect(weights).toHaveLength(5);
    expect(again.output.metrics.get('v/final/rr')).toBe(3);
  });

  test('asks in evaluation mode without gradients, and training goes on as before', async () => {
    const evaluator = new Scripted({ rr: [1, 2] });
    const { model } = await run({ evaluator, metrics: { rr: false } }, 2);
    expect(evaluator.seen).toEqual(['1 training=false grad=false', '2 training=false grad=false']);
    expect(model.training).toBe(true);
  });

  test('lower can be better', async () => {
    const evaluator = new Scripted({ loss: [3, 1, 2] });
    const { listener } = await run({ evaluator, metrics: { loss: true }, lowerIsBetter: ['loss'] }, 3);
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

  class Saying extends LearnerListener {
    readonly #status: LearnerListenerStatus;
    constructor(status: LearnerListenerStatus) {
      super({ id: `saying-${status}` });
      this.#status = status;
    }
    afterEpoch = () => this.#status;
  }

  test('a listener that says DONT_STOP overrules; one without a decision does not', async () => {
    const options = { evaluator: new Scripted({ rr: [5, 4, 4, 4] }), metrics: { rr: true }, earlyStop: 2 };
    const vetoed = await run(options, 4, [new Saying(LearnerListenerStatus.DONT_STOP)]);
    expect(vetoed.epochs).toBe(4);
    // Past its patience it asks for a stop at once, and evaluates no more.
    expect(vetoed.events).toHaveLength(3);
    expect((await run(options, 4, [new Saying(LearnerListenerStatus.NO_DECISION)])).epochs).toBe(3);
  });

  const { NO_DECISION: N, STOP: S, DONT_STOP: D } = LearnerListenerStatus;
  test.each([
    [[], 3],
    [[N], 3],
    [[S], 1],
    [[D], 3],
    [[N, S], 1],
    [[S, N], 1],
    [[S, D], 3],
    [[D, S], 3],
  ])('(g) listeners that say %p: %d epochs of 3', async (statuses, epochs) => {
    let last = 0;
    const listeners = statuses.map((status) => new Saying(status as LearnerListenerStatus));
    await toyLearner({ listeners }).run({
      progress: (event) => {
        if (event.type === 'end') last = event.state.epoch;
      },
    });
    expect(last).toBe(epochs);
  });

  test('what it keeps needs a directory, what it reports does not', async () => {
    const learner = (keep: boolean) =>
      toyLearner({
        listeners: [
          new ValidationListener({ id: 'v', evaluator: new Scripted({ rr: [1] }), metrics: { rr: keep } }),
        ],
        maxEpochs: 1,
        stepsPerEpoch: 1,
      });
    await expect(learner(true).run({ progress: false })).rejects.toThrow(
      'learner.run: expected a path, where listener v keeps its best models',
    );
    expect((await learner(false).run({ progress: false })).metrics.get('v/final/rr')).toBe(1);
  });

  test('a metric may have any name, as a directory too', async () => {
    const evaluator = new Scripted({ 'a/b': [1], '..': [1], 'nDCG@10': [1] });
    const metrics = { 'a/b': true, '..': true, 'nDCG@10': true };
    const { path, loaders } = await run({ evaluator, metrics }, 1);
    const kept = readdirSync(join(path, 'out', 'listeners', '0', 'best'));
    expect(kept.filter((name) => !name.includes('epoch')).sort()).toEqual(['%2E.', 'a%2Fb', 'nDCG@10']);
    for (const name of Object.keys(metrics)) await loaders[name]!.execute();
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
      'learner.listeners[0].earlyStop: expected 0 or a multiple of validationInterval 2, received 3',
    ],
    [
      { earlyStop: 1, metrics: { rr: false } },
      'learner.listeners[0].earlyStop: expected a metric that is kept, for it to watch',
    ],
    [{ metrics: {} }, 'learner.listeners[0].metrics: expected at least one metric'],
    [{ lowerIsBetter: ['mrr'] }, 'learner.listeners[0].lowerIsBetter[0]: expected one of rr, received "mrr"'],
    [
      { id: '../elsewhere' },
      'learner.listeners[0].id: expected letters, digits, underscores, hyphens and dots',
    ],
  ])('refuses %p', async (wrong, message) => {
    const values = { id: 'v', evaluator: new Scripted({}), metrics: { rr: true }, ...wrong };
    const learner = toyLearner({ listeners: [new ValidationListener(values as ListenerValues)] });
    await expect(learner.run({ path: newDirectory(), progress: false })).rejects.toThrow(message);
  });

  test('refuses what is no evaluator', () => {
    const values = { id: 'v', evaluator: () => new Map(), metrics: { rr: true } };
    expect(() => new ValidationListener(values as never)).toThrow(
      'validationListener.evaluator: expected an Evaluator, received a function',
    );
  });

  test('two listeners with one id are refused', async () => {
    const listener = () =>
      new ValidationListener({ id: 'v', evaluator: new Scripted({}), metrics: { rr: true } });
    await expect(
      toyLearner({ listeners: [listener(), listener()] }).run({ progress: false }),
    ).rejects.toThrow('learner.listeners[1].id: expected an id that no other listener has, received "v"');
  });
});

describe('what was kept', () => {
  test('loads into a model of the same structure only', async () => {
    const { path, loaders } = await run({ evaluator: new Scripted({ rr: [1] }), metrics: { rr: true } }, 1);
    const kept = join(path, 'out', 'listeners', '0', 'best', 'rr');
    expect(existsSync(kept)).toBe(true);
    expect(loaders.rr).toMatchObject({ path: kept, listener: 'bestval', key: 'rr' });
    await expect(new ModuleLoader({ value: new Linear(3, 1), path: kept }).execute()).rejects.toThrow('bias');
    await new ModuleLoader({ value: toyModel(), path: join(kept, 'model.safetensors') }).execute();
  });
});
