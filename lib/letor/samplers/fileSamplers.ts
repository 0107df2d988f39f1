/**
 * Samplers over the files of `xpmir/ir`, in their order: a run goes on at the byte where it stopped.
 */
import { ArgumentError, show } from '../../errors.ts';
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { bool, list, string } from '../../experiment/types.ts';
import { tableFormat } from '../../ir/collections/documents.ts';
import { identifierIn, JSON_LINES, textIn } from '../../ir/collections/formats.ts';
import { type Row, type RowFormat, RowIterator } from '../../ir/collections/rows.ts';
import { readScoredTriples, readTextTriples, readTriples } from '../../ir/collections/training.ts';
import type { FileState } from '../../learning/fileIterators.ts';
import { FileSampler } from '../../learning/fileSamplers.ts';
import { SerializableIteratorTransform } from '../../learning/iteratorAdapters.ts';
import type { SerializableIterator } from '../../learning/iterators.ts';
import { isPlainObject } from '../../plainObject.ts';
import {
  byId,
  byText,
  type DistillationListwiseSample,
  type DistillationPairwiseSample,
  type Named,
  type PairwiseSample,
} from './samples.ts';

/** Whatever the name of the file ends with. */
const TSV = { format: 'tsv' } as const;

/** Triples of a file, `topic positive negative` between tabs: identifiers as in MS MARCO's `qidpidtriples`, or texts as in `triples.train.small`. */
export class TripletBasedSampler extends config(
  import.meta,
  'xpmir.letor.samplers.TripletBasedSampler',
  {
    /** Whether the file has the texts; default false, identifiers. */
    texts: param(bool, { default: false }),
  },
  FileSampler,
) {
  declare batches: FileSampler<PairwiseSample>['batches'];

  iterate(): SerializableIterator<PairwiseSample, FileState> {
    return this.texts
      ? new SerializableIteratorTransform(readTextTriples(this.file, TSV), ({ query, positive, negative }) =>
          sampleOf(byText, query, positive, negative),
        )
      : new SerializableIteratorTransform(readTriples(this.file, TSV), ({ topic, positive, negative }) =>
          sampleOf(byId, topic, positive, negative),
        );
  }
}

function sampleOf(
  named: (value: string) => Named,
  topic: string,
  positive: string,
  negative: string,
): PairwiseSample {
  return { topic: named(topic), positive: named(positive), negative: named(negative) };
}

const SIDES = ['topic', 'positive', 'negative'] as const;

/** Triples of a file with columns of any order: texts under `topic`, `positive`, `negative`, identifiers under `topicId` and so on. */
export class PairwiseSamplerFromTSV extends config(
  import.meta,
  'xpmir.letor.samplers.PairwiseSamplerFromTSV',
  {
    /** Of each column its name, once; those of other names are not read. */
    columns: param(list(string), { default: SIDES }),
  },
  FileSampler,
) {
  declare batches: FileSampler<PairwiseSample>['batches'];

  override validate(): void {
    super.validate();
    const { columns } = this;
    const missing = SIDES.filter((side) => !columns.includes(side) && !columns.includes(`${side}Id`));
    if (missing.length > 0) throw wrong('columns', `${missing.join(', ')} or their identifiers`, columns);
    if (new Set(columns).size < columns.length) throw wrong('columns', 'each name once', columns);
  }

  iterate(): RowIterator<PairwiseSample> {
    return triplesIn(this.file, tableFormat('tsv', this.columns, SIDES, undefined), (row, side) => {
      if (!Object.hasOwn(row, side)) return byId(identifierIn(row, `${side}Id`));
      return { id: Object.hasOwn(row, `${side}Id`) ? textIn(row, `${side}Id`) : '', text: textIn(row, side) };
    });
  }
}

/** Records in JSON on each line: `topic`, `positive` and `negative`, each an identifier or an object of `id`, `text` and `title`, or of one of the first two. */
export class PairwiseSamplerFromJSONL extends config(
  import.meta,
  'xpmir.letor.samplers.PairwiseSamplerFromJSONL',
  {},
  FileSampler,
) {
  declare batches: FileSampler<PairwiseSample>['batches'];

  iterate(): RowIterator<PairwiseSample> {
    return triplesIn(this.file, JSON_LINES, (row, side) => namedIn(row[side], side));
  }
}

function triplesIn(
  file: string,
  format: RowFormat,
  named: (row: Row, side: (typeof SIDES)[number]) => Named,
): RowIterator<PairwiseSample> {
  return new RowIterator(file, format, (row) => ({
    topic: named(row, 'topic'),
    positive: named(row, 'positive'),
    negative: named(row, 'negative'),
  }));
}

/** An identifier, or an object of `id` and `text`. @throws ArgumentError for anything else */
export function namedIn(value: unknown, name: string): Named {
  if (typeof value === 'string' && value !== '') return byId(value);
  if (isPlainObject(value)) {
    const { id = '', text, title } = value;
    if (typeof id === 'string' && typeof text === 'string')
      return typeof title === 'string' ? { id, text, title } : { id, text };
    if (typeof id === 'string' && text === undefined && id !== '') return byId(id);
  }
  throw new ArgumentError(
    `expected an identifier, or an object of id and text, under ${JSON.stringify(name)}`,
  );
}

/**
 * Pairs that a teacher scored, `positiveScore negativeScore topic positive negative` between tabs, as those for Margin-MSE
 * on MS MARCO (Hofstätter et al., 2020).
 */
export class DistillationPairwiseSampler extends config(
  import.meta,
  'xpmir.letor.distillation.samplers.DistillationPairwiseSampler',
  {
    /** Whether documents are there by identifier; otherwise by text. */
    withDocid: param(bool, { default: true }),
    /** Whether topics are there by identifier; otherwise by text. */
    withQueryid: param(bool, { default: true }),
  },
  FileSampler,
) {
  declare batches: FileSampler<DistillationPairwiseSample>['batches'];

  iterate(): SerializableIterator<DistillationPairwiseSample, FileState> {
    const topicNamed = this.withQueryid ? byId : byText;
    const named = this.withDocid ? byId : byText;
    return new SerializableIteratorTransform(
      readScoredTriples(this.file, TSV),
      ({ topic, positive, negative, ...scores }) => ({
        topic: topicNamed(topic),
        positive: named(positive),
        negative: named(negative),
        ...scores,
      }),
    );
  }
}

/**
 * Lists that a teacher scored, in JSON on each line: `topic`, `documents` and `scores`, of each document one. Topics and
 * documents are identifiers, or objects as those of PairwiseSamplerFromJSONL.
 */
export class DistillationListwiseSampler extends config(
  import.meta,
  'xpmir.letor.distillation.samplers.DistillationListwiseSampler',
  {},
  FileSampler,
) {
  declare batches: FileSampler<DistillationListwiseSample>['batches'];

  iterate(): RowIterator<DistillationListwiseSample> {
    return new RowIterator(this.file, JSON_LINES, ({ topic, documents, scores }) => {
      if (!Array.isArray(documents) || documents.length === 0)
        throw new ArgumentError(
          `expected a list of documents under "documents", received ${show(documents)}`,
        );
      if (!Array.isArray(scores) || scores.length !== documents.length || !scores.every(Number.isFinite))
        throw new ArgumentError(
          `expected ${documents.length} numbers under "scores", received ${show(scores)}`,
        );
      return {
        topic: namedIn(topic, 'topic'),
        documents: documents.map((each) => namedIn(each, 'documents')),
        scores: scores as readonly number[],
      };
    });
  }
}
