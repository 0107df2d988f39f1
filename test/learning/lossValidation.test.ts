/** Listeners that validate by the loss of a trainer, and by the mean of others. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { OutOfMemoryError } from '../../lib/errors.ts';
import {
  AggregatorValidationListener,
  Evaluator,
  type LearnerEvent,
  type MetricsPerItem,
  PowerAdaptativeBatcher,
  type TrainerContext,
  TrainerValidationLoss,
  type ValidationEvent,
  ValidationListener,
} from '../../lib/learning/index.ts';
import { isGradEnabled } from '../../lib/torch/modes.ts';
import type { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { memory } from '../../lib/torch/scope.ts';
import { type Example, newDirectory, ToyTrainer, toyLearner, toyModel, toySampler } from './toy.ts';

function recorder(model: Linear) {
  const events: ValidationEvent[] = [];
  const weights: unknown[] = [undefined];
  const progress = (event: LearnerEvent) => {
    if (event.type === 'validation') events.push(event);
    if (event.type === 'epoch') weights.push(model.weight.tolist());
  };
  return { events, weights, progress };
}

/** Adds the losses that a script says, whatever the model. */
class Scripted extends ToyTrainer {
  readonly states: string[] = [];
  limit = Number.POSITIVE_INFINITY;
  losses: (epoch: number, records: readonly Example[]) => Readonly<Record<string, number>> = () => ({
    mse: 1,
  });

  protected override trainBatch(records: readonly Example[]): void {
    const { state, model } = this.context;
    this.states.push(`${records.length} training=${model.training} grad=${isGradEnabled()}`);
    const zero = model.parameters()[0]!.sum().mul(0);
    this.context.addMetric('records', records.length, records.length);
    const losses = Object.entries(this.losses(state.epoch, records));
    for (const [name, value] of losses) this.context.addLoss(name, zero.add(value), name === 'b' ? 0.5 : 1);
    if (records.length > this.limit)
      throw new OutOfMemoryError('out of memory', { code: 'ERR_OUT_OF_MEMORY', op: 'x' });
  }
}

const SEVEN = Array.from({ length: 7 }, (_, i): Example => ({ x: [i, 1], y: i }));

