import { describe, expect, test } from '@jest/globals';
import {
  FactorScheduler,
  GradientClippingHook,
  GradientHook,
  InitializationHook,
  LearnerListener,
  LearnerListenerStatus,
  MultipleTrainer,
  ParameterOptimizer,
  RecoverableOOMError,
  SGD,
  StepTrainingHook,
  type TrainerContext,
  type TrainState,
} from '../../lib/learning/index.ts';
import { ScheduledOptimizer } from '../../lib/learning/scheduledOptimizer.ts';
import type { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { SGD as TorchSGD } from '../../lib/torch/optim/sgd.ts';
import { type Example, newDirectory, ToyTrainer, toyLearner, toyModel } from './toy.ts';

/** A run whose every part writes down when it is called. */
function traced(epochs: number, stepsPerEpoch: number) {
  const trace: string[] = [];
  const note = (what: string) => void trace.push(what);

  class Init extends InitializationHook {
    override before = () => note('init.before');
    override after = () => note('init.after');
  }
  class Late extends InitializationHook {
    override before = () => note('trainerHook.before');
    override after = () => note('trainerHook.after');
  }
  class Steps extends StepTrainingHook {
    override before = () => note('step.before');
    override after = () => note('step.after');
  }
  class Gradients extends GradientHook {
    gradients({ model }: TrainerContext): void {
      note(model.parameters()[0]!.grad === null ? 'gradients missing' : 'gradients');
    }
  }
  class NotingSGD extends SGD {
    override create(parameters: Parameters<SGD['create']>[0]) {
      note('optimizer.create');
      const optimizer = new TorchSGD(parameters, { lr: 1e-3 });
      const { step, zeroGrad } = optimizer;
      optimizer.step = (() => {
        note('optimizer.step');
        return step.call(optimizer, undefined);
      }) as typeof step;
      optimizer.zeroGrad = () => {
        note('zeroGrad');
        zeroGrad.call(optimizer);
      };
      return optimizer;
    }
  }
  class NotingScheduler extends FactorScheduler {
    factor(step: number, total: number): number {
      note(`rate ${step}/${total}`);
      return 1;
    }
  }
  class Trainer extends ToyTrainer {
    override initialize(...args: Parameters<ToyTrainer['initialize']>): void {
      note('trainer.initialize');
      super.initialize(...args);
    }
    override to(device: string): void {
      note(`trainer.to ${device}`);
    }
    protected override trainBatch(records: readonly Example[]): void {
      note('trainBatch');
      super.trainBatch(records);
    }
  }
  class Listener extends LearnerListener {
    override initialize = () => note('listener.initialize');
    afterEpoch({ epoch, steps, cached }: TrainState) {
      note(`listener ${epoch} ${steps}${cached === true ? ' cached' : ''}`);
      return LearnerListenerStatus.NO_DECISION;
    }
  }
  const model = Object.assign(toyModel(), {
    initialize: () => note('model.initialize'),
    to(this: Linear) {
      note('model.to');
      return this;
    },
  });
  const learner = toyLearner({
    model,
    trainer: new Trainer({ hooks: [new Late()] }),
    optimizers: [new ParameterOptimizer({ optimizer: new NotingSGD(), scheduler: new NotingScheduler() })],
    listeners: [new Listener({ id: 'noting' })],
    hooks: [new Steps(), new Init(), new Gradients()],
    maxEpochs: epochs,
    stepsPerEpoch,
  });
  const run = (path: string) =>
    learner.run({
      path,
      progress: (event) => {
        // Checkpoints are told of when they are on the disk, whatever goes on then.
        if (event.type !== 'step' && event.type !== 'checkpoint') note(`[${event.type}]`);
      },
    });
  return { run, trace };
}

const START = [
  'init.before',
  'model.initialize',
  'trainer.initialize',
  'listener.initialize',
  'model.to',
  'trainer.to cpu',
  'optimizer.create',
];

const step = (next: number, total: number) => [
  'zeroGrad',
  'step.before',
  'trainBatch',
  'gradients',
  'optimizer.step',
  `rate ${next}/${total}`,
  'step.after',
];

const ALL_AFTER = ['init.after', 'trainerHook.after'];

describe('order', () => {
  test('(a) of start-up, steps, epochs and end', async () => {
    const { run, trace } = traced(2, 2);
    await run(newDirectory());
    expect(trace).toEqual([
      ...START,
      'rate 0/4',
      ...ALL_AFTER,
      '[start]',
      ...step(1, 4),
      ...step(2, 4),
      '[epoch]',
      'listener 1 2',
      ...step(3, 4),
      ...step(4, 4),
      '[epoch]',
      'listener 2 4',
      '[end]',
    ]);
  });

  test('of a run that goes on: listeners see the state that was loaded, then training continues', async () => {
    const path = newDirectory();
    const first = traced(1, 2);
    await first.run(path);
    const { run, trace } = traced(2, 2);
    await run(path);
    expect(trace).toEqual([
      ...START,
      'rate 0/4',
      ...ALL_AFTER,
      // The first run was to make two steps: the rates are those of a run of four, after two of them.
      ...['rate 0/4', 'zeroGrad', 'optimizer.step', 'rate 1/4', 'rate 2/4'],
      '[start]',
      'listener 1 2 cached',
      ...step(3, 4),
      ...step(4, 4),
      '[epoch]',
      'listener 2 4',
      '[end]',
    ]);
    const again = traced(2, 2);
    await again.run(path);
    expect(again.trace.slice(-3)).toEqual(['[start]', 'listener 2 4 cached', '[end]']);
    expect(again.trace).not.toContain('trainBatch');
  });

  test('a step is made again when memory ran out: hooks before it too, the count of steps and metrics only once', async () => {
    const calls: string[] = [];
    class Steps extends StepTrainingHook {
      override before = (context: TrainerContext) => {
        calls.push(`before ${context.state.steps}`);
        context.addMetric('tries', 1);
      };
      override after = () => void calls.push('after');
    }
    let failures = 1;
    class Failing extends ToyTrainer {
      protected override trainBatch(records: readonly Example[]): void {
        super.trainBatch(records);
        calls.push('batch');
        if (failures-- > 0) throw new RecoverableOOMError('memory ran out', undefined);
      }
    }
    const warnings: string[] = [];
    const metrics: unknown[] = [];
    await toyLearner({ trainer: new Failing(), hooks: [new Steps()], maxEpochs: 1, stepsPerEpoch: 1 }).run({
      progress: (event) => {
        if ('message' in event && event.message !== undefined) warnings.push(event.message);
        if (event.type === 'epoch') metrics.push(event.metrics.get('tries'), event.state);
      },
    });
    expect(calls).toEqual(['before 1', 'batch', 'before 1', 'batch', 'after']);
    expect(warnings).toEqual(['memory ran out']);
    expect(metrics).toEqual([1, { epoch: 1, steps: 1 }]);
  });

  test('hooks that optimize do nothing on a trainer, and that is told', async () => {
    const warnings: string[] = [];
    const trainer = new ToyTrainer({ hooks: [new GradientClippingHook({ maxNorm: 0 })] });
    const model = toyModel();
    const trainers = new MultipleTrainer({ trainers: { toy: trainer } });
    await toyLearner({ model, trainer: trainers, maxEpochs: 1 }).run({
      progress: (event) => {
        if (event.type === 'warning') warnings.push(event.message);
      },
    });
    expect(warnings).toEqual([
      'GradientClippingHook does nothing among the hooks of a trainer: give it to the learner',
    ]);
    expect(model.weight.tolist()).not.toEqual([[1, 2]]);
  });

  test('metrics of a step are refused once it is over, and inside it they are means over the records', async () => {
    class Adding extends StepTrainingHook {
      override before(context: TrainerContext): void {
        context.addMetric('inside', context.state.steps, context.state.steps);
      }
      override after(context: TrainerContext): void {
        expect(() => context.addMetric('late', 1)).toThrow('Expected a running step for addMetric("late")');
        expect(() => context.addLoss('late', context.model.parameters()[0]!)).toThrow(
          'Expected a batch being trained',
        );
      }
    }
    const means: (number | undefined)[] = [];
    await toyLearner({ hooks: [new Adding()], maxEpochs: 2 }).run({
      progress: (event) => {
        if (event.type === 'epoch') means.push(event.metrics.get('inside'));
      },
    });
    // (1·1 + 2·2) / (1 + 2), then (3·3 + 4·4) / (3 + 4).
    expect(means).toEqual([5 / 3, 25 / 7]);
  });

  test('an error in a step ends the run, which can then begin anew', async () => {
    let fail = true;
    class Failing extends StepTrainingHook {
      override before(): void {
        if (fail) throw new Error('as planned');
      }
    }
    const ends: boolean[] = [];
    const learner = toyLearner({ hooks: [new Failing()], maxEpochs: 1, stepsPerEpoch: 1 });
    const run = () =>
      learner.run({
        progress: (event) => {
          if (event.type === 'end') ends.push(event.failed);
        },
      });
    await expect(run()).rejects.toThrow('as planned');
    fail = false;
    const second = run();
    await expect(run()).rejects.toThrow('learner: expected one run at a time');
    await second;
    expect(ends).toEqual([true, false]);
  });

  test('the event loop gets a turn in every step', async () => {
    let turns = 0;
    const count = () => {
      turns++;
      if (!done) setImmediate(count);
    };
    let done = false;
    setImmediate(count);
    await toyLearner({ maxEpochs: 1, stepsPerEpoch: 20 }).run({ progress: false });
    done = true;
    expect(turns).toBeGreaterThanOrEqual(20);
  });

  test('an optimizer whose rate is its own takes no scheduler', () => {
    const optimizer = new ScheduledOptimizer();
    const model = toyModel();
    class Without extends SGD {
      override create(parameters: Parameters<SGD['create']>[0]) {
        const made = super.create(parameters);
        made.paramGroups[0]!.lr = null;
        return made;
      }
    }
    class Flat extends FactorScheduler {
      factor = () => 1;
    }
    const claim = new ParameterOptimizer({ optimizer: new Without(), scheduler: new Flat() });
    expect(() => optimizer.initialize([claim], { model, totalSteps: 10 })).toThrow(
      'learner.optimizers[0].scheduler: expected none, because the optimizer sets its own rate',
    );
  });
});
