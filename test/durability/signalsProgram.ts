/**
 * `signalsProgram.ts DIRECTORY PHASE COMPILE`: a run that comes to a phase in the third of its steps, says `in PHASE` and
 * stays there until something is written to its standard input; `steps N` when it is over, with the sum of its weights.
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Batches,
  GradientHook,
  LearnerListener,
  LearnerListenerStatus,
  LossTrainer,
  Random,
  StepTrainingHook,
} from '../../lib/learning/index.ts';
import { RunCheckpoints } from '../../lib/learning/runCheckpoints.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { type Example, toyLearner, toySampler } from '../learning/toy.ts';

const [path, phase, compile] = process.argv.slice(2) as [string, string, string];
const AT = 3;
setNumThreads(1);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let been = false;

/** Stays in the phase, which it is told of. */
async function stay(where: string): Promise<void> {
  if (where !== phase || been) return;
  been = true;
  process.stdout.write(`in ${phase}\n`);
  await lines.next();
}

/** What does not wait for anything takes its time instead. */
function dwell(where: string): void {
  if (where !== phase || been) return;
  been = true;
  process.stdout.write(`in ${phase}\n`);
  const until = performance.now() + 300;
  while (performance.now() < until);
}

class Lines extends LossTrainer<Example, { readonly x: Tensor; readonly y: Tensor }> {
  #taken = 0;

  override iterBatches(): Batches<readonly Example[]> {
    const batches = super.iterBatches();
    const next = async () => {
      if (++this.#taken === AT) await stay('data');
      return batches.next();
    };
    return { next };
  }

  protected override collate(records: readonly Example[]) {
    return { x: tensor(records.map(({ x }) => [...x])), y: tensor(records.map(({ y }) => [y])) };
  }

  protected override trainBatch({ x, y }: { readonly x: Tensor; readonly y: Tensor }): void {
    if (this.context.epochNow === 2) dwell('forward');
    this.context.addLoss('mse', F.mseLoss((this.context.model as Linear).forward(x), y));
  }
}

class Updating extends GradientHook {
  async gradients(): Promise<void> {
    dwell('backward');
    await stay('update');
  }
}

class Idle extends StepTrainingHook {
  override async after(): Promise<void> {
    await stay('idle');
  }
}

class Listening extends LearnerListener {
  async afterEpoch({ epoch }: { readonly epoch: number }): Promise<LearnerListenerStatus> {
    if (epoch === 2) await stay('validation');
    return LearnerListenerStatus.NO_DECISION;
  }
}

if (phase === 'saving') {
  const { settle } = RunCheckpoints.prototype;
  RunCheckpoints.prototype.settle = async function (this: RunCheckpoints) {
    dwell('saving');
    await sleep(1);
    await settle.call(this);
  };
}

const model = new Linear(2, 1, { bias: false });
const hooks = { update: [new Updating()], backward: [new Updating()], idle: [new Idle()] }[phase] ?? [];
await toyLearner({
  random: new Random({ seed: 5 }),
  model: Object.assign(model, { initialize: () => void model.weight.data.fill_(1) }),
  trainer: new Lines({ sampler: toySampler(), batchSize: 2 }),
  hooks,
  listeners: [new Listening({ id: 'listening' })],
  compile: compile === 'true',
  maxEpochs: 3,
  stepsPerEpoch: 2,
}).run({
  path,
  progress: (event) => {
    if (event.type === 'checkpoint') process.stdout.write(`saved ${event.state.steps}\n`);
  },
});
process.stdout.write(`weights ${model.weight.tolist()}\n`);
process.exit(0);
