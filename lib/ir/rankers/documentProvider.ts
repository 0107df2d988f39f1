/**
 * Where texts are found: of documents, and of topics that files name by identifier.
 */
import { ArgumentError, expected, show } from '../../errors.ts';
import { config } from '../../experiment/config.ts';
import type { MaybePromise } from '../../learning/iterators.ts';
import type { Document } from '../types.ts';

/** Documents, or topics, by identifier, such as a `DocumentStore`. */
export interface DocumentTexts {
  /** Undefined when there is none. */
  get(id: string): Document | undefined;
  /** In their order. */
  ids(): Iterable<string>;
}

/** Opens documents, or topics, when they are needed, as in the process of a job or in a thread that reads ahead. */
export abstract class DocumentProvider
  extends config(import.meta, 'xpmir.documents.DocumentProvider', {})
  implements AsyncIterable<Document>
{
  /** The same each time. */
  abstract open(): MaybePromise<DocumentTexts>;

  /** All of them, in their order. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Document> {
    const texts = await this.open();
    for (const id of texts.ids()) yield documentOf(texts, id);
  }
}

/** @throws ArgumentError when there is none */
export function documentOf(texts: DocumentTexts, id: string): Document {
  const document = texts.get(id);
  if (document === undefined) throw new ArgumentError(`There is no text of ${show(id)}`);
  return document;
}

/** What has texts by identifier: a store, or a Map. What lists no identifiers cannot be gone through. */
export interface TextsById {
  get(id: string): Document | undefined;
  ids?(): Iterable<string>;
  keys?(): Iterable<string>;
}

/** Documents, or topics, that are open already. For scripts: they have no identity. */
export class OpenDocuments extends DocumentProvider {
  readonly texts: DocumentTexts;

  constructor(texts: TextsById) {
    super();
    if (typeof texts?.get !== 'function') throw expected('something with get(id)', 'texts', texts);
    this.texts = {
      get: (id) => texts.get(id),
      ids() {
        const ids = texts.ids?.() ?? texts.keys?.();
        if (ids === undefined) throw expected('something with ids()', 'texts', texts);
        return ids;
      },
    };
  }

  open(): DocumentTexts {
    return this.texts;
  }
}