describe('TrainerValidationLoss', () => {
  test('keeps the model with the lowest loss, and stops when it no longer falls', async () => {
    const trainer = new Scripted();
    trainer.losses = (epoch) => ({ mse: [0, 5, 3, 4, 3, 1][epoch]! });
    const model = toyModel();
    const { events, weights, progress } = recorder(model);
    const listener = new TrainerValidationLoss({
      id: 'dev',
      data: toySampler(SEVEN),
      batchSize: 3,
      trainer,
      earlyStop: 2,
    });
    const path = newDirectory();
    const real = new ToyTrainer();
    const output = await toyLearner({ model, trainer: real, listeners: [listener], maxEpochs: 5 }).run({
      path,
      progress,
    });
    // 3 in the fourth epoch is not lower than 3 in the second.
    expect(events.map(({ metrics }) => metrics.get('loss'))).toEqual([5, 3, 4, 3]);
    expect(events.map(({ improved }) => [...improved])).toEqual([['loss'], ['loss'], [], []]);
    expect(Object.fromEntries(listener.top)).toEqual({ loss: { value: 3, epoch: 2 } });
    expect(Object.fromEntries(output.metrics)).toEqual({ 'dev/final/loss': 3 });
    await output.listeners.dev!.loss!.execute();
    expect(model.weight.tolist()).toEqual(weights[2]);
    expect(JSON.parse(readFileSync(listener.info, 'utf8'))).toMatchObject({
      top: { loss: { value: 3, epoch: 2 } },
    });
    expect(readdirSync(listener.bestpath)).toContain('loss');
    expect(existsSync(join(listener.bestpath, 'loss', 'model.safetensors'))).toBe(true);
  });

  test('measures one pass in evaluation mode without gradients: a mean over records, each loss and each metric', async () => {
    const trainer = new Scripted();
    trainer.losses = (_, records) => ({ a: records.length, b: 2 * records.length });
    const model = toyModel();
    const { events, progress } = recorder(model);
    const listener = new TrainerValidationLoss({ id: 'dev', data: toySampler(SEVEN), batchSize: 3, trainer });
    await toyLearner({ model, trainer: new ToyTrainer(), listeners: [listener], maxEpochs: 1 }).run({
      path: newDirectory(),
      progress,
    });
    expect(trainer.states).toEqual([3, 3, 1].map((n) => `${n} training=false grad=false`));
    expect(model.training).toBe(true);
    const mean = (3 * 3 + 3 * 3 + 1 * 1) / 7;
    expect(Object.fromEntries(events[0]!.metrics)).toEqual({
      records: mean,
      'loss/a': mean,
      'loss/b': 2 * mean,
      loss: mean + 0.5 * 2 * mean,
    });
  });

  test('of the trainer of the learner: the same loss as is trained, and the run is as without', async () => {
    const runs = [true, false].map(async (validates) => {
      const [model, trainer] = [toyModel(), new ToyTrainer()];
      const listener = new TrainerValidationLoss({
        id: 'dev',
        data: toySampler(SEVEN),
        batchSize: 4,
        trainer,
      });
      const { events, progress } = recorder(model);
      const listeners = validates ? [listener] : [];
      const before = memory().tensors;
      await toyLearner({ model, trainer, listeners, maxEpochs: 2 }).run({ path: newDirectory(), progress });
      return { weight: model.weight.tolist(), events, left: memory().tensors - before };
    });
    const [first, second] = [await runs[0]!, await runs[1]!];
    expect(first.weight).toEqual(second.weight);
    expect(first.events).toHaveLength(2);
    const [[a, b]] = first.weight as [[number, number]];
    const loss = SEVEN.reduce((sum, { x, y }) => sum + (a * x[0] + b * x[1] - y) ** 2, 0) / 7;
    expect(first.events[1]!.metrics.get('loss')).toBeCloseTo(loss, 3);
  });

  test('goes on in smaller parts when memory runs out, and counts nothing twice', async () => {
    const trainer = new Scripted();
    trainer.limit = 2;
    trainer.losses = (_, records) => ({ mse: records.length });
    const { events, progress } = recorder(toyModel());
    const listener = new TrainerValidationLoss({
      id: 'dev',
      data: toySampler(SEVEN),
      batchSize: 4,
      trainer,
      batcher: new PowerAdaptativeBatcher(),
    });
    await toyLearner({ trainer: new ToyTrainer(), listeners: [listener], maxEpochs: 1 }).run({
      path: newDirectory(),
      progress,
    });
    expect(trainer.states.map((each) => Number(each[0]))).toEqual([4, 2, 2, 2, 1]);
    const mean = (2 * 2 * 3 + 1) / 7;
    expect(Object.fromEntries(events[0]!.metrics)).toEqual({ records: mean, 'loss/mse': mean, loss: mean });
  });

  test('restores the mode of every module', async () => {
    const frozen = toyModel();
    const model = Object.assign(toyModel(), { frozen });
    frozen.eval();
    const listener = new TrainerValidationLoss({
      id: 'd',
      data: toySampler(),
      batchSize: 2,
      trainer: new Scripted(),
    });
    const modes: boolean[] = [];
    class Freezing extends ToyTrainer {
      override async processBatch(records: readonly Example[]): Promise<void> {
        modes.push(frozen.training);
        frozen.eval();
        await super.processBatch(records);
      }
    }
    await toyLearner({ model, trainer: new Freezing(), listeners: [listener], maxEpochs: 1 }).run({
      path: newDirectory(),
      progress: () => {},
    });
    expect(frozen.training).toBe(false);
    expect(modes).toEqual([true, false]);
  });

  test('refuses a batch size of none', async () => {
    const listener = new TrainerValidationLoss({
      id: 'd',
      data: toySampler(),
      batchSize: 0,
      trainer: new Scripted(),
    });
    await expect(toyLearner({ listeners: [listener] }).run({ path: newDirectory() })).rejects.toThrow(
      'learner.listeners[0].batchSize: expected a positive integer, received 0',
    );
  });
});

/** Values by epoch, of two items around them. */
class Values extends Evaluator {
  readonly #values: Readonly<Record<string, readonly number[]>>;
  constructor(values: Readonly<Record<string, readonly number[]>>) {
    super();
    this.#values = values;
  }
  override evaluate({ state }: TrainerContext): MetricsPerItem {
    return new Map(
      Object.entries(this.#values).map(([name, values]) => [
        name,
        new Map([['item', values[state.epoch - 1]!]]),
      ]),
    );
  }
}

const listenerOf = (id: string, values: Readonly<Record<string, readonly number[]>>, more: object = {}) =>
  new ValidationListener({
    id,
    evaluator: new Values(values),
    metrics: Object.fromEntries(Object.keys(values).map((name) => [name, true])),
    ...more,
  });

