/**
 * What is made of samples before they are learnt from: texts fetched, prefixes added.
 */
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { list, optional, string } from '../../experiment/types.ts';
import { DocumentProvider, documentOf } from '../../ir/rankers/documentProvider.ts';
import { SerializableIteratorTransform } from '../../learning/iteratorAdapters.ts';
import type { MaybePromise, SerializableIterator } from '../../learning/iterators.ts';
import type { RandomState } from '../../learning/random.ts';
import { Sampler } from '../../learning/sampler.ts';
import { type AnySample, DOCUMENT_FIELDS, type Named } from './samples.ts';

/** Makes topics and documents of topics and documents, as many and in the same order. */
export abstract class SampleTransform extends config(
  import.meta,
  'xpmir.letor.samplers.hydrators.SampleTransform',
  {},
) {
  transformTopics(topics: readonly Named[]): MaybePromise<readonly Named[]> {
    return topics;
  }

  transformDocuments(documents: readonly Named[]): MaybePromise<readonly Named[]> {
    return documents;
  }
}

/** Fetches what has only an identifier: topics, and documents with their titles. */
export class SampleHydrator extends config(
  import.meta,
  'xpmir.letor.samplers.hydrators.SampleHydrator',
  {
    documentstore: param(optional(DocumentProvider)),
    querystore: param(optional(DocumentProvider)),
  },
  SampleTransform,
) {
  override transformTopics(topics: readonly Named[]): Promise<readonly Named[]> {
    return fetched(topics, this.querystore);
  }

  override transformDocuments(documents: readonly Named[]): Promise<readonly Named[]> {
    return fetched(documents, this.documentstore);
  }
}

/** Puts words before all that is read of a text, its title included, such as `query: ` and `passage: ` for E5. */
export class SamplePrefixAdding extends config(
  import.meta,
  'xpmir.letor.samplers.hydrators.SamplePrefixAdding',
  {
    queryPrefix: param(string, { default: '' }),
    documentPrefix: param(string, { default: '' }),
  },
  SampleTransform,
) {
  override transformTopics(topics: readonly Named[]): readonly Named[] {
    return prefixed(topics, this.queryPrefix);
  }

  override transformDocuments(documents: readonly Named[]): readonly Named[] {
    return prefixed(documents, this.documentPrefix);
  }
}

/** One after the other. */
export class SampleTransformList extends config(
  import.meta,
  'xpmir.letor.samplers.hydrators.SampleTransformList',
  { adapters: param(list(SampleTransform)) },
  SampleTransform,
) {
  override async transformTopics(topics: readonly Named[]): Promise<readonly Named[]> {
    let result = topics;
    for (const adapter of this.adapters) result = await adapter.transformTopics(result);
    return result;
  }

  override async transformDocuments(documents: readonly Named[]): Promise<readonly Named[]> {
    let result = documents;
    for (const adapter of this.adapters) result = await adapter.transformDocuments(result);
    return result;
  }
}

/** The samples of another sampler, transformed. A run that goes on transforms nothing of what it skips. */
export class TransformAdapter extends config(
  import.meta,
  'xpmir.letor.samplers.hydrators.TransformAdapter',
  { sampler: param(Sampler), adapter: param(SampleTransform) },
  Sampler,
) {
  declare batches: Sampler<AnySample>['batches'];

  iterate(random: RandomState): SerializableIterator<AnySample> {
    const samples = this.sampler.iterate(random) as SerializableIterator<AnySample>;
    return new SerializableIteratorTransform(samples, (sample) => this.#transformed(sample));
  }

  async #transformed(sample: AnySample): Promise<AnySample> {
    const { adapter } = this;
    const fields = DOCUMENT_FIELDS.filter((field) => sample[field] !== undefined);
    const single = fields.map((field) => sample[field] as Named);
    const [topic] = await adapter.transformTopics([sample.topic]);
    const documents = await adapter.transformDocuments([...single, ...(sample.documents ?? [])]);
    return {
      ...sample,
      topic: topic as Named,
      ...Object.fromEntries(fields.map((field, i) => [field, documents[i]])),
      ...(sample.documents === undefined ? {} : { documents: documents.slice(fields.length) }),
    };
  }
}

async function fetched(
  items: readonly Named[],
  provider: DocumentProvider | undefined,
): Promise<readonly Named[]> {
  if (provider === undefined || items.every(({ text }) => text !== undefined)) return items;
  const texts = await provider.open();
  return items.map((item) => (item.text === undefined ? documentOf(texts, item.id) : item));
}

function prefixed(items: readonly Named[], prefix: string): readonly Named[] {
  // What has no text stays so, and is refused by the trainer.
  return items.map((item) => {
    const { title, text } = item;
    if (text === undefined) return item;
    // Models read the title first.
    return title ? { ...item, title: prefix + title } : { ...item, text: prefix + text };
  });
}
