/** Steps that depend on what JavaScript changes: compiled anew, or not at all, and never otherwise than as they were. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { StepTrainingHook } from '../../lib/learning/index.ts';
import { compile } from '../../lib/torch/compile/compile.ts';
import { F } from '../../lib/torch/functions.ts';
import { noGrad } from '../../lib/torch/modes.ts';
import type { Dropout } from '../../lib/torch/nn/layers/dropout.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import {
  type Batch,
  collated,
  compiledSteps,
  type Made,
  type Net,
  NetTrainer,
  outcome,
} from './compiledNet.ts';
import type { Example } from './toy.ts';

beforeAll(() => setNumThreads(1));

/** The loss, by what `factor` says. */
abstract class Weighted extends NetTrainer {
  abstract factor(): number | Tensor;
  protected override trainBatch({ x, y }: Batch): void {
    const loss = F.mseLoss((this.trainedModel as Net).forward(x), y);
    this.context.addLoss('mse', loss.mul(this.factor() as number));
  }
}

class ByEpoch extends Weighted {
  factor = () => (this.context.state.epoch <= 2 ? 1 : 0.1);
}

class BySteps extends Weighted {
  factor = () => Math.max(1, this.context.state.steps - 15);
}

class Counting extends Weighted {
  calls = 0;
  factor(): number {
    this.calls++;
    return this.calls > 10 ? 2 : 1;
  }
}

/** Something else sets its field. */
class Told extends Weighted {
  weight = 1;
  factor(): number {
    return this.weight;
  }
}

/** Depends on a module outside of the model. */
class Taught extends Weighted {
  readonly teacher = new Linear(2, 1).train();
  factor(): number {
    return this.teacher.training ? 1 : 3;
  }
}

