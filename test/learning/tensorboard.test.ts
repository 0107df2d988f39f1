/** What TensorBoard gets: (c) the exact tags and steps, read without TensorBoard and, where it is installed, by it. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { tag } from '../../lib/experiment/index.ts';
import { histogramOf } from '../../lib/learning/histogram.ts';
import {
  Evaluator,
  type LearnerEvent,
  type MetricsPerItem,
  StepTrainingHook,
  type TrainerContext,
  ValidationListener,
} from '../../lib/learning/index.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import type { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { type TensorboardEvent, tensorboardEvents } from '../support/eventFiles.ts';
import { hasTensorboard, runPython, whyWithout } from '../support/tensorboard.ts';
import { type Example, newDirectory, ToyTrainer, toyLearner } from './toy.ts';

beforeAll(() => setNumThreads(1));

/** Two losses, and an accuracy. */
class TwoLosses extends ToyTrainer {
  protected override trainBatch(records: readonly Example[]): void {
    super.trainBatch(records);
    const x = tensor(records.map((each) => [...each.x]));
    this.context.addLoss(
      'abs',
      F.l1Loss((this.trainedModel as Linear).forward(x), F.zeros([records.length, 1])),
    );
    this.context.addMetric('accuracy', 0.25, records.length);
  }
}

/** RR@10 of three topics. */
class Topics extends Evaluator {
  evaluate({ state }: TrainerContext): MetricsPerItem {
    const values = [0, 0.5, 1 / state.epoch];
    return new Map([['RR@10', new Map(values.map((value, i) => [`q${i}`, value]))]]);
  }
}

const listener = (validationInterval = 1) =>
  new ValidationListener({
    id: 'bestval',
    evaluator: new Topics(),
    metrics: { 'RR@10': true },
    validationInterval,
  });

/** Every point of a run: `tag step value`, a histogram as the sum and number of its values. */
function points(events: readonly TensorboardEvent[]): string[] {
  return events.flatMap(({ step = '0', summary }) =>
    (summary?.value ?? []).map(({ tag, simpleValue, histo }) => {
      const value = histo === undefined ? String(simpleValue) : `Σ${histo.sum} of ${histo.num}`;
      return `${tag} ${step} ${value}`;
    }),
  );
}

const tagsAndSteps = (directory: string) =>
  points(tensorboardEvents(directory)).map((each) => each.split(' ').slice(0, 2).join(' '));

const TAGS = [
  'train/accuracy',
  'train/mse',
  'train/abs',
  'train/abs+mse',
  'train/gradient/scheduler/1/1',
  'train/data_wait',
  'bestval/RR@10/mean',
  'bestval/RR@10',
];

