/** Training of a dual scorer on triples of a TSV file; reference/ranking.py does the same in Python. */
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { AdamW, getOptimizers, Learner, Random } from '../../lib/learning/index.ts';
import { DualScorer, PairwiseTrainer, TripletBasedSampler } from '../../lib/letor/index.ts';
import * as torch from '../../lib/torch/index.ts';
import type { Loop } from './loops.ts';

const ROWS = 8192;
const BATCH_SIZE = 32;

interface Texted {
  readonly text: string;
}

function wordsOf(texts: readonly Texted[], width: number): torch.Tensor {
  const all = new BigInt64Array(texts.length * width);
  for (const [i, { text }] of texts.entries()) {
    const words = text.toLowerCase().split(' ');
    const count = Math.min(width, words.length);
    for (let j = 0; j < count; j++) all[i * width + j] = BigInt((crc32(words[j] as string) % (ROWS - 1)) + 1);
  }
  return torch.fromTypedArray(all, [texts.length, width]);
}

/** The mean of the words' vectors through a layer. */
class HashedWords extends DualScorer {
  readonly words = new torch.nn.EmbeddingBag(ROWS, 64, { mode: 'mean', paddingIdx: 0 });
  readonly layer = new torch.nn.Linear(64, 64);

  collateTopics(topics: readonly Texted[]): torch.Tensor {
    return wordsOf(topics, 16);
  }

  collateDocuments(documents: readonly Texted[]): torch.Tensor {
    return wordsOf(documents, 144);
  }

  encodeTopics(words: unknown): torch.Tensor {
    return this.#encode(words as torch.Tensor);
  }

  encodeDocuments(words: unknown): torch.Tensor {
    return this.#encode(words as torch.Tensor);
  }

  #encode(words: torch.Tensor): torch.Tensor {
    return this.layer.forward(this.words.forward(words)).tanh();
  }
}

/** Trains from the beginning each time; gives the loss of the last step. */
export function ranking(): Loop {
  const file = join(dirname(process.env.XPMIR_BENCH_TEXTS as string), 'triples.tsv');
  return async (steps) => {
    torch.manualSeed(7);
    const model = new HashedWords();
    const learner = new Learner({
      random: new Random({ seed: 1 }),
      model,
      trainer: new PairwiseTrainer({
        sampler: new TripletBasedSampler({ file, texts: true }),
        batchSize: BATCH_SIZE,
      }),
      optimizers: getOptimizers(new AdamW({ lr: 1e-3, fused: true })),
      listeners: [],
      maxEpochs: 1,
      stepsPerEpoch: steps,
    });
    let last = Number.NaN;
    await learner.run({
      progress: (event) => {
        if (event.type === 'step') last = event.metrics.get('pair-cross-entropy') as number;
      },
    });
    for (const parameter of model.parameters()) parameter.dispose();
    return last;
  };
}
