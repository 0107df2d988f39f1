/**
 * How the encoder learns: each query must find its own declaration among those of the whole batch.
 */
import {
  AdamW,
  Learner,
  LinearWithWarmup,
  LossTrainer,
  ParameterOptimizer,
  Random,
  RandomizedSerializableIterator,
  type RandomState,
  Sampler,
  ShuffledIterator,
  ValidationListener,
} from 'xpmir';
import { config, param } from 'xpmir/experiment';
import * as torch from 'xpmir/torch';
import { Declarations } from './data.ts';
import { type Bags, DualEncoder, type Features, toBags } from './encoder.ts';
import { RetrievalEvaluator } from './evaluation.ts';
import { CHOSEN_BY, NAMES } from './rankers.ts';

/** A query and a declaration that it documents. */
interface Pair {
  readonly query: Int32Array;
  readonly document: Int32Array;
}

/** A batch of them. */
interface PairBatch {
  readonly queries: Bags;
  readonly documents: Bags;
}

/** Each topic of the training part once in a pass, with one of its documents. */
export class PairSampler extends config(
  import.meta,
  'xpmir.examples.jsdoc.PairSampler',
  { data: param(Declarations), encoder: param(DualEncoder) },
  Sampler,
) {
  iterate(random: RandomState) {
    const { topics, queries, documents } = this.data.collection(this.encoder);
    return new RandomizedSerializableIterator(
      new ShuffledIterator(this.data.topics('train'), random.fork()),
      random.fork(),
      (i, dice): Pair => ({ query: queries[i]!, document: documents[dice.pick(topics[i]!.relevant)]! }),
    );
  }
}

/** Batches have few different numbers of features, so that steps are compiled. */
const MULTIPLE = 4096;

/** Softmax over the batch, from queries to documents and back. */
export class InBatchTrainer extends config(
  import.meta,
  'xpmir.examples.jsdoc.InBatchTrainer',
  {},
  LossTrainer<Pair, PairBatch>,
) {
  protected override collate(pairs: readonly Pair[]): PairBatch {
    const bags = (texts: Features) => toBags(texts, MULTIPLE);
    return {
      queries: bags(pairs.map(({ query }) => query)),
      documents: bags(pairs.map(({ document }) => document)),
    };
  }

  protected override trainBatch(batch: PairBatch): void {
    const encoder = this.trainedModel as DualEncoder;
    const queries = encoder.forward(batch.queries); // [B, D]
    const documents = encoder.forward(batch.documents); // [B, D]
    const scores = queries.mm(documents.t()).mul(encoder.logScale.exp()); // [B, B]
    const own = torch.arange(queries.shape[0] as number); // [B]
    const { crossEntropy } = torch.nn.functional;
    this.context.addLoss('loss', crossEntropy(scores, own).add(crossEntropy(scores.t(), own)).div(2));
  }
}

export interface TrainingOptions {
  readonly data: Declarations;
  readonly encoder: DualEncoder;
  readonly lr: number;
  readonly seed: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** Optimizer steps in an epoch. */
  readonly stepsPerEpoch: number;
}

/** The listener that keeps the best encoder. */
export const LISTENER = 'validation';

/** Trains an encoder and keeps what was best on the validation part. */
export function jsdocLearner(options: TrainingOptions): Learner {
  const { data, encoder, lr, seed, epochs, batchSize, stepsPerEpoch } = options;
  return new Learner({
    random: new Random({ seed }),
    model: encoder,
    trainer: new InBatchTrainer({ sampler: new PairSampler({ data, encoder }), batchSize }),
    optimizers: [
      new ParameterOptimizer({
        optimizer: new AdamW({ lr, fused: true }),
        scheduler: new LinearWithWarmup({ numWarmupSteps: Math.round((epochs * stepsPerEpoch) / 10) }),
      }),
    ],
    listeners: [
      new ValidationListener({
        id: LISTENER,
        evaluator: new RetrievalEvaluator({ data, encoder }),
        metrics: Object.fromEntries(NAMES.map((name) => [name, name === CHOSEN_BY])),
      }),
    ],
    maxEpochs: epochs,
    stepsPerEpoch,
  });
}
