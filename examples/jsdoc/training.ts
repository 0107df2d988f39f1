/**
 * How the encoder learns: each query must find its own declaration among those of the whole batch.
 */
import {
  AdamW,
  Evaluator,
  Learner,
  LinearWithWarmup,
  LossTrainer,
  type MetricsPerItem,
  ParameterOptimizer,
  Random,
  RandomizedSerializableIterator,
  type RandomState,
  type RunOptions,
  Sampler,
  ShuffledIterator,
  ValidationListener,
} from 'xpmir';
import * as torch from 'xpmir/torch';
import type { DualEncoder } from './encoder.ts';
import type { Collection } from './rankers.ts';
import { CHOSEN_BY, denseScores, evaluateRanker, NAMES } from './rankers.ts';

/** A query and a declaration that it documents. */
interface Pair {
  readonly query: Int32Array;
  readonly document: Int32Array;
}

/** Each topic of the training part once in a pass, with one of its documents. */
class PairSampler extends Sampler<Pair> {
  readonly #collection: Collection;

  constructor(collection: Collection) {
    super();
    this.#collection = collection;
  }

  iterate(random: RandomState) {
    const { topics, queries, documents } = this.#collection;
    const numbers = [...topics.keys()].filter((i) => topics[i]!.part === 'train');
    return new RandomizedSerializableIterator(
      new ShuffledIterator(numbers, random.fork()),
      random.fork(),
      (i, dice): Pair => ({ query: queries[i]!, document: documents[dice.pick(topics[i]!.relevant)]! }),
    );
  }
}

/** Softmax over the batch, from queries to documents and back. */
class InBatchTrainer extends LossTrainer<Pair> {
  readonly #encoder: DualEncoder;

  constructor(encoder: DualEncoder, sampler: Sampler<Pair>, batchSize: number) {
    super({ sampler, batchSize });
    this.#encoder = encoder;
  }

  protected override trainBatch(pairs: readonly Pair[]): void {
    const queries = this.#encoder.forward(pairs.map(({ query }) => query)); // [B, D]
    const documents = this.#encoder.forward(pairs.map(({ document }) => document)); // [B, D]
    const scores = queries.mm(documents.t()).mul(this.#encoder.logScale.exp()); // [B, B]
    const own = torch.arange(pairs.length); // [B]
    const { crossEntropy } = torch.nn.functional;
    this.context.addLoss('loss', crossEntropy(scores, own).add(crossEntropy(scores.t(), own)).div(2));
  }
}

/** MRR@10 and recall@100 of the queries of the validation part, over all documents. */
class RetrievalEvaluator extends Evaluator {
  readonly #encoder: DualEncoder;
  readonly #collection: Collection;

  constructor(encoder: DualEncoder, collection: Collection) {
    super();
    this.#encoder = encoder;
    this.#collection = collection;
  }

  evaluate(): MetricsPerItem {
    const { topics } = this.#collection;
    const numbers = [...topics.keys()].filter((i) => topics[i]!.part === 'validation');
    const vectors = this.#encoder.encode(this.#collection.documents);
    return evaluateRanker(denseScores(this.#encoder, vectors, this.#collection), this.#collection, numbers);
  }
}

export interface TrainingOptions {
  readonly seed: number;
  readonly epochs: number;
  /** Directory of the run. */
  readonly path: string;
  readonly progress: RunOptions['progress'];
}

const LISTENER = 'validation';

/** Trains, and leaves the encoder as it was in its best epoch. */
export async function trainEncoder(
  encoder: DualEncoder,
  collection: Collection,
  { seed, epochs, path, progress }: TrainingOptions,
): Promise<void> {
  const size = collection.topics.filter(({ part }) => part === 'train').length;
  const batchSize = Math.min(256, size);
  const stepsPerEpoch = Math.ceil(size / batchSize);
  const learner = new Learner({
    random: new Random({ seed }),
    model: encoder,
    trainer: new InBatchTrainer(encoder, new PairSampler(collection), batchSize),
    optimizers: [
      new ParameterOptimizer({
        optimizer: new AdamW({ lr: 5e-3, fused: true }),
        scheduler: new LinearWithWarmup({ numWarmupSteps: Math.round((epochs * stepsPerEpoch) / 10) }),
      }),
    ],
    listeners: [
      new ValidationListener({
        id: LISTENER,
        evaluator: new RetrievalEvaluator(encoder, collection),
        metrics: Object.fromEntries(NAMES.map((name) => [name, name === CHOSEN_BY])),
      }),
    ],
    maxEpochs: epochs,
    stepsPerEpoch,
  });
  const output = await learner.run({ path, progress });
  await output.listeners[LISTENER]![CHOSEN_BY]!.execute();
}