describe('(c) files for TensorBoard', () => {
  test('of a run of 3 epochs of 2 steps: these tags at these steps, the last epoch included', async () => {
    const path = newDirectory();
    const told = new Map<string, ReadonlyMap<string, number>>();
    await toyLearner({ trainer: new TwoLosses(), listeners: [listener()] }).run({
      path,
      progress: (event) => {
        if (event.type === 'epoch') told.set(String(event.state.steps), event.metrics);
      },
    });
    const events = tensorboardEvents(join(path, 'runs'));
    expect(events[0]).toMatchObject({ fileVersion: 'brain.Event:2' });
    expect(events[1]).toMatchObject({ step: '1', sessionLog: { status: 1 } });
    expect(tagsAndSteps(join(path, 'runs'))).toEqual(
      ['2', '4', '6'].flatMap((step) => TAGS.map((each) => `${each} ${step}`)),
    );

    const all = points(events);
    for (const [step, metrics] of told)
      for (const [name, value] of metrics)
        expect(all.find((each) => each.startsWith(`train/${name} ${step} `))).toBe(
          `train/${name} ${step} ${shortest(value)}`,
        );
    expect(told.get('6')!.get('abs+mse')).toBeCloseTo(
      told.get('6')!.get('abs')! + told.get('6')!.get('mse')!,
      4,
    );
    expect(all.filter((each) => each.startsWith('bestval'))).toEqual([
      'bestval/RR@10/mean 2 0.5',
      'bestval/RR@10 2 Σ1.5 of 3',
      `bestval/RR@10/mean 4 ${shortest(1 / 3)}`,
      'bestval/RR@10 4 Σ1 of 3',
      `bestval/RR@10/mean 6 ${shortest((0.5 + 1 / 3) / 3)}`,
      `bestval/RR@10 6 Σ${0.5 + 1 / 3} of 3`,
    ]);
  });

  test('final values are a run beside it, with the tags of the learner', async () => {
    const path = newDirectory();
    const learner = tag(toyLearner({ listeners: [listener()] }), { lr: 0.5, name: 'first', warm: true });
    await learner.run({ path, progress: false });
    const events = tensorboardEvents(join(path, 'runs', 'hparams'));
    expect(points(events.slice(-1))).toEqual(['bestval/final/RR@10 6 0.5']);
    expect(events.slice(1, -1).map(({ summary }) => summary!.value[0]!.tag)).toEqual([
      '_hparams_/experiment',
      '_hparams_/session_start_info',
      '_hparams_/session_end_info',
    ]);
    // A run that was over has nothing to tell.
    await learner.run({ path, progress: false });
    expect(readdirSync(join(path, 'runs', 'hparams'))).toHaveLength(1);
  });

  test('are not written where the learner says so, nor by a run without a directory', async () => {
    const path = newDirectory();
    await toyLearner({ tensorboard: false }).run({ path, progress: false });
    expect(existsSync(join(path, 'runs'))).toBe(false);
    expect(existsSync(join(path, 'events.jsonl'))).toBe(true);
    await toyLearner().run({ progress: false });
  });

  test('that cannot be written are one warning, and the run goes on', async () => {
    const path = newDirectory();
    // A name that is taken by a file.
    writeFileSync(join(path, 'runs'), '');
    const learner = toyLearner();
    const warnings: string[] = [];
    const told: LearnerEvent[] = [];
    await learner.run({
      path,
      progress: (event) => {
        told.push(event);
        if (event.type === 'warning') warnings.push(event.message);
      },
    });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/tfevents.* is not written any more: (EEXIST|ENOTDIR)/);
    expect(told.filter(({ type }) => type === 'epoch')).toHaveLength(3);
  });
});

/** As JSON shows a number that was stored in four bytes. */
const shortest = (value: number): string => String(Math.fround(value));

describe('histogramOf', () => {
  test('has the buckets of SummaryWriter, empty ones side by side as one', () => {
    const { buckets, bucketLimits, ...rest } = histogramOf([0.5, 0.25, 1, 0, 0.5, Number.NaN])!;
    expect(rest).toEqual({ min: 0, max: 1, num: 5, sum: 2.25, sumSquares: 1.5625 });
    // Recorded: torch.utils.tensorboard.SummaryWriter of PyTorch 2.13.0 counts the same values into the same buckets.
    expect(bucketLimits).toEqual([
      0, 1e-12, 0.24153964213356663, 0.2656936063469233, 0.47069243095356195, 0.5177616740489182,
      0.917246389039776, 1.0089710279437536,
    ]);
    expect(buckets).toEqual([0, 1, 0, 1, 0, 2, 0, 1]);
  });

  test('has a bucket for every finite number, and nothing for no number', () => {
    expect(histogramOf([])).toBeUndefined();
    expect(histogramOf([Number.NaN, Number.POSITIVE_INFINITY])).toBeUndefined();
    expect(histogramOf([-1e300, 1e300])!.buckets).toEqual([0, 1, 0, 1]);
    // On a limit: above it, as numpy has it.
    expect(histogramOf([1e-12])!.bucketLimits).toEqual([1e-12, 1e-12 * 1.1]);
    expect(histogramOf([-1, 2, 2])!.buckets).toEqual([0, 1, 0, 2]);
  });
});

/** Fails a run before a step. */
class Fails extends StepTrainingHook {
  readonly #at: number;
  constructor(at: number) {
    super();
    this.#at = at;
  }
  override before({ state }: TrainerContext): void {
    if (state.steps === this.#at) throw new Error('as planned');
  }
}

const READ = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
found = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0})
found.Reload()
tags = found.Tags()
scalars = {tag: [[e.step, e.value] for e in found.Scalars(tag)] for tag in tags["scalars"]}
def histogram(e):
    v = e.histogram_value
    return [e.step, v.min, v.max, v.num, v.sum, v.sum_squares, list(v.bucket_limit), list(v.bucket)]
