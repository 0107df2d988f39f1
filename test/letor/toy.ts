/** Small models and records, for tests of trainers. */
import { config } from '../../lib/experiment/config.ts';
import { param } from '../../lib/experiment/parameters.ts';
import { enumeration, float, int } from '../../lib/experiment/types.ts';
import type { Document, Topic } from '../../lib/ir/types.ts';
import {
  Adam,
  Learner,
  type LearnerEvent,
  ParameterOptimizer,
  Random,
  ShuffledSampler,
} from '../../lib/learning/index.ts';
import type { ScoredPairs } from '../../lib/letor/index.ts';
import {
  DualScorer,
  type DuoRecords,
  DuoScorer,
  type PairwiseRecord,
  Scorer,
  ScorerOutputType,
} from '../../lib/letor/index.ts';
import { tensor } from '../../lib/torch/factories.ts';
import { F } from '../../lib/torch/functions.ts';
import * as nn from '../../lib/torch/nn/index.ts';
import { manualSeed } from '../../lib/torch/random.ts';
import type { Tensor } from '../../lib/torch/tensor.ts';

/** Words as places in a table of 64. */
export function words(texts: readonly string[], longest = 6): Tensor {
  const ids = texts.map((text) =>
    Array.from({ length: longest }, (_, i) => {
      const word = text.split(' ')[i] ?? '';
      return [...word].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 64, 0);
    }),
  );
  return tensor(Int32Array.from(ids.flat())).view([texts.length, longest]);
}

const text = ({ text }: { readonly text: string }) => text;

/** The mean of embeddings, with a layer and dropout behind it. */
export class HashDual extends config(
  import.meta,
  'test.letor.HashDual',
  { dropout: param(float, { default: 0 }), dim: param(int, { default: 8 }) },
  DualScorer,
) {
  readonly table = new nn.Embedding(64, this.dim);
  readonly layer = new nn.Linear(this.dim, this.dim);
  readonly drop = new nn.Dropout(this.dropout);

  collateTopics(topics: readonly Topic[]): Tensor {
    return words(topics.map(text));
  }

  collateDocuments(documents: readonly Document[]): Tensor {
    return words(documents.map(text));
  }

  encodeTopics(inputs: unknown): Tensor {
    return this.#encode(inputs as Tensor);
  }

  encodeDocuments(inputs: unknown): Tensor {
    return this.#encode(inputs as Tensor);
  }

  #encode(ids: Tensor): Tensor {
    const pooled = this.drop.forward(this.table.forward(ids).mean([1]));
    return this.layer.forward(pooled).relu();
  }
}

/** Scores pairs by a bilinear form of their means, as any kind of score. */
export class HashCross extends config(
  import.meta,
  'test.letor.HashCross',
  { kind: param(enumeration('test.letor.kind', ScorerOutputType), { default: ScorerOutputType.REAL }) },
  Scorer,
) {
  readonly table = new nn.Embedding(64, 8);
  readonly layer = new nn.Linear(8, 1);

  override get outputType(): ScorerOutputType {
    return this.kind;
  }

  collate({ topics, documents, pairs }: ScoredPairs) {
    const { topicIndices, documentIndices } = pairs ?? everyPair(topics.length, documents.length);
    return {
      topics: words(Array.from(topicIndices, (i) => topics[i]!.text)),
      documents: words(Array.from(documentIndices, (i) => documents[i]!.text)),
    };
  }

  override forward(inputs: unknown): Tensor {
    const { topics, documents } = inputs as { topics: Tensor; documents: Tensor };
    const mean = (ids: Tensor) => this.table.forward(ids).mean([1]);
    const scores = this.layer.forward(mean(topics).mul(mean(documents))).squeeze(1);
    if (this.kind === ScorerOutputType.REAL) return scores;
    return this.kind === ScorerOutputType.PROBABILITY ? scores.sigmoid() : F.logSigmoid(scores);
  }
}

/** Compares two documents. */
export class HashDuo extends config(
  import.meta,
  'test.letor.HashDuo',
  { kind: param(enumeration('test.letor.kind', ScorerOutputType), { default: ScorerOutputType.REAL }) },
  DuoScorer,
) {
  readonly table = new nn.Embedding(64, 8);

  override get outputType(): ScorerOutputType {
    return this.kind;
  }

  collate({ topics, first, second }: DuoRecords) {
    return {
      topics: words(topics.map(text)),
      first: words(first.map(text)),
      second: words(second.map(text)),
    };
  }

  override forward(inputs: unknown): Tensor {
    const { topics, first, second } = inputs as Record<string, Tensor>;
    const mean = (ids: Tensor) => this.table.forward(ids).mean([1]);
    const scores = mean(topics!)
      .mul(mean(first!).sub(mean(second!)))
      .sum(-1);
    if (this.kind === ScorerOutputType.REAL) return scores;
    return this.kind === ScorerOutputType.PROBABILITY ? scores.sigmoid() : F.logSigmoid(scores);
  }
}

function everyPair(T: number, N: number) {
  return {
    topicIndices: Int32Array.from({ length: T * N }, (_, i) => Math.floor(i / N)),
    documentIndices: Int32Array.from({ length: T * N }, (_, i) => i % N),
  };
}

const SUBJECTS = [
  'planes',
  'trees',
  'rivers',
  'stars',
  'boats',
  'birds',
  'stones',
  'roads',
  'books',
  'songs',
];

/** A topic on each subject, with a document on it and one on another. */
export const PAIRS: readonly PairwiseRecord[] = SUBJECTS.map((subject, i) => {
  const other = SUBJECTS[(i + 3) % SUBJECTS.length]!;
  return {
    topic: { id: `t${i}`, text: `all of ${subject}` },
    positive: { id: `d${i}`, text: `what ${subject} are` },
    negative: { id: `d${(i + 3) % SUBJECTS.length}`, text: `what ${other} are` },
  };
});

type LearnerValues = ConstructorParameters<typeof Learner>[0];
type Given = Pick<LearnerValues, 'model' | 'trainer'> & Partial<LearnerValues>;

/** A run of a few steps, and what its steps told. */
export async function learn(values: Given, options: Parameters<Learner['run']>[0] = {}) {
  const steps: Record<string, number>[] = [];
  const warnings: string[] = [];
  const learner = new Learner({
    random: new Random({ seed: 3 }),
    optimizers: [new ParameterOptimizer({ optimizer: new Adam({ lr: 0.03 }) })],
    listeners: [],
    maxEpochs: 2,
    stepsPerEpoch: 4,
    ...values,
  });
  const progress = (event: LearnerEvent) => {
    if (event.type === 'step') steps.push(Object.fromEntries(event.metrics));
    if (event.type === 'warning') warnings.push(event.message);
  };
  await learner.run({ progress, ...options });
  return { steps, warnings };
}

export function seeded<T>(make: () => T, seed = 11): T {
  manualSeed(seed);
  return make();
}

export const shuffled = <T>(items: readonly T[]) => new ShuffledSampler({ items });
