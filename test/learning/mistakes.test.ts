/** The ten mistakes that a new user makes: each says what docs/learning.md promises, word by word. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  CudaDevice,
  Evaluator,
  ModuleLoader,
  ParameterOptimizer,
  RegexParameterFilter,
  SGD,
  ValidationListener,
} from '../../lib/learning/index.ts';
import { isAvailable } from '../../lib/torch/cuda.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { crossEntropy } from '../../lib/torch/nn/functional/loss.ts';
import { Sequential } from '../../lib/torch/nn/layers/containers.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { type Example, newDirectory, ToyTrainer, toyLearner } from './toy.ts';

const QUIET = { progress: false } as const;

class Flat extends Evaluator {
  evaluate() {
    return new Map([['a', new Map([[1, 1]])]]);
  }
}
const listener = () => new ValidationListener({ id: 'best', evaluator: new Flat(), metrics: { a: true } });

const output = (trainer: { trainedModel: unknown }, records: readonly Example[]) =>
  (trainer.trainedModel as Linear).forward(tensor(records.map(({ x }) => [...x])));

/** Two rows of the output for each record. */
class WrongShape extends ToyTrainer {
  protected override trainBatch(records: readonly Example[]): void {
    const scores = output(this as never, [...records, ...records]);
    this.context.addLoss('loss', crossEntropy(scores, tensor([0, 0], { dtype: 'int64' })));
  }
}

class NotScalar extends ToyTrainer {
  protected override trainBatch(records: readonly Example[]): void {
    this.context.addLoss('mse', output(this as never, records));
  }
}

async function loadOther(): Promise<void> {
  const path = newDirectory();
  await toyLearner().run({ path, ...QUIET });
  const value = new Sequential(new Linear(2, 4), new Linear(4, 1));
  await new ModuleLoader({ value, path: join(path, 'checkpoints', 'last') }).execute();
}

const filter = new RegexParameterFilter({ includes: ['encoder\\.'] });
const mistakes: Readonly<Record<string, () => unknown>> = {
  'no optimizer': () => toyLearner({ optimizers: [] }).run(QUIET),
  'two listeners with one id': () => toyLearner({ listeners: [listener(), listener()] }).run(QUIET),
  'a filter that matches nothing': () =>
    toyLearner({ optimizers: [new ParameterOptimizer({ optimizer: new SGD(), filter })] }).run(QUIET),
  'a regex that does not compile': () => new RegexParameterFilter({ includes: ['weight('] }),
  'a missing sampler': () => new ToyTrainer({ sampler: undefined } as never),
  '`maxEpochs: "10"`': () => toyLearner({ maxEpochs: '10' } as never),
  'a model that returns the wrong shape': () => toyLearner({ trainer: new WrongShape() }).run(QUIET),
  'a checkpoint of another model': loadOther,
  'a device that is absent': () => toyLearner({ device: new CudaDevice() }).run(QUIET),
  'a loss that is not a scalar': () => toyLearner({ trainer: new NotScalar() }).run(QUIET),
};

const page = readFileSync(new URL('../../docs/learning.md', import.meta.url), 'utf8');
const rows = [
  ...page.slice(page.indexOf('## Ten mistakes')).matchAll(/^\| (.+?) \| `(.+?)` \| .+ \|$/gm),
].map(([, mistake, message]) => [mistake as string, message as string] as const);

async function messageOf(fn: () => unknown): Promise<string> {
  try {
    await fn();
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
}

describe('each mistake says what is wrong and what to change', () => {
  test('the table has them all', () => {
    expect(rows.map(([mistake]) => mistake)).toEqual(Object.keys(mistakes));
  });

  test.each(rows)('%s', async (mistake, wanted) => {
    if (mistake === 'a device that is absent' && isAvailable()) return;
    const message = await messageOf(mistakes[mistake] as () => unknown);
    expect(message.replace(/\S*(?=\/model\.safetensors)/, '…')).toBe(wanted);
  });
});

test('nothing is written for a run that is refused', async () => {
  const path = join(newDirectory(), 'run');
  expect(await messageOf(() => toyLearner({ optimizers: [] }).run({ path, ...QUIET }))).toMatch('optimizers');
  expect(existsSync(path)).toBe(false);
});