histograms = {tag: [histogram(e) for e in found.Histograms(tag)] for tag in tags["histograms"]}
hparams = {}
if "_hparams_/session_start_info" in found.summary_metadata:
    content = lambda tag: plugin_data_pb2.HParamsPluginData.FromString(found.SummaryMetadata(tag).plugin_data.content)
    start = content("_hparams_/session_start_info").session_start_info.hparams
    hparams = {
        "values": {name: getattr(value, value.WhichOneof("kind")) for name, value in start.items()},
        "infos": {info.name: info.type for info in content("_hparams_/experiment").experiment.hparam_infos},
        "metrics": [info.name.tag for info in content("_hparams_/experiment").experiment.metric_infos],
        "status": content("_hparams_/session_end_info").session_end_info.status,
    }
print(json.dumps({"scalars": scalars, "histograms": histograms, "hparams": hparams}))
`;

const itTensorboard = hasTensorboard ? test : test.skip;

interface Found {
  readonly scalars: Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;
  readonly histograms: Readonly<Record<string, readonly (readonly unknown[])[]>>;
  readonly hparams: unknown;
}

const read = (directory: string): Found => runPython(READ, directory) as Found;

describe(`TensorBoard's own reader${whyWithout}`, () => {
  itTensorboard('finds every tag, step, value and histogram of a run that failed and went on', async () => {
    const path = newDirectory();
    const told = new Map<string, (readonly [number, number])[]>();
    const learner = (at: number) =>
      tag(
        toyLearner({
          trainer: new TwoLosses(),
          listeners: [listener()],
          hooks: [new Fails(at)],
          checkpointInterval: 2,
          maxEpochs: 4,
        }),
        { lr: 0.5, name: 'first', warm: true },
      );
    const note = (event: LearnerEvent) => {
      if (event.type !== 'epoch') return;
      for (const [name, value] of event.metrics) {
        const known = (told.get(`train/${name}`) ?? []).filter(([step]) => step < event.state.steps);
        told.set(`train/${name}`, [...known, [event.state.steps, Math.fround(value)]]);
      }
    };
    // Fails in the fourth epoch; the only checkpoint is of the second, so the third is made again.
    await expect(learner(7).run({ path, progress: note })).rejects.toThrow('as planned');
    await learner(0).run({ path, progress: note });

    const { scalars, histograms } = read(join(path, 'runs'));
    expect(Object.keys(scalars).sort()).toEqual(TAGS.slice(0, 7).sort());
    for (const [name, expectedPoints] of told) expect([name, scalars[name]]).toEqual([name, expectedPoints]);
    expect(told.get('train/mse')!.map(([step]) => step)).toEqual([2, 4, 6, 8]);
    const means = [0.5, 1 / 3, (0.5 + 1 / 3) / 3, 0.25];
    expect(scalars['bestval/RR@10/mean']).toEqual(means.map((mean, i) => [2 * (i + 1), Math.fround(mean)]));
    expect(Object.keys(histograms)).toEqual(['bestval/RR@10']);
    const expectedHistograms = [1, 2, 3, 4].map((epoch) => {
      const { min, max, num, sum, sumSquares, bucketLimits, buckets } = histogramOf([0, 0.5, 1 / epoch])!;
      return [2 * epoch, min, max, num, sum, sumSquares, bucketLimits, buckets];
    });
    expect(histograms['bestval/RR@10']).toEqual(expectedHistograms);

    const beside = read(join(path, 'runs', 'hparams'));
    expect(beside.scalars).toEqual({ 'bestval/final/RR@10': [[8, 0.5]] });
    expect(beside.hparams).toEqual({
      values: { lr: 0.5, name: 'first', warm: true },
      infos: { lr: 3, name: 1, warm: 2 },
      metrics: ['bestval/final/RR@10'],
      status: 1,
    });
  });
});
