/**
 * Samplers over files of pairs and triples, in their order: a run goes on at the byte where it stopped.
 */
import { ArgumentError } from '../../errors.ts';
import { wrong } from '../../experiment/accept.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { bool, list, string } from '../../experiment/types.ts';
import { FileIterator } from '../../learning/fileIterators.ts';
import { FileSampler } from '../../learning/fileSamplers.ts';
import { isPlainObject } from '../../plainObject.ts';
import type { DistillationPairwiseSample, Named, PairwiseSample } from './samples.ts';

/** What a function makes of the fields between tabs on each line; empty lines are left out. */
class FieldsIterator<T> extends FileIterator<T> {
  readonly #count: number;
  readonly #make: (fields: readonly string[]) => T;

  constructor(path: string, count: number, make: (fields: readonly string[]) => T) {
    super(path);
    this.#count = count;
    this.#make = make;
  }

  protected parse(line: string): T | undefined {
    if (line === '') return undefined;
    const fields = line.split('\t');
    if (fields.length === this.#count) return this.#make(fields);
    throw new ArgumentError(`expected ${this.#count} fields between tabs, received ${fields.length}`);
  }
}

const byId = (id: string | undefined): Named => ({ id: id as string });
/** What has a text alone is named by nothing. */
const byText = (text: string | undefined): Named => ({ id: '', text: text as string });

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

  iterate(): FileIterator<PairwiseSample> {
    const named = this.texts ? byText : byId;
    return new FieldsIterator(this.file, 3, ([topic, positive, negative]) => ({
      topic: named(topic),
      positive: named(positive),
      negative: named(negative),
    }));
  }
}

const SIDES = ['topic', 'positive', 'negative'] as const;
const COLUMNS: readonly string[] = SIDES.flatMap((side) => [side, `${side}Id`]);

/** Triples of a file with columns of any order: texts under `topic`, `positive`, `negative`, identifiers under `topicId` and so on. */
export class PairwiseSamplerFromTSV extends config(
  import.meta,
  'xpmir.letor.samplers.PairwiseSamplerFromTSV',
  {
    /** Of each column its name; those of other names are not read. */
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
    if (COLUMNS.some((name) => columns.indexOf(name) !== columns.lastIndexOf(name)))
      throw wrong('columns', 'each name once', columns);
  }

  iterate(): FileIterator<PairwiseSample> {
    const { columns } = this;
    const sides = SIDES.map((side) => [columns.indexOf(side), columns.indexOf(`${side}Id`)] as const);
    return new FieldsIterator(this.file, columns.length, (fields) => {
      const [topic, positive, negative] = sides.map(([text, id]): Named => {
        const name = fields[id] ?? '';
        return text < 0 ? { id: name } : { id: name, text: fields[text] as string };
      });
      return { topic: topic as Named, positive: positive as Named, negative: negative as Named };
    });
  }
}

/** Records in JSON on each line: `topic`, `positive` and `negative`, each an identifier or an object of `id` and `text`, or of one of these. */
export class PairwiseSamplerFromJSONL extends config(
  import.meta,
  'xpmir.letor.samplers.PairwiseSamplerFromJSONL',
  {},
  FileSampler,
) {
  declare batches: FileSampler<PairwiseSample>['batches'];

  iterate(): FileIterator<PairwiseSample> {
    return new JsonSamples(this.file);
  }
}

class JsonSamples extends FileIterator<PairwiseSample> {
  protected parse(line: string): PairwiseSample | undefined {
    if (line.trim() === '') return undefined;
    const { topic, positive, negative } = { ...(JSON.parse(line) as Record<string, unknown>) };
    return {
      topic: namedIn(topic, 'topic'),
      positive: namedIn(positive, 'positive'),
      negative: namedIn(negative, 'negative'),
    };
  }
}

/** An identifier, or an object of `id` and `text`. @throws ArgumentError for anything else */
export function namedIn(value: unknown, name: string): Named {
  if (typeof value === 'string') return { id: value };
  if (isPlainObject(value)) {
    const { id = '', text } = value as { id?: unknown; text?: unknown };
    if (typeof id === 'string' && typeof text === 'string') return { id, text };
    if (typeof id === 'string' && text === undefined && id !== '') return { id };
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

  iterate(): FileIterator<DistillationPairwiseSample> {
    const topicNamed = this.withQueryid ? byId : byText;
    const named = this.withDocid ? byId : byText;
    return new FieldsIterator(this.file, 5, ([first, second, topic, positive, negative]) => ({
      topic: topicNamed(topic),
      positive: named(positive),
      negative: named(negative),
      positiveScore: scoreIn(first),
      negativeScore: scoreIn(second),
    }));
  }
}

function scoreIn(field: string | undefined): number {
  const score = Number(field);
  if (field?.trim() !== '' && Number.isFinite(score)) return score;
  throw new ArgumentError(`expected a score, received ${JSON.stringify(field)}`);
}
