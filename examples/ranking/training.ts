/**
 * How the models learn: the dual encoder first from the documents alone, then each model from triples that BM25's errors give.
 */
import {
  AdamW,
  getOptimizers,
  initializeModel,
  Learner,
  type LearnerListener,
  LinearWithWarmup,
  ModuleInitMode,
  ParameterOptimizer,
  Random,
  type Trainer,
  ValidationListener,
} from 'xpmir';
import { OpenAdhoc, OpenDocuments, RunRetriever } from 'xpmir/ir';
import {
  BatchwiseTrainer,
  type CosineDense,
  GivenRankings,
  PairwiseInBatchNegativesSampler,
  PairwiseModelBasedSampler,
  PairwiseTrainer,
  pairwise,
  RandomSpanSampler,
  RetrievalEvaluator,
  SampleHydrator,
  type Scorer,
  TransformAdapter,
  TwoStageRetriever,
} from 'xpmir/letor';
import * as torch from 'xpmir/torch';
import { about, type Fold, type TestCollection } from './data.ts';
import { embeddingsOf } from './models.ts';

/** By what the best epoch is chosen. */
export const CHOSEN_BY = 'RR@10';
const LISTENER = 'validation';
/** Documents of BM25 that a second stage looks at. */
export const RERANKED = 100;

export interface Schedule {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly batchSize: number;
  readonly lr: number;
}

interface Training {
  readonly model: Scorer;
  readonly trainer: Trainer;
  readonly seed: number;
  readonly schedule: Schedule;
  readonly listeners?: readonly LearnerListener[];
}

function learnerOf({ model, trainer, seed, schedule, listeners = [] }: Training): Learner {
  const { epochs, stepsPerEpoch, lr } = schedule;
  return new Learner({
    random: new Random({ seed }),
    model,
    trainer,
    optimizers: getOptimizers(
      new ParameterOptimizer({
        optimizer: new AdamW({ lr, fused: true }),
        scheduler: new LinearWithWarmup({ numWarmupSteps: Math.round((epochs * stepsPerEpoch) / 10) }),
      }),
    ),
    listeners: [...listeners],
    maxEpochs: epochs,
    stepsPerEpoch,
  });
}

/** Spans of one document are to find each other among those of the batch. */
export async function pretrain(
  model: CosineDense,
  { documents }: TestCollection,
  options: { readonly seed: number; readonly schedule: Schedule; readonly path: string },
): Promise<void> {
  const spans = new RandomSpanSampler({ documents: new OpenDocuments(documents), maxSpansize: 200 });
  const sampler = new PairwiseInBatchNegativesSampler({ sampler: spans, negatives: false });
  const trainer = new BatchwiseTrainer({ sampler, batchSize: options.schedule.batchSize });
  await initialized(model, options.seed);
  const { table, words } = embeddingsOf(model)!;
  // Words count by how rare they are until training knows better.
  torch.noGrad(() => table.weight.mul_(torch.fromTypedArray(words.idf()).unsqueeze(1)));
  const learner = learnerOf({ model, trainer, ...options });
  await (await learner.run({ path: options.path, progress: false })).learnedModel?.execute();
}

/** Trains a model for a fold; it is then as it was in its best epoch. */
export async function train(
  model: Scorer,
  { documents, qrels, bm25 }: TestCollection,
  fold: Fold,
  options: {
    readonly seed: number;
    readonly schedule: Schedule;
    readonly path: string;
    /** Whose vectors of words it begins with. */
    readonly pretrained: Scorer;
  },
): Promise<void> {
  const rankings = new GivenRankings({
    topics: fold.train,
    qrels: about(qrels, fold.train),
    run: firstOf(about(bm25, fold.train)),
  });
  const hydrator = new SampleHydrator({ documentstore: new OpenDocuments(documents) });
  const triples = new TransformAdapter({
    sampler: new PairwiseModelBasedSampler({ source: rankings }),
    adapter: hydrator,
  });
  const { batchSize } = options.schedule;
  const trainer = isDual(model)
    ? new BatchwiseTrainer({ sampler: new PairwiseInBatchNegativesSampler({ sampler: triples }), batchSize })
    : new PairwiseTrainer({ sampler: triples, lossfn: new pairwise.CrossEntropyLoss(), batchSize });
  const evaluator = new RetrievalEvaluator({
    retriever: secondStage(model, { documents, bm25 }),
    dataset: new OpenAdhoc(fold.validation, about(qrels, fold.validation)),
    measures: [CHOSEN_BY, 'AP'],
  });
  const listener = new ValidationListener({
    id: LISTENER,
    evaluator,
    metrics: { [CHOSEN_BY]: true, AP: false },
  });
  await beginWith(model, options.pretrained, options.seed);
  const learner = learnerOf({ model, trainer, ...options, listeners: [listener] });
  const { listeners } = await learner.run({ path: options.path, progress: false });
  await listeners[LISTENER]![CHOSEN_BY]!.execute();
}

/** The model over what BM25 returns first. */
export function secondStage(
  scorer: Scorer,
  { documents, bm25 }: Pick<TestCollection, 'documents' | 'bm25'>,
): TwoStageRetriever {
  return new TwoStageRetriever({
    retriever: new RunRetriever(bm25, RERANKED),
    scorer,
    documents: new OpenDocuments(documents),
    batchSize: RERANKED,
  });
}

async function beginWith(model: Scorer, pretrained: Scorer, seed: number): Promise<void> {
  await initialized(model, seed);
  const [ours, theirs] = [embeddingsOf(model), embeddingsOf(pretrained)];
  if (ours === undefined || theirs === undefined) return;
  torch.noGrad(() => ours.table.weight.copy_(theirs.table.weight));
}

/** A learner leaves the weights of a model as they are that was initialised before. */
async function initialized(model: Scorer, seed: number): Promise<void> {
  torch.manualSeed(seed);
  await initializeModel(model, { mode: ModuleInitMode.DEFAULT, random: new Random({ seed }).state });
}

function isDual(model: Scorer): model is CosineDense {
  return 'encodeTopics' in model;
}

function firstOf(run: TestCollection['bm25']): TestCollection['bm25'] {
  return new Map([...run].map(([topic, scores]) => [topic, new Map([...scores].slice(0, RERANKED))]));
}
