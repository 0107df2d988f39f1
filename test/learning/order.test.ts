import { describe, expect, test } from '@jest/globals';
import {
  GradientHook,
  getOptimizers,
  InitializationHook,
  Learner,
  LearnerListener,
  LearnerListenerStatus,
  ParameterOptimizer,
  Scheduler,
  SGD,
  StepTrainingHook,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import { ScheduledOptimizer } from '../../lib/learning/scheduledOptimizer.ts';
import type { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { SGD as TorchSGD } from '../../lib/torch/optim/sgd.ts';
import { type Example, newDirectory, ToyTrainer, toyModel, toyOptimizers } from './toy.ts';

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
  class NotingScheduler extends Scheduler {
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
    afterEpoch({ epoch, steps }: { epoch: number; steps: number }) {
      note(`listener ${epoch} ${steps}`);
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
  const learner = new Learner({
    model,
    trainer: new Trainer({ hooks: [new Late()] }),
    optimizers: [new ParameterOptimizer({ optimizer: new NotingSGD(), scheduler: new NotingScheduler() })],
    listeners: [new Listener('noting')],
    hooks: [new Steps(), new Init(), new Gradients()],
    maxEpochs: epochs,
    stepsPerEpoch,
    path: newDirectory(),
    progress: (event) => {
      if (event.type !== 'step') note(`[${event.type}]`);
    },
  });
  return { learner, trace };
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

describe('order', () => {
  test('of start-up, steps, epochs and end', async () => {
    const { learner, trace } = traced(2, 2);
    await learner.run();
    expect(trace).toEqual([
      ...START,
      'rate 0/4',
      'init.after',
      'trainerHook.after',
      '[start]',
      ...step(1, 4),
      ...step(2, 4),
      '[epoch]',
      '[checkpoint]',
      'listener 1 2',
      ...step(3, 4),
      ...step(4, 4),
      '[epoch]',
      '[checkpoint]',
      'listener 2 4',
      '[end]',
    ]);
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
    const learner = new Learner({
      model: toyModel(),
      trainer: new ToyTrainer(),
      optimizers: toyOptimizers,
      hooks: [new Adding()],
      maxEpochs: 2,
      stepsPerEpoch: 2,
      progress: (event) => {
        if (event.type === 'epoch') means.push(event.metrics.get('inside'));
      },
    });
    await learner.run();
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
    const learner = new Learner({
      model: toyModel(),
      trainer: new ToyTrainer(),
      optimizers: toyOptimizers,
      hooks: [new Failing()],
      maxEpochs: 1,
      stepsPerEpoch: 1,
      progress: (event) => {
        if (event.type === 'end') ends.push(event.failed);
      },
    });
    await expect(learner.run()).rejects.toThrow('as planned');
    fail = false;
    const second = learner.run();
    await expect(learner.run()).rejects.toThrow('learner: expected one run at a time');
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
    await new Learner({
      model: toyModel(),
      trainer: new ToyTrainer(),
      optimizers: getOptimizers(new SGD()),
      maxEpochs: 1,
      stepsPerEpoch: 20,
      progress: false,
    }).run();
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
    class Flat extends Scheduler {
      factor = () => 1;
    }
    const claim = new ParameterOptimizer({ optimizer: new Without(), scheduler: new Flat() });
    expect(() => optimizer.initialize([claim], model, 10)).toThrow(
      'learner.optimizers[0].scheduler: expected none, because the optimizer sets its own rate',
    );
  });
});
