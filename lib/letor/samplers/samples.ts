/**
 * Records whose texts may still have to be fetched.
 */
import type { Document, Topic } from '../../ir/types.ts';
import type {
  BatchwiseRecord,
  DistillationListwiseRecord,
  DistillationPairwiseRecord,
  PairwiseRecord,
  PointwiseRecord,
} from '../records.ts';

/** A topic or document; without a text, a SampleHydrator fetches it. */
export interface Named {
  readonly id: string;
  readonly text?: string;
  /** Of a document, where it has one. */
  readonly title?: string;
}

export const byId = (id: string): Named => ({ id });
/** What has a text alone is named by nothing. */
export const byText = (text: string): Named => ({ id: '', text });

type Before<R> = {
  readonly [K in keyof R]: R[K] extends Topic | Document
    ? Named
    : R[K] extends readonly Document[]
      ? readonly Named[]
      : R[K];
};

export type PointwiseSample = Before<PointwiseRecord>;
export type PairwiseSample = Before<PairwiseRecord>;
export type BatchwiseSample = Before<BatchwiseRecord>;
export type DistillationPairwiseSample = Before<DistillationPairwiseRecord>;
export type DistillationListwiseSample = Before<DistillationListwiseRecord>;

/** Whatever has a topic, and documents in fields that have these names. */
export interface AnySample {
  readonly topic: Named;
  readonly document?: Named;
  readonly positive?: Named;
  readonly negative?: Named;
  readonly documents?: readonly Named[];
}

export const DOCUMENT_FIELDS = ['document', 'positive', 'negative'] as const;
