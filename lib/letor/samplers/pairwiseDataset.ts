/**
 * Topics with their positives and lists of negatives, in a file.
 */
import { ArgumentError } from '../../errors.ts';
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { writeAtomically } from '../../experiment/files.ts';
import { param, path } from '../../experiment/parameters.ts';
import { type Dep, type TaskContext, task } from '../../experiment/task.ts';
import { int, optional, string } from '../../experiment/types.ts';
import { JSON_LINES } from '../../ir/collections/formats.ts';
import { type Row, RowIterator } from '../../ir/collections/rows.ts';
import { readHardNegatives } from '../../ir/collections/training.ts';
import { DocumentProvider } from '../../ir/rankers/documentProvider.ts';
import type { FileState } from '../../learning/fileIterators.ts';
import { FileSampler } from '../../learning/fileSamplers.ts';
import {
  RandomizedSerializableIterator,
  SerializableIteratorTransform,
} from '../../learning/iteratorAdapters.ts';
import type { SerializableIterator } from '../../learning/iterators.ts';
import type { RandomState } from '../../learning/random.ts';
import { Sampler } from '../../learning/sampler.ts';
import { isPlainObject } from '../../plainObject.ts';
import { namedIn } from './fileSamplers.ts';
import { judge, RankingSource, type Rankings } from './rankings.ts';
import { byId, type Named, type PairwiseSample } from './samples.ts';

/** A topic, in one form or several, what is relevant for it, and by who found them, documents that are not. */
export interface PairwiseTopic {
  readonly topics: readonly Named[];
  readonly positives: readonly Named[];
  readonly negatives: Readonly<Record<string, readonly Named[]>>;
}

/** `topics`, `positives` and `negatives` in JSON on each line; what they list are identifiers, or objects of `id` and `text`. */
export class JSONLPairwiseSampleDataset extends config(
  import.meta,
  'xpmir.letor.samplers.JSONLPairwiseSampleDataset',
  {},
  FileSampler,
) {
  declare batches: FileSampler<PairwiseTopic>['batches'];

  iterate(): RowIterator<PairwiseTopic> {
    return new RowIterator(this.file, JSON_LINES, pairwiseTopicIn);
  }
}

function pairwiseTopicIn({ topics, positives, negatives }: Row): PairwiseTopic {
  if (!isPlainObject(negatives)) throw new ArgumentError('expected lists by name under "negatives"');
  return {
    topics: listIn(topics, 'topics'),
    positives: listIn(positives, 'positives'),
    negatives: mapped(negatives, (each, name) => listIn(each, `negatives.${name}`)),
  };
}

/** `qid`, `pos` and `neg` in JSON on each line, as `readHardNegatives` reads them: sentence-transformers' hard negatives of MS MARCO. */
export class HardNegativesDataset extends config(
  import.meta,
  'xpmir.letor.samplers.HardNegativesDataset',
  {},
  FileSampler,
) {
  declare batches: FileSampler<PairwiseTopic>['batches'];

  iterate(): SerializableIterator<PairwiseTopic, FileState> {
    return new SerializableIteratorTransform(
      readHardNegatives(this.file),
      ({ topic, positives, negatives }) => ({
        topics: [byId(topic)],
        positives: positives.map(byId),
        negatives: mapped(negatives, (ids) => ids.map(byId)),
      }),
    );
  }
}

function mapped<T, U>(
  lists: Readonly<Record<string, T>>,
  make: (list: T, name: string) => U,
): Readonly<Record<string, U>> {
  return Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, make(list, name)]));
}

function listIn(value: unknown, name: string): Named[] {
  if (!Array.isArray(value)) throw new ArgumentError(`expected an array under ${JSON.stringify(name)}`);
  return value.map((each) => namedIn(each, name));
}

