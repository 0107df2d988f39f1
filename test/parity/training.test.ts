/**
 * One training of 200 steps (embedding, layer norm, dropout, AdamW, clipping, warm-up) against PyTorch: from the same seed
 * come the same parameters, batches, losses and trained parameters, to the bit. Recorded by scripts/fixtures/training.py.
 */

import { beforeAll, describe, expect, test } from '@jest/globals';
import { F } from '../../lib/torch/functions.ts';
import * as nn from '../../lib/torch/nn/index.ts';
import { clipGradNorm_ } from '../../lib/torch/nn/utils.ts';
import { AdamW, CosineAnnealingLR, LinearLR, SequentialLR } from '../../lib/torch/optim/index.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import { keep, memory, tidy } from '../../lib/torch/scope.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';
import { setNumThreads } from '../../lib/torch/threads.ts';
import { comparison, type RecordedOn } from '../support/cpu.ts';
import { loadFixture, type TensorEntry } from '../support/fixtures.ts';

interface Run {
  readonly fused: boolean;
  readonly initial: Readonly<Record<string, TensorEntry>>;
  readonly losses: TensorEntry;
  readonly norms: TensorEntry;
  readonly rates: readonly number[];
  readonly final: Readonly<Record<string, TensorEntry>>;
  readonly after: TensorEntry;
}

const fixture = loadFixture<RecordedOn & { seed: number; runs: readonly Run[] }>('training.json.gz');
const expectEqual = comparison(fixture);
const STEPS = 200;

class Classifier extends nn.Module {
  readonly embedding = new nn.Embedding(50, 24);
  readonly norm = new nn.LayerNorm(24);
  readonly inner = new nn.Linear(24, 48);
  readonly dropout = new nn.Dropout(0.2);
  readonly outer = new nn.Linear(48, 24);
  readonly last_norm = new nn.LayerNorm(24);
  readonly head = new nn.Linear(24, 5);

  override forward(tokens: Tensor): Tensor {
    const x = this.norm.forward(this.embedding.forward(tokens));
    const hidden = this.dropout.forward(F.gelu(this.inner.forward(x)));
    const y = x.add(this.outer.forward(hidden));
    const pooled = this.dropout.forward(this.last_norm.forward(y).mean(1));
    return this.head.forward(pooled.tanh());
  }
}

function expectState(model: nn.Module, wanted: Readonly<Record<string, TensorEntry>>, when: string): void {
  const state = model.stateDict();
  expect([...state.keys()]).toEqual(Object.keys(wanted));
  for (const [name, entry] of Object.entries(wanted)) expectEqual(state.get(name)!, entry, `${name} ${when}`);
}

beforeAll(() => setNumThreads(1));

describe('200 steps', () => {
  test.each(fixture.runs.map((run) => [run.fused ? 'fused' : 'default', run] as const))(
    'AdamW, %s',
    (_, run) => {
      manualSeed(fixture.seed);
      const model = new Classifier();
      expectState(model, run.initial, 'at the beginning');
      const params = [...model.parameters()];
      const optimizer = new AdamW(
        [
          { params: params.filter((param) => param.ndim > 1) },
          { params: params.filter((param) => param.ndim <= 1), weightDecay: 0 },
        ],
        { lr: 5e-3, weightDecay: 0.05, fused: run.fused },
      );
      const warmup = new LinearLR(optimizer, { startFactor: 0.05, totalIters: 20 });
      const decay = new CosineAnnealingLR(optimizer, STEPS - 20);
      const scheduler = new SequentialLR(optimizer, [warmup, decay], [20]);
      const losses: Tensor[] = [];
      const norms: Tensor[] = [];
      const rates: number[] = [];
      let live = 0;
      for (let step = 0; step < STEPS; step++) {
        tidy(() => {
          const labels = F.randint(0, 5, [16]);
          const noise = F.randint(0, 50, [16, 3]);
          const signal = F.randint(0, 10, [16, 4]).mul(5).add(labels.unsqueeze(1));
          const tokens = F.cat([signal, noise], 1);
          optimizer.zeroGrad();
          const loss = nn.functional.crossEntropy(model.forward(tokens), labels);
          loss.backward();
          norms.push(keep(clipGradNorm_(model.parameters(), 1)));
          rates.push(optimizer.paramGroups[0]!.lr);
          optimizer.step();
          scheduler.step();
          losses.push(keep(loss.detach()));
        });
        // Each step keeps its loss and its norm, and nothing else once the state is there.
        if (step === 0) live = memory().tensors;
        else expect(memory().tensors).toBe(live + 2 * step);
      }
      expectEqual(F.stack(losses), run.losses, 'losses');
      expectEqual(F.stack(norms), run.norms, 'norms');
      expect(rates).toEqual(run.rates);
      expectState(model, run.final, 'at the end');
      expectEqual(F.rand([4]), run.after, 'the random numbers that follow');
    },
  );
});
