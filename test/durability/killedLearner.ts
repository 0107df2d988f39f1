/** Trains and saves after every step, until it is killed, or without a directory for some steps: `killedLearner.ts <directory | -> <steps>`. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  Adam,
  Learner,
  LossTrainer,
  ParameterOptimizer,
  Random,
  RandomSerializableIterator,
  type RandomState,
  Sampler,
  type SerializableIterator,
} from '../../lib/learning/index.ts';
import { fromTypedArray } from '../../lib/torch/factories.ts';
import { safetensorsOf } from '../../lib/torch/io/safetensors.ts';
import { Sequential } from '../../lib/torch/nn/layers/containers.ts';
import { Dropout } from '../../lib/torch/nn/layers/dropout.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { tidy } from '../../lib/torch/scope.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';

const [directory, steps] = process.argv.slice(2) as [string, string];

class Numbers extends Sampler<number> {
  override iterate(random: RandomState): SerializableIterator<number> {
    return new RandomSerializableIterator(random.fork(), async function* (dice) {
      for (;;) {
        // Steps do not outrun what is saved.
        await new Promise((resolve) => setTimeout(resolve, 1));
        yield dice.uniform();
      }
    });
  }
}

class Squares extends LossTrainer<number> {
  protected override trainBatch(records: readonly number[]): void {
    const x = fromTypedArray(Float32Array.from(records), [records.length, 1]);
    this.context.addLoss('mse', (this.trainedModel as Sequential).forward(x).sub(x.square()).square().mean());
  }
}

setNumThreads(1);
manualSeed(1);
const model = new Sequential(new Linear(1, 16), new Dropout(0.1), new Linear(16, 1));
const hashes = new Map<number, string>();

function hashOfModel(): string {
  return tidy(() => {
    const file = safetensorsOf(model.stateDict());
    const bytes = new Uint8Array(file.bytes);
    file.copyTo(bytes);
    return createHash('sha256').update(bytes).digest('hex');
  });
}

const tell = (what: unknown) => writeSync(1, `${JSON.stringify(what)}\n`);

await new Learner({
  random: new Random({ seed: 3 }),
  model,
  trainer: new Squares({ sampler: new Numbers(), batchSize: 2 }),
  optimizers: [new ParameterOptimizer({ optimizer: new Adam({ lr: 1e-3 }) })],
  listeners: [],
  maxEpochs: 1_000_000,
  stepsPerEpoch: 10,
  compile: false,
  tensorboard: false,
  checkpointSteps: 1,
}).run({
  ...(directory !== '-' && { path: directory }),
  progress: ({ type, ...event }) => {
    if (!('state' in event)) return;
    const at = event.state.steps;
    if (type === 'start') {
      const checkpoints = join(directory, 'checkpoints');
      tell(existsSync(checkpoints) ? readdirSync(checkpoints) : []);
      hashes.set(at, hashOfModel());
    }
    if (type === 'step') hashes.set(at, hashOfModel());
    if (type === 'start' || type === 'checkpoint') tell([at, hashes.get(at)]);
    if (type !== 'step' || directory !== '-' || at < Number(steps)) return;
    for (const [step, hash] of hashes) tell([step, hash]);
    process.exit();
  },
});