/** Of each topic of a dataset in turn a random form, a random positive and a random negative. */
export class PairwiseDatasetTripletBasedSampler extends config(
  import.meta,
  'xpmir.letor.samplers.PairwiseDatasetTripletBasedSampler',
  {
    dataset: param(Sampler),
    /** A list of negatives by its name, or `random`: any document that is not one of the positives. */
    negativeAlgo: param(string, { default: 'random' }),
    /** Where random negatives are taken from. */
    documents: param(optional(DocumentProvider)),
  },
  Sampler,
) {
  declare batches: Sampler<PairwiseSample>['batches'];
  #ids: readonly string[] | undefined;

  override validate(): void {
    super.validate();
    if (this.negativeAlgo === 'random' && this.documents === undefined)
      throw wrong('documents', 'a place to take random negatives from', this.documents);
  }

  iterate(random: RandomState): SerializableIterator<PairwiseSample> {
    const own = random.fork();
    const topics = this.dataset.iterate(random) as SerializableIterator<PairwiseTopic>;
    return new RandomizedSerializableIterator(topics, own, async (each, dice) => ({
      topic: dice.pick(filled(each.topics, 'topics', each)),
      positive: dice.pick(filled(each.positives, 'positives', each)),
      negative: await this.#negative(each, dice),
    }));
  }

  async #negative(each: PairwiseTopic, dice: RandomState): Promise<Named> {
    const { negativeAlgo, documents } = this;
    if (negativeAlgo !== 'random')
      return dice.pick(filled(each.negatives[negativeAlgo] ?? [], `negatives.${negativeAlgo}`, each));
    this.#ids ??= [...((await documents?.open())?.ids() ?? [])];
    const positives = new Set(each.positives.map(({ id }) => id));
    if (this.#ids.every((id) => positives.has(id)))
      throw new ArgumentError(
        `Expected a document that is not relevant for ${nameOf(each)} but received none`,
      );
    for (;;) {
      const id = dice.pick(this.#ids);
      if (!positives.has(id)) return byId(id);
    }
  }
}

function filled(list: readonly Named[], name: string, topic: PairwiseTopic): readonly Named[] {
  if (list.length > 0) return list;
  throw new ArgumentError(`Expected at least one of ${name} for ${nameOf(topic)} but received none`);
}

const nameOf = ({ topics }: PairwiseTopic) => `topic ${topics[0]?.id || topics[0]?.text}`;

export interface HardNegativeOptions {
  /** Name of the list of negatives. */
  readonly name: string;
  /** How many are kept of each topic. */
  readonly count: number;
  /** How many of the best are left out, as many of them are relevant and nobody judged them; default 0. */
  readonly skip?: number;
}

/**
 * Writes what a retriever ranked high and nobody judged relevant, for a JSONLPairwiseSampleDataset.
 *
 * @returns topics that were written and skipped, as they have no positive or no negative
 */
export function writeHardNegatives(
  file: string,
  rankings: Rankings,
  { name, count, skip = 0 }: HardNegativeOptions,
): { readonly written: number; readonly skipped: number } {
  const { topics, skipped } = judge(rankings);
  const lines = topics.flatMap(({ topic, positives, negatives }) => {
    const hard = negatives.slice(skip, skip + count);
    if (hard.length === 0) return [];
    const { id, text } = topic;
    return JSON.stringify({
      topics: [{ id, text }],
      positives: positives.map(([document]) => document),
      negatives: { [name]: hard },
    });
  });
  writeAtomically(file, lines.map((line) => `${line}\n`).join(''));
  return { written: lines.length, skipped: skipped + topics.length - lines.length };
}

/** Makes a dataset of hard negatives by a model: its output is the JSONLPairwiseSampleDataset. */
export class ModelBasedHardNegativeSampler extends task(
  import.meta,
  'xpmir.letor.samplers.ModelBasedHardNegativeSampler',
  {
    source: param(RankingSource),
    name: param(string, { default: 'model' }),
    count: param(int, { default: 50 }),
    skip: param(int, { default: 0, ignoreDefault: true }),
    file: path('negatives.jsonl'),
  },
) {
  override taskOutputs(dep: Dep): JSONLPairwiseSampleDataset {
    return dep(new JSONLPairwiseSampleDataset({ file: this.file }));
  }

  override async execute(_context: TaskContext): Promise<void> {
    const { file, name, count, skip } = this;
    writeHardNegatives(file, await this.source.rankings(), { name, count, skip });
  }
}
