/** Steps on the CPU below autograd: forward and backward as one list of operators, with the bits of the step as it was. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { AdamW, GradientClippingHook, GradientLogHook, type Hook, SGD } from '../../lib/learning/index.ts';
import { autocast } from '../../lib/torch/amp.ts';
import { F } from '../../lib/torch/functions.ts';
import { BatchNorm1d } from '../../lib/torch/nn/layers/batchNorm.ts';
import { Conv1d } from '../../lib/torch/nn/layers/conv.ts';
import { Dropout } from '../../lib/torch/nn/layers/dropout.ts';
import { Embedding } from '../../lib/torch/nn/layers/embedding.ts';
import { Linear } from '../../lib/torch/nn/layers/linear.ts';
import { LSTM } from '../../lib/torch/nn/layers/rnn.ts';
import { TransformerEncoderLayer } from '../../lib/torch/nn/layers/transformer.ts';
import { Module } from '../../lib/torch/nn/module.ts';
import { Parameter } from '../../lib/torch/nn/parameter.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { compiledSteps, graphsOf, type Made, one, outcome } from './compiledNet.ts';

beforeAll(() => setNumThreads(1));

const random = (shape: readonly number[]) => new Parameter(F.randn([...shape]).mul(0.3));

/** Two parameters that autograd gives one and the same gradient. */
class Shared extends Module {
  readonly a = random([4, 2]);
  readonly b = random([4, 2]);
  forward(x: Tensor): Tensor {
    return x.mm(this.a.add(this.b).t()).tanh().sum(1, true);
  }
}

/** The gradient of a weight comes with its columns one after the other. */
class Columns extends Module {
  readonly weight = random([2, 8]);
  readonly scale = random([8]);
  readonly offset = random([]);
  forward(x: Tensor): Tensor {
    return x.matmul(this.weight).mul(this.scale).cos().sum(1, true).add(this.offset);
  }
}

class Convolved extends Module {
  readonly conv = new Conv1d(1, 4, 3, { padding: 1 });
  readonly norm = new BatchNorm1d(4);
  readonly dropout = new Dropout(0.2);
  readonly last = new Linear(8, 1);
  forward(x: Tensor): Tensor {
    const hidden = this.dropout.forward(this.norm.forward(this.conv.forward(x.unsqueeze(1))).relu());
    return this.last.forward(hidden.flatten(1));
  }
}

class Attentive extends Module {
  readonly words = new Embedding(16, 8);
  readonly layer = new TransformerEncoderLayer(8, 2, { dimFeedforward: 16, dropout: 0.1, batchFirst: true });
  readonly lstm = new LSTM(8, 8, { batchFirst: true });
  readonly last = new Linear(8, 1);
  forward(x: Tensor): Tensor {
    const words = x.mul(4).abs().to('int64').clamp(0, 15);
    const [states] = this.lstm.forward(this.layer.forward(this.words.forward(words)));
    return this.last.forward(states.mean(1));
  }
}

/** What stays as it is, and what is trained of it. */
class Frozen extends Module {
  readonly first = new Linear(2, 8);
  readonly last = new Linear(8, 1);
  constructor() {
    super();
    this.first.weight.requiresGrad = false;
  }
  forward(x: Tensor): Tensor {
    return this.last.forward(this.first.forward(x).sigmoid());
  }
}

const models: Readonly<Record<string, () => Module>> = {
  'one gradient for two parameters': () => new Shared(),
  'gradients laid out otherwise': () => new Columns(),
  'convolution, normalisation, dropout': () => new Convolved(),
  'attention and an LSTM': () => new Attentive(),
  'a frozen weight': () => new Frozen(),
};

const hooks = (): readonly Hook[] => [
  new GradientLogHook({ name: 'norm' }),
  new GradientClippingHook({ maxNorm: 0.05 }),
];

const ways: Readonly<Record<string, Partial<Made>>> = {
  'AdamW, clipped': { hooks },
  'SGD over two batches, clipped': {
    hooks,
    accumulateGradBatches: 2,
    optimizers: () => one(new SGD({ lr: 0.1 })),
  },
  bfloat16: { precision: 'bf16-mixed', optimizers: () => one(new AdamW({ lr: 1e-2, fused: true })) },
};

/** Under autocast, oneDNN computes an LSTM in bfloat16 on some CPUs only; on the others PyTorch fails in Python too. */
function hasBfloat16Lstm(): boolean {
  try {
    tidy(() => autocast('cpu', () => void new LSTM(8, 8).forward(F.zeros([1, 1, 8]))));
    return true;
  } catch {
    return false;
  }
}

const itBfloat16Lstm = hasBfloat16Lstm() ? test : test.skip;

describe.each(Object.entries(models))('%s', (_, model) => {
  for (const [name, way] of Object.entries(ways)) {
    const isLowLstm = model === models['attention and an LSTM'] && way.precision === 'bf16-mixed';
    (isLowLstm ? itBfloat16Lstm : test)(
      `${name}: the bits of the step as it was`,
      async () => {
        const made: Made = { ...way, model, stepsPerEpoch: 12 };
        let compiled: Awaited<ReturnType<typeof outcome>> | undefined;
        let graphs = 0;
        const count = await compiledSteps(async () => {
          graphs = await graphsOf(async () => {
            compiled = await outcome(made, true, [1, 2]);
          });
        });
        expect(compiled).toEqual(await outcome(made, false, [1, 2]));
        expect(compiled?.warnings).toEqual([]);
        expect(count).toBeGreaterThan(10);
        expect(graphs).toBe(1);
      },
      120_000,
    );
  }
});