describe('AggregatorValidationListener', () => {
  test('decides on the mean of the values of now, not of the best ones', async () => {
    const model = toyModel();
    const { events, weights, progress } = recorder(model);
    const first = listenerOf('first', { rr: [9, 1, 1, 1] });
    const second = listenerOf('second', { rr: [1, 7, 8, 2] });
    const listener = new AggregatorValidationListener({
      id: 'both',
      listeners: [first, second],
      metrics: ['rr'],
      earlyStop: 3,
    });
    const output = await toyLearner({ model, listeners: [listener], maxEpochs: 8 }).run({
      path: newDirectory(),
      progress,
    });
    // With the best ones it would be 5, 8, 8.5, and the third epoch would be kept.
    const own = events.filter((event) => event.listener === 'both');
    expect(own.map(({ metrics }) => metrics.get('mean'))).toEqual([5, 4, 4.5, 1.5]);
    expect(own[0]!.values.get('rr')).toEqual([9, 1]);
    expect(weights).toHaveLength(1 + 4);
    expect(Object.fromEntries(listener.top)).toEqual({ mean: { value: 5, epoch: 1 } });
    expect(Object.fromEntries(second.top)).toEqual({ rr: { value: 8, epoch: 3 } });
    expect(Object.fromEntries(output.metrics)).toEqual({
      'first/final/rr': 9,
      'second/final/rr': 8,
      'both/final/mean': 5,
    });
    const loaders = output.listeners.both!;
    expect(Object.keys(loaders).sort()).toEqual(['first/rr', 'mean', 'second/rr']);
    await loaders.mean!.execute();
    expect(model.weight.tolist()).toEqual(weights[1]);
    await loaders['second/rr']!.execute();
    expect(model.weight.tolist()).toEqual(weights[3]);
  });

  test('over several metrics, lower ones being better if it is said', async () => {
    const { events, progress } = recorder(toyModel());
    const listeners = [listenerOf('x', { a: [1, 2], b: [3, 0] }), listenerOf('y', { a: [5, 4], b: [3, 4] })];
    const listener = new AggregatorValidationListener({
      id: 'all',
      listeners,
      metrics: ['a', 'b'],
      higherIsBetter: false,
    });
    await toyLearner({ listeners: [listener], maxEpochs: 2 }).run({ path: newDirectory(), progress });
    const own = events.filter((event) => event.listener === 'all');
    expect(own.map(({ metrics }) => Object.fromEntries(metrics))).toEqual([
      { a: 3, b: 3, mean: 3 },
      { a: 3, b: 2, mean: 2.5 },
    ]);
    expect(listener.top.get('mean')).toEqual({ value: 2.5, epoch: 2 });
  });

  test('when they measure at intervals, all of that epoch are there', async () => {
    const { events, progress } = recorder(toyModel());
    const listener = new AggregatorValidationListener({
      id: 'all',
      listeners: [
        listenerOf('x', { a: [1, 2, 3, 4] }),
        listenerOf('y', { a: [10, 20, 30, 40] }, { validationInterval: 2 }),
      ],
      metrics: ['a'],
      validationInterval: 2,
    });
    await toyLearner({ listeners: [listener], maxEpochs: 4 }).run({ path: newDirectory(), progress });
    const own = events.filter((event) => event.listener === 'all');
    expect(own.map(({ state, metrics }) => [state.epoch, metrics.get('mean')])).toEqual([
      [2, 11],
      [4, 22],
    ]);
  });

  test.each<[string, () => object, string]>([
    ['no listener', () => ({ listeners: [] }), 'listeners: expected at least one listener'],
    ['no metric', () => ({ metrics: [] }), 'metrics: expected at least one metric'],
    [
      'an id twice',
      () => ({ listeners: [listenerOf('x', { a: [1] }), listenerOf('x', { a: [1] })] }),
      'learner.listeners[0].listeners: expected an id that no other listener has, received "x"',
    ],
    [
      'the id of a listener of its own',
      () => ({ listeners: [listenerOf('all', { a: [1] })] }),
      'learner.listeners[0].listeners: expected an id that no other listener has, received "all"',
    ],
    [
      'an interval that does not fit',
      () => ({ validationInterval: 3, listeners: [listenerOf('x', { a: [1] }, { validationInterval: 2 })] }),
      'listeners[0].validationInterval: expected a divisor of 3, received 2',
    ],
    [
      'one that stops by itself',
      () => ({ listeners: [listenerOf('x', { a: [1] }, { earlyStop: 1 })] }),
      'listeners[0].earlyStop: expected 0',
    ],
    [
      'a metric that none measures',
      () => ({ metrics: ['b'] }),
      'listener all: expected a metric that x measures (a), received "b"',
    ],
  ])('refuses %s', async (_, values, message) => {
    const listener = new AggregatorValidationListener({
      id: 'all',
      listeners: [listenerOf('x', { a: [1, 1, 1] })],
      metrics: ['a'],
      ...values(),
    });
    await expect(
      toyLearner({ listeners: [listener] }).run({ path: newDirectory(), progress: false }),
    ).rejects.toThrow(message);
  });
});
