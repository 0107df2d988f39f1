/** Training with the Learner, on data in memory; reference/learners.py trains the same models in Python. */
import {
  AdamW,
  Device,
  getOptimizers,
  Learner,
  LossTrainer,
  Random,
  type RandomState,
  Sampler,
  SkippingIterator,
  type TrainerContext,
} from '../../lib/learning/index.ts';
import * as torch from '../../lib/torch/index.ts';
import type { Loop } from './loops.ts';
import {
  AttentiveTagger,
  CrossEncoder,
  DroppingMlp,
  DualEncoder,
  Knrm,
  LstmTagger,
  Mlp,
  type Model,
} from './models.ts';
import { pairTensors, type Text, textsOf } from './texts.ts';

type Tensor = torch.Tensor;

/** A row of each tensor that a batch has. */
type Row = readonly (Float32Array | BigInt64Array)[];

/** What PyTorch's generator gives once the model is there: masks of dropouts depend on it. */
const SEED_OF_STEPS = 11;

/** Records in their order, pass after pass. */
class InOrder<T> extends Sampler<T> {
  readonly #records: readonly T[];
  constructor(records: readonly T[]) {
    super();
    this.#records = records;
  }
  iterate() {
    return new SkippingIterator(() => this.#records);
  }
}

abstract class ModelTrainer<T> extends LossTrainer<T, readonly Tensor[]> {
  override initialize(random: RandomState, context: TrainerContext): void {
    super.initialize(random, context);
    torch.manualSeed(SEED_OF_STEPS);
  }

  protected override trainBatch(batch: readonly Tensor[]): void {
    this.context.addLoss('loss', (this.trainedModel as Model).lossOf(batch));
  }
}

class RowTrainer extends ModelTrainer<Row> {
  protected override collate(rows: readonly Row[]): readonly Tensor[] {
    return (rows[0] as Row).map((first, column) => {
      const size = first.length;
      const Kind = first.constructor as Float32ArrayConstructor;
      const all = new Kind(rows.length * size);
      for (const [i, row] of rows.entries()) all.set(row[column] as Float32Array, i * size);
      return torch.fromTypedArray(all, [rows.length, size]);
    });
  }
}

/** Queries and documents as one text each, cut into words in every batch. */
class TextTrainer extends ModelTrainer<Text> {
  protected override collate(texts: readonly Text[]): readonly Tensor[] {
    return pairTensors(texts);
  }
}

/** What each case trains: its model, and what it learns from, made by libtorch's generator as in Python. */
interface Setting {
  readonly model: () => Model;
  readonly trainer: () => LossTrainer<Row, readonly Tensor[]> | LossTrainer<Text, readonly Tensor[]>;
}

const BATCH_SIZE = 16;

const words = (rows: number, length: number, bound: number) => torch.randint(0, bound, [rows, length]);

const rows = (data: () => readonly Tensor[]) => () =>
  new RowTrainer({ sampler: new InOrder(torch.tidy(() => rowsOf(data()))), batchSize: BATCH_SIZE });

const texts = () => new TextTrainer({ sampler: new InOrder(textsOf()), batchSize: BATCH_SIZE });

const numbers = rows(() => [torch.randn([256, 64]), torch.randn([256, 1])]);
const sentences = rows(() => [words(256, 32, 1000), words(256, 1, 10)]);

export const settings: Readonly<Record<string, Setting>> = {
  mlp: { model: () => new Mlp(), trainer: numbers },
  'mlp-dropout': { model: () => new DroppingMlp(), trainer: numbers },
  knrm: {
    model: () => new Knrm(5000, 64),
    trainer: rows(() => [words(256, 10, 5000), words(256, 50, 5000), words(256, 50, 5000)]),
  },
  'knrm-small': {
    model: () => new Knrm(500, 32),
    trainer: rows(() => [words(256, 4, 500), words(256, 16, 500), words(256, 16, 500)]),
  },
  lstm: { model: () => new LstmTagger(), trainer: sentences },
  'lstm-attention': { model: () => new AttentiveTagger(), trainer: sentences },
  'cross-encoder': {
    model: () => new CrossEncoder(),
    trainer: rows(() => [words(64, 128, 30522), torch.rand([64, 1]).round()]),
  },
  'cross-encoder-texts': { model: () => new CrossEncoder(), trainer: texts },
  'dual-encoder': {
    model: () => new DualEncoder(),
    trainer: rows(() => [words(64, 16, 30522), words(64, 64, 30522)]),
  },
};

function rowsOf(tensors: readonly Tensor[]): Row[] {
  const columns = tensors.map((tensor) => tensor.unbind(0).map((row) => row.toTypedArray()));
  return (columns[0] as readonly unknown[]).map(
    (_, i) => columns.map((column) => column[i]) as unknown as Row,
  );
}

export interface LearnerOptions {
  readonly compile?: boolean;
  readonly cudaGraphs?: boolean;
  /** Default: the CPU. */
  readonly device?: Device;
  readonly precision?: '32-true' | 'bf16-mixed';
}

/** A learner for a number of steps, from the same weights each time. */
export function newLearner(name: string, steps: number, options: LearnerOptions = {}): Learner {
  const { model, trainer } = settings[name] as Setting;
  const { compile = true, cudaGraphs = false, device = new Device(), precision = '32-true' } = options;
  torch.manualSeed(7);
  return new Learner({
    random: new Random({ seed: 1 }),
    model: model(),
    trainer: trainer(),
    optimizers: getOptimizers(new AdamW({ lr: 1e-3, fused: true })),
    listeners: [],
    maxEpochs: 1,
    stepsPerEpoch: steps,
    compile,
    cudaGraphs,
    device,
    precision,
  });
}

/** Trains from the beginning each time; gives the loss of the last step. What is made before is not measured. */
export function learning(name: string): () => Loop {
  return () => {
    const made = new Map<number, Learner>();
    const train = async (steps: number, settled = 0, mark = () => {}) => {
      const learner = made.get(steps) ?? newLearner(name, steps);
      made.delete(steps);
      let last = Number.NaN;
      await learner.run({
        progress: (event) => {
          if (event.type !== 'step') return;
          if (event.state.steps === settled) mark();
          if (event.state.steps === steps) last = event.metrics.get('loss') as number;
        },
      });
      for (const parameter of learner.model.parameters()) parameter.dispose();
      return last;
    };
    return Object.assign(train, {
      prepare: (steps: number) => {
        made.set(steps, newLearner(name, steps));
      },
    });
  };
}