class At extends StepTrainingHook {
  readonly #step: number;
  readonly #fn: () => void;
  constructor(step: number, fn: () => void) {
    super();
    this.#step = step;
    this.#fn = fn;
  }
  override before(context: { readonly state: { readonly steps: number } }): void {
    if (context.state.steps === this.#step) this.#fn();
  }
}

/** Made by `trainer`, and changed before a step. */
function changing<T extends NetTrainer>(make: () => T, change: (trainer: T) => void): Made {
  let trainer: T | undefined;
  return {
    trainer: () => {
      trainer = make();
      return trainer;
    },
    hooks: () => [new At(14, () => change(trainer as T))],
  };
}

const model = (trainer: NetTrainer) => (trainer as unknown as { trainedModel: Net }).trainedModel;

const depending: Readonly<Record<string, Made>> = {
  'the epoch': { trainer: () => new ByEpoch() },
  'the number of steps': { trainer: () => new BySteps() },
  'a field that it changes': { trainer: () => new Counting() },
  'a field that a hook changes': changing(
    () => new Told(),
    (trainer) => {
      trainer.weight = 5;
    },
  ),
  'a module outside of the model': changing(
    () => new Taught(),
    (trainer) => void trainer.teacher.eval(),
  ),
  'the rate of a dropout': changing(
    () => new NetTrainer(),
    (trainer) => {
      (model(trainer).dropout as { p: Dropout['p'] }).p = 0.9;
    },
  ),
  'a forward that was replaced': changing(
    () => new NetTrainer(),
    (trainer) => {
      const net = model(trainer);
      net.forward = (x) => net.last.forward(net.first.forward(x).relu());
    },
  ),
  'a gradient hook': changing(
    () => new NetTrainer(),
    (trainer) => void model(trainer).first.weight.registerHook((gradient) => gradient.mul(0)),
  ),
};

describe('trainBatch depends on', () => {
  test.each(Object.entries(depending))(
    '%s',
    async (_, made) => {
      const { warnings: __, ...compiled } = await outcome(made, true, [2, 4]);
      const { warnings: ___, ...eager } = await outcome(made, false, [2, 4]);
      expect(compiled).toEqual(eager);
    },
    60_000,
  );

  test('the epoch, and is compiled within each', async () => {
    const made: Made = { trainer: () => new ByEpoch(), stepsPerEpoch: 20 };
    let warnings: readonly string[] = ['none'];
    const count = await compiledSteps(async () => {
      ({ warnings } = await outcome(made, true, [4]));
    });
    expect(count).toBeGreaterThan(50);
    expect(warnings).toEqual([]);
  }, 60_000);
});

class Noisy extends NetTrainer {
  protected override collate(records: readonly Example[]): Batch {
    const { x, y } = collated(records);
    return { x: x.add(F.randn(x.shape).mul(0.1)), y };
  }
}

class Scheduled extends NetTrainer {
  protected override collate(records: readonly Example[]): Batch {
    const { x, y } = collated(records);
    return { x: x.mul(1 + this.context.state.steps / 10), y };
  }
}

class PseudoLabelled extends NetTrainer {
  protected override collate(records: readonly Example[]): Batch {
    const { x, y } = collated(records);
    return { x, y: y.add(noGrad(() => (this.trainedModel as Net).first.forward(x).mean(1, true))) };
  }
}

class Remembering extends NetTrainer {
  records: readonly Example[] = [];
  protected override collate(records: readonly Example[]): Batch {
    this.records = records;
    return collated(records);
  }
  protected override trainBatch(batch: Batch): void {
    super.trainBatch(batch);
    this.context.addMetric(
      'sum',
      this.records.reduce((sum, { y }) => sum + y, 0),
    );
  }
}

describe('collate', () => {
  test.each([
    ['draws random numbers', () => new Noisy()],
    ['asks for the state of the run', () => new Scheduled()],
    ['computes with the model', () => new PseudoLabelled()],
    ['keeps something in the trainer', () => new Remembering()],
  ])(
    '%s',
    async (_, trainer) => {
      const { warnings: __, ...compiled } = await outcome({ trainer }, true, [1, 3]);
      const { warnings: ___, ...eager } = await outcome({ trainer }, false, [1, 3]);
      expect(compiled).toEqual(eager);
    },
    60_000,
  );

  test('draws random numbers for the first time late in the run: in the order of steps', async () => {
    class Masking extends NetTrainer {
      #made = 0;
      protected override collate(records: readonly Example[]): Batch {
        const { x, y } = collated(records);
        return { x: ++this.#made === 14 ? x.add(F.rand([1])) : x, y };
      }
    }
    const made = { trainer: () => new Masking(), stepsPerEpoch: 20 };
    const eager = await outcome(made, false, [2]);
    for (let i = 0; i < 3; i++) expect(await outcome(made, true, [2])).toEqual(eager);
  });

  test('gives a tensor that is not of this batch alone, which stays', async () => {
    class Masked extends NetTrainer {
      readonly #ones = F.ones([4, 2]);
      protected override collate(records: readonly Example[]): Batch & { readonly mask: Tensor } {
        return { ...collated(records), mask: this.#ones };
      }
      protected override trainBatch(batch: Batch & { readonly mask?: Tensor }): void {
        super.trainBatch({ ...batch, x: batch.x.mul(batch.mask as Tensor) });
      }
    }
    const made: Made = { trainer: () => new Masked() };
    expect(await outcome(made, true)).toEqual(await outcome(made, false));
  }, 60_000);

  test('calls a compiled function, which runs without JavaScript there too', async () => {
    let calls = 0;
    const centred = compile((x: Tensor) => {
      calls++;
      return x.sub(x.mean());
    });
    class Centring extends NetTrainer {
      protected override async collate(records: readonly Example[]): Promise<Batch> {
        const { x, y } = collated(records);
        return { x: await centred(x), y };
      }
    }
    const made: Made = { trainer: () => new Centring(), stepsPerEpoch: 30 };
    const compiled = await outcome(made, true);
    expect(calls).toBeLessThan(20);
    expect(compiled).toEqual(await outcome(made, false));
  }, 60_000);
});
