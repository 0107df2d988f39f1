/** Training with the Learner, on data in memory; reference/learners.py trains the same models in Python. */
import {
  AdamW,
  getOptimizers,
  Learner,
  LossTrainer,
  Random,
  Sampler,
  SkippingIterator,
} from '../../lib/learning/index.ts';
import * as torch from '../../lib/torch/index.ts';
import type { Loop } from './loops.ts';

const { nn } = torch;
const F = nn.functional;
type Tensor = torch.Tensor;

/** A row of each tensor that a batch has. */
type Row = readonly (Float32Array | BigInt64Array)[];

interface Model extends torch.nn.Module {
  lossOf(batch: readonly Tensor[]): Tensor;
}

/** Records in their order, pass after pass. */
class InOrder extends Sampler<Row> {
  readonly #rows: readonly Row[];
  constructor(rows: readonly Row[]) {
    super();
    this.#rows = rows;
  }
  iterate() {
    return new SkippingIterator(() => this.#rows);
  }
}

class RowTrainer extends LossTrainer<Row, readonly Tensor[]> {
  protected override collate(rows: readonly Row[]): readonly Tensor[] {
    return (rows[0] as Row).map((first, column) => {
      const size = first.length;
      const Kind = first.constructor as Float32ArrayConstructor;
      const all = new Kind(rows.length * size);
      for (const [i, row] of rows.entries()) all.set(row[column] as Float32Array, i * size);
      return torch.fromTypedArray(all, [rows.length, size]);
    });
  }

  protected override trainBatch(batch: readonly Tensor[]): void {
    this.context.addLoss('loss', (this.trainedModel as Model).lossOf(batch));
  }
}

class Mlp extends nn.Module implements Model {
  readonly layers = new nn.Sequential(new nn.Linear(64, 128), new nn.ReLU(), new nn.Linear(128, 1));
  forward(x: Tensor): Tensor {
    return this.layers.forward(x) as Tensor;
  }
  lossOf([x, y]: readonly [Tensor, Tensor]): Tensor {
    return F.mseLoss(this.forward(x), y);
  }
}

/** Kernel pooling (Xiong et al., 2017): 11 kernels over the cosines of query and document words. */
class Knrm extends nn.Module implements Model {
  readonly words: torch.nn.Embedding;
  readonly last: torch.nn.Linear;

  constructor(vocabulary: number, dim: number) {
    super();
    this.words = new nn.Embedding(vocabulary, dim);
    this.last = new nn.Linear(11, 1);
    const means = [1, ...Array.from({ length: 10 }, (_, i) => (9 - 2 * i) / 10)];
    const widths = [1e-3, ...means.slice(1).map(() => 0.1)];
    this.registerBuffer('mu', torch.tensor(means));
    this.registerBuffer('sigma', torch.tensor(widths));
  }

  forward(query: Tensor, document: Tensor): Tensor {
    const [mu, sigma] = this.buffers() as [Tensor, Tensor];
    const q = F.normalize(this.words.forward(query), { dim: 2 }); // [B, Q, D]
    const d = F.normalize(this.words.forward(document), { dim: 2 }); // [B, L, D]
    const cosines = q.bmm(d.transpose(1, 2)).unsqueeze(3); // [B, Q, L, 1]
    const pooled = cosines.sub(mu).square().div(sigma.square().mul(-2)).exp().sum(2); // [B, Q, 11]
    return this.last.forward(pooled.clamp(1e-10).log().mul(0.01).sum(1)).squeeze(1); // [B]
  }

  lossOf([query, positive, negative]: readonly [Tensor, Tensor, Tensor]): Tensor {
    const margin = this.forward(query, positive).sub(this.forward(query, negative));
    return margin.neg().add(1).relu().mean();
  }
}

class LstmTagger extends nn.Module implements Model {
  readonly words = new nn.Embedding(1000, 64);
  readonly lstm = new nn.LSTM(64, 64, { batchFirst: true });
  readonly last = new nn.Linear(64, 10);
  lossOf([words, label]: readonly [Tensor, Tensor]): Tensor {
    const [states] = this.lstm.forward(this.words.forward(words));
    return F.crossEntropy(this.last.forward(states.select(1, -1)), label.squeeze(1));
  }
  forward(): never {
    throw new Error('not called');
  }
}

/** A layer of BERT: attention and a feed-forward network, each with a residual and a normalisation after it. */
class Layer extends nn.Module {
  readonly qkv: torch.nn.Linear;
  readonly out: torch.nn.Linear;
  readonly norm1: torch.nn.LayerNorm;
  readonly up: torch.nn.Linear;
  readonly down: torch.nn.Linear;
  readonly norm2: torch.nn.LayerNorm;
  readonly #heads: number;

  constructor(dim: number, heads: number) {
    super();
    this.qkv = new nn.Linear(dim, 3 * dim);
    this.out = new nn.Linear(dim, dim);
    this.norm1 = new nn.LayerNorm([dim]);
    this.up = new nn.Linear(dim, 4 * dim);
    this.down = new nn.Linear(4 * dim, dim);
    this.norm2 = new nn.LayerNorm([dim]);
    this.#heads = heads;
  }

