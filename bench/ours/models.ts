/** The models that both sides train; reference/models.py says the same in Python. */
import * as torch from '../../lib/torch/index.ts';

const { nn } = torch;
const F = nn.functional;
type Tensor = torch.Tensor;

export interface Model extends torch.nn.Module {
  lossOf(batch: readonly Tensor[]): Tensor;
}

export class Mlp extends nn.Module implements Model {
  readonly layers = new nn.Sequential(new nn.Linear(64, 128), new nn.ReLU(), new nn.Linear(128, 1));
  forward(x: Tensor): Tensor {
    return this.layers.forward(x) as Tensor;
  }
  lossOf([x, y]: readonly [Tensor, Tensor]): Tensor {
    return F.mseLoss(this.forward(x), y);
  }
}

/** The same with a dropout between its layers. */
export class DroppingMlp extends nn.Module implements Model {
  readonly layers = new nn.Sequential(
    new nn.Linear(64, 128),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(128, 1),
  );
  forward(x: Tensor): Tensor {
    return this.layers.forward(x) as Tensor;
  }
  lossOf([x, y]: readonly [Tensor, Tensor]): Tensor {
    return F.mseLoss(this.forward(x), y);
  }
}

/** Kernel pooling (Xiong et al., 2017): 11 kernels over the cosines of query and document words. */
export class Knrm extends nn.Module implements Model {
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

export class LstmTagger extends nn.Module implements Model {
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

/** An LSTM, a layer of attention over its states with a dropout behind, and the mean. */
export class AttentiveTagger extends nn.Module implements Model {
  readonly words = new nn.Embedding(1000, 32);
  readonly lstm = new nn.LSTM(32, 32, { batchFirst: true });
  readonly layer = new Layer(32, 4);
  readonly dropout = new nn.Dropout(0.1);
  readonly last = new nn.Linear(32, 10);
  lossOf([words, label]: readonly [Tensor, Tensor]): Tensor {
    const [states] = this.lstm.forward(this.words.forward(words)); // [B, L, D]
    const pooled = this.dropout.forward(this.layer.forward(states)).mean(1); // [B, D]
    return F.crossEntropy(this.last.forward(pooled), label.squeeze(1));
  }
  forward(): never {
    throw new Error('not called');
  }
}

/** BERT-mini: 4 layers of 256 with 4 heads. */
class Encoder extends nn.Module {
  readonly words = new nn.Embedding(30522, 256);
  readonly places = new nn.Embedding(512, 256);
  readonly norm = new nn.LayerNorm([256]);
  readonly layers = new nn.ModuleList([1, 2, 3, 4].map(() => new Layer(256, 4)));
  forward(words: Tensor): Tensor {
    const places = torch.arange(words.shape[1] as number, { device: words.device });
    let x = this.norm.forward(this.words.forward(words).add(this.places.forward(places)));
    for (const layer of this.layers as Iterable<Layer>) x = layer.forward(x);
    return x;
  }
}

export class CrossEncoder extends nn.Module implements Model {
  readonly encoder = new Encoder();
  readonly head = new nn.Linear(256, 1);
  forward(words: Tensor): Tensor {
    return this.head.forward(this.encoder.forward(words).select(1, 0)).squeeze(1);
  }
  lossOf([words, label]: readonly [Tensor, Tensor]): Tensor {
    return F.binaryCrossEntropyWithLogits(this.forward(words), label.squeeze(1));
  }
}

export class DualEncoder extends nn.Module implements Model {
  readonly encoder = new Encoder();
  forward(words: Tensor): Tensor {
    return F.normalize(this.encoder.forward(words).mean(1), { dim: 1 });
  }
  lossOf([queries, documents]: readonly [Tensor, Tensor]): Tensor {
    const scores = this.forward(queries).mm(this.forward(documents).t()).mul(20);
    return F.crossEntropy(scores, torch.arange(scores.shape[0] as number));
  }
}
