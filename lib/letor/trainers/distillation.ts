/**
 * Training towards the scores of a teacher.
 */
import { ArgumentError, expected } from '../../errors.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { tensor } from '../../torch/factories.ts';
import type { Tensor } from '../../torch/tensor.ts';
import {
  DistillationListwiseLoss,
  DistillationPairwiseLoss,
  ListwiseKLLoss,
  MSEDifferenceLoss,
} from '../losses/distillation.ts';
import type { DistillationListwiseRecord, DistillationPairwiseRecord, ScoredPairs } from '../records.ts';
import { accuracyOf, besideEachOther, pairsOf } from './pairwise.ts';
import { addScoreLoss, checkTexts, numbers, type ScoredBatch, ScoreTrainer } from './scoreTrainer.ts';

/**
 * Trains a scorer towards the two scores that a teacher gave. Its sampler gives `DistillationPairwiseRecord`s; the metric
 * `accuracy` is how often the score of the first document is greater.
 */
export class DistillationPairwiseTrainer extends config(
  import.meta,
  'xpmir.letor.distillation.pairwise.DistillationPairwiseTrainer',
  {
    lossfn: param(DistillationPairwiseLoss, { default: () => new MSEDifferenceLoss(), ignoreDefault: true }),
  },
  ScoreTrainer<DistillationPairwiseRecord, Tensor>,
) {
  protected override async collate(
    records: readonly DistillationPairwiseRecord[],
  ): Promise<ScoredBatch<Tensor>> {
    const pairs = pairsOf(records);
    checkTexts(pairs);
    const teacher = records.flatMap(({ positiveScore, negativeScore }) => [positiveScore, negativeScore]);
    checkTeacher(teacher);
    return { inputs: await this.scorer.collate(pairs), wanted: numbers(teacher).view([-1, 2]) };
  }

  protected override trainBatch({ inputs, wanted }: ScoredBatch<Tensor>): void {
    const scores = besideEachOther(this.scores(inputs)); // [N, 2]
    addScoreLoss(this.context, this.lossfn, this.lossfn.compute(scores, wanted), scores);
    this.context.addMetric('accuracy', accuracyOf(scores), scores.shape[0] as number);
  }
}

/** What lists of a teacher are as tensors. */
export interface TeacherLists {
  /** `[N, L]` for the longest list of L documents. */
  readonly teacher: Tensor;
  /** Where a list has no document: `[N, L]`. */
  readonly missing: Tensor;
  /** Which of the scored pairs each is, 0 where it is missing: `[N · L]`. */
  readonly places: Tensor;
}

/** Trains a scorer towards the scores that a teacher gave to the documents of a list. Its sampler gives `DistillationListwiseRecord`s. */
export class DistillationListwiseTrainer extends config(
  import.meta,
  'xpmir.letor.distillation.listwise.DistillationListwiseTrainer',
  { lossfn: param(DistillationListwiseLoss, { default: () => new ListwiseKLLoss(), ignoreDefault: true }) },
  ScoreTrainer<DistillationListwiseRecord, TeacherLists>,
) {
  protected override async collate(
    records: readonly DistillationListwiseRecord[],
  ): Promise<ScoredBatch<TeacherLists>> {
    const documents = records.flatMap((record) => record.documents);
    const topicIndices = records.flatMap((record, i) => record.documents.map(() => i));
    const pairs: ScoredPairs = {
      topics: records.map(({ topic }) => topic),
      documents,
      pairs: {
        topicIndices: Int32Array.from(topicIndices),
        documentIndices: Int32Array.from(documents, (_, i) => i),
      },
    };
    checkTexts(pairs);
    return { inputs: await this.scorer.collate(pairs), wanted: teacherLists(records) };
  }

  protected override trainBatch({ inputs, wanted }: ScoredBatch<TeacherLists>): void {
    const scores = this.scores(inputs); // [P]
    const { teacher, missing, places } = wanted;
    const lists = scores.indexSelect(0, places).view(teacher.shape);
    addScoreLoss(this.context, this.lossfn, this.lossfn.compute(lists, teacher, missing), scores);
  }
}

function teacherLists(records: readonly DistillationListwiseRecord[]): TeacherLists {
  const L = records.reduce((longest, { documents }) => Math.max(longest, documents.length), 0);
  const teacher = new Float32Array(records.length * L);
  const missing = new Uint8Array(records.length * L).fill(1);
  const places = new Int32Array(records.length * L);
  let place = 0;
  for (const [row, { topic, documents, scores }] of records.entries()) {
    if (documents.length === 0)
      throw new ArgumentError(`Expected documents for topic ${topic.id} but received none`);
    if (scores.length !== documents.length)
      throw expected(`${documents.length} scores`, `scores of topic ${topic.id}`, scores);
    checkTeacher(scores);
    for (const [column, score] of scores.entries()) {
      teacher[row * L + column] = score;
      missing[row * L + column] = 0;
      places[row * L + column] = place++;
    }
  }
  const shape = [records.length, L];
  return {
    teacher: tensor(teacher).view(shape),
    missing: tensor(missing).to('bool').view(shape),
    places: tensor(places),
  };
}

function checkTeacher(scores: readonly number[]): void {
  for (const score of scores)
    if (!Number.isFinite(score)) throw expected('a finite number', 'teacher score', score);
}