  forward(x: Tensor): Tensor {
    const [batch, length, dim] = x.shape as [number, number, number];
    const parts = this.qkv
      .forward(x)
      .view([batch, length, 3, this.#heads, dim / this.#heads])
      .permute([2, 0, 3, 1, 4]);
    const [q, k, v] = parts.unbind(0) as [Tensor, Tensor, Tensor];
    const mixed = F.scaledDotProductAttention(q, k, v).transpose(1, 2).reshape([batch, length, dim]);
    const middle = this.norm1.forward(x.add(this.out.forward(mixed)));
    return this.norm2.forward(middle.add(this.down.forward(F.gelu(this.up.forward(middle)))));
  }
}

/** BERT-mini: 4 layers of 256 with 4 heads. */
class Encoder extends nn.Module {
  readonly words = new nn.Embedding(30522, 256);
  readonly places = new nn.Embedding(512, 256);
  readonly norm = new nn.LayerNorm([256]);
  readonly layers = new nn.ModuleList([1, 2, 3, 4].map(() => new Layer(256, 4)));
  forward(words: Tensor): Tensor {
    const places = torch.arange(words.shape[1] as number);
    let x = this.norm.forward(this.words.forward(words).add(this.places.forward(places)));
    for (const layer of this.layers as Iterable<Layer>) x = layer.forward(x);
    return x;
  }
}

class CrossEncoder extends nn.Module implements Model {
  readonly encoder = new Encoder();
  readonly head = new nn.Linear(256, 1);
  forward(words: Tensor): Tensor {
    return this.head.forward(this.encoder.forward(words).select(1, 0)).squeeze(1);
  }
  lossOf([words, label]: readonly [Tensor, Tensor]): Tensor {
    return F.binaryCrossEntropyWithLogits(this.forward(words), label.squeeze(1));
  }
}

class DualEncoder extends nn.Module implements Model {
  readonly encoder = new Encoder();
  forward(words: Tensor): Tensor {
    return F.normalize(this.encoder.forward(words).mean(1), { dim: 1 });
  }
  lossOf([queries, documents]: readonly [Tensor, Tensor]): Tensor {
    const scores = this.forward(queries).mm(this.forward(documents).t()).mul(20);
    return F.crossEntropy(scores, torch.arange(scores.shape[0] as number));
  }
}

/** What each case trains: its model, the tensors of all rows, and rows in a batch. */
interface Setting {
  readonly model: () => Model;
  /** Made by libtorch's generator, as in Python. */
  readonly data: () => readonly Tensor[];
  readonly batchSize: number;
}

const words = (rows: number, length: number, bound: number) => torch.randint(0, bound, [rows, length]);

export const settings: Readonly<Record<string, Setting>> = {
  mlp: {
    model: () => new Mlp(),
    data: () => [torch.randn([256, 64]), torch.randn([256, 1])],
    batchSize: 16,
  },
  knrm: {
    model: () => new Knrm(5000, 64),
    data: () => [words(256, 10, 5000), words(256, 50, 5000), words(256, 50, 5000)],
    batchSize: 16,
  },
  'knrm-small': {
    model: () => new Knrm(500, 32),
    data: () => [words(256, 4, 500), words(256, 16, 500), words(256, 16, 500)],
    batchSize: 16,
  },
  lstm: {
    model: () => new LstmTagger(),
    data: () => [words(256, 32, 1000), words(256, 1, 10)],
    batchSize: 16,
  },
  'cross-encoder': {
    model: () => new CrossEncoder(),
    data: () => [words(64, 128, 30522), torch.rand([64, 1]).round()],
    batchSize: 16,
  },
  'dual-encoder': {
    model: () => new DualEncoder(),
    data: () => [words(64, 16, 30522), words(64, 64, 30522)],
    batchSize: 16,
  },
};

function rowsOf(tensors: readonly Tensor[]): Row[] {
  const columns = tensors.map((tensor) => tensor.unbind(0).map((row) => row.toTypedArray()));
  return (columns[0] as readonly unknown[]).map(
    (_, i) => columns.map((column) => column[i]) as unknown as Row,
  );
}

/** A learner for a number of steps, from the same weights each time. */
export function newLearner(name: string, steps: number, compile = true): Learner {
  const { model, data, batchSize } = settings[name] as Setting;
  torch.manualSeed(7);
  const made = model();
  const rows = torch.tidy(() => rowsOf(data()));
  return new Learner({
    random: new Random({ seed: 1 }),
    model: made,
    trainer: new RowTrainer({ sampler: new InOrder(rows), batchSize }),
    optimizers: getOptimizers(new AdamW({ lr: 1e-3, fused: true })),
    listeners: [],
    maxEpochs: 1,
    stepsPerEpoch: steps,
    compile,
  });
}

/** Trains from the beginning each time; gives the loss of the last step. What is made before is not measured. */
export function learning(name: string): () => Loop {
  return () => {
    const made = new Map<number, Learner>();
    const train = async (steps: number) => {
      const learner = made.get(steps) ?? newLearner(name, steps);
      made.delete(steps);
      let last = Number.NaN;
      await learner.run({
        progress: (event) => {
          if (event.type === 'step' && event.state.steps === steps)
            last = event.metrics.get('loss') as number;
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
