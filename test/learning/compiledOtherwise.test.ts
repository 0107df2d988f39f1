/** Compiled steps when something goes otherwise than before. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { OutOfMemoryError } from '../../lib/errors.ts';
import { PowerAdaptativeBatcher } from '../../lib/learning/index.ts';
import { F } from '../../lib/torch/functions.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import { tidy } from '../../lib/torch/scope.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { type Batch, collated, type Net, NetTrainer, newLearner, outcome } from './compiledNet.ts';
import { type Example, newDirectory } from './toy.ts';

beforeAll(() => setNumThreads(1));

/** The loss is of `first` in most steps, and of `last` in every fifth. */
class Alternating extends NetTrainer {
  protected override collate(records: readonly Example[]): Batch {
    const { x, y } = collated(records);
    return records[0]!.y > 8 ? { x: F.cat([x, x]), y } : { x, y };
  }

  protected override trainBatch({ x, y }: Batch): void {
    const net = this.trainedModel as Net;
    const isLong = x.shape[0] !== y.shape[0];
    this.context.addLoss(
      'loss',
      isLong ? net.spare.forward(y).square().mean() : net.first.forward(x).square().mean(),
    );
  }
}

describe('what goes otherwise than before', () => {
  test('gradients of other parameters, in shapes of their own', async () => {
    const made = { trainer: () => new Alternating({ batchSize: 2 }) };
    const eager = await outcome(made, false);
    expect(await outcome(made, true)).toEqual(eager);
  });

  test('memory that runs out: the step is made again in smaller parts, as without', async () => {
    class Failing extends NetTrainer {
      #steps = 0;
      protected override collate(records: readonly Example[]): Batch {
        // Of a step that would be compiled by then.
        if (++this.#steps === 8)
          throw new OutOfMemoryError('CUDA out of memory', { code: 'ERR_OUT_OF_MEMORY', op: '' });
        return collated(records);
      }
    }
    const trainer = new Failing({ batcher: new PowerAdaptativeBatcher() });
    await expect(newLearner({ trainer: () => trainer }, true, 1).run({ progress: false })).rejects.toThrow(
      'out of memory',
    );

    /** As an operator that finds no memory for more than two rows. */
    class Narrow extends NetTrainer {
      protected override trainBatch(batch: Batch): void {
        if (batch.x.shape[0]! > 2 && this.context.state.steps > 1)
          throw new OutOfMemoryError('CUDA out of memory', { code: 'ERR_OUT_OF_MEMORY', op: '' });
        super.trainBatch(batch);
      }
    }
    const restarts: unknown[] = [];
    const samples: number[] = [];
    await newLearner(
      { trainer: () => new Narrow({ batcher: new PowerAdaptativeBatcher() }), hooks: () => [] },
      true,
      1,
    ).run({
      progress: (event) => {
        if (event.type === 'restart') restarts.push([event.state.steps, event.message]);
        if (event.type === 'step') samples.push(event.samples);
      },
    });
    expect(restarts).toEqual([[2, 'Memory ran out; from here on at most 2 records at once']]);
    expect(samples).toEqual(Array.from({ length: 9 }, () => 4));
  });

  test('a loss that is not finite fails the run before anything is updated', async () => {
    let poisoned = false;
    class Poisoned extends NetTrainer {
      protected override collate(records: readonly Example[]): Batch {
        const { x, y } = collated(records);
        if (this.context.state.steps >= 7 && !poisoned) {
          poisoned = true;
          y.fill_(Number.NaN);
        }
        return { x, y };
      }
    }
    const path = newDirectory();
    const learner = newLearner({ trainer: () => new Poisoned() }, true, 1);
    await expect(learner.run({ path, progress: false })).rejects.toThrow(
      /^loss mse: expected a finite number, received NaN in step \d of epoch 1: .*the batch is in /,
    );
    for (const parameter of learner.model.parameters()) expect(parameter.isfinite().all().item()).toBe(true);
  });

  test('a signal stops it after the steps at hand, and it goes on to the same bits', async () => {
    const path = newDirectory();
    const controller = new AbortController();
    const stopped = newLearner({}, true, 3).run({
      path,
      signal: controller.signal,
      progress: (event) => {
        if (event.type === 'step' && event.state.steps === 14) controller.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');
    await newLearner({}, true, 3).run({ path, progress: false });
    const file = readFileSync(join(path, 'checkpoints', 'last', 'model.safetensors'));
    expect(createHash('sha256').update(file).digest('hex')).toBe((await outcome({}, false)).files[0]);
  });

  test.each<[string, new () => NetTrainer, RegExp]>([
    [
      'a number from JavaScript',
      class extends NetTrainer {
        #steps = 0;
        protected override trainBatch({ x }: Batch): void {
          const net = this.trainedModel as Net;
          this.context.addLoss(
            'loss',
            net
              .forward(x)
              .square()
              .mean()
              .mul(++this.#steps),
          );
        }
      },
      /trainBatch depends on values: aten::mul: other was 1, and then 2$/,
    ],
    [
      'a metric that is a number',
      class extends NetTrainer {
        protected override trainBatch(batch: Batch): void {
          super.trainBatch(batch);
          this.context.addMetric('rows', batch.x.shape[0]!);
        }
      },
      /trainBatch adds metric rows as a number: give addMetric a scalar tensor$/,
    ],
    [
      'a value that is read',
      class extends NetTrainer {
        protected override trainBatch(batch: Batch): void {
          super.trainBatch(batch);
          this.context.addMetric('rows', batch.x.sum());
          if ((batch.y.sum().item() as number) > 1e9) throw new Error('never');
        }
      },
      /trainBatch reads a value with aten::item, at .*compiledOtherwise\.test/,
    ],
  ])('%s: the run goes on without, and says why', async (_, Trained, why) => {
    const made = { trainer: () => new Trained() };
    const [eager, compiled] = [await outcome(made, false), await outcome(made, true)];
    const warnings = compiled.warnings.filter((each) => each.startsWith('steps are not compiled'));
    expect(warnings).toEqual([expect.stringMatching(why)]);
    expect({ ...compiled, warnings: [] }).toEqual({ ...eager, warnings: [] });
  });

  test('the event loop has its turns while a step is computed', async () => {
    class Long extends NetTrainer {
      protected override trainBatch({ x, y }: Batch): void {
        const net = this.trainedModel as Net;
        let out = net.first.forward(x);
        for (let i = 0; i < 300; i++) out = out.mm(out.t()).mm(out).tanh();
        this.context.addLoss('loss', F.mseLoss(net.last.forward(out), y));
      }
    }
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    count();
    await newLearner({ trainer: () => new Long() }, true, 3).run({ progress: false });
    isDone = true;
    expect(turns).toBeGreaterThan(27 * 3);
  });

  test('JavaScript may look at parameters and change them while steps are under way', async () => {
    const learner = newLearner({}, true, 40);
    const net = learner.model as Net;
    let isDone = false;
    let changes = 0;
    const meddle = () => {
      if (isDone) return;
      changes++;
      tidy(() =>
        noGrad(() => {
          const { weight } = net.first;
          expect(weight.tolist()).toHaveLength(16);
          weight.data = weight.clone();
          weight.mul_(1);
          net.last.weight.requiresGrad = false;
          net.last.weight.requiresGrad = true;
          net.norm.buffers()[0]!.add_(0);
        }),
      );
      setImmediate(meddle);
    };
    meddle();
    await learner.run({ progress: false });
    isDone = true;
    expect(changes).toBeGreaterThan(10);
    for (const parameter of net.parameters()) expect(parameter.isfinite().all().item()).toBe(true);
  });
});
