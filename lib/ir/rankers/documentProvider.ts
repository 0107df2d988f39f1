/**
 * Where rankers find the text of documents.
 */
import { config } from '../../experiment/config.ts';
import type { MaybePromise } from '../../learning/iterators.ts';
import type { Document } from '../types.ts';

/** Documents by identifier. */
export interface DocumentTexts {
  /** Undefined when there is none. */
  get(id: string): Document | undefined;
}

/** Opens documents when they are needed, as in the process of a job. */
export abstract class DocumentProvider extends config(import.meta, 'xpmir.documents.DocumentProvider', {}) {
  /** The same each time. */
  abstract open(): MaybePromise<DocumentTexts>;
}

/** Documents that are open already: a store, a Map. */
export class OpenDocuments extends DocumentProvider {
  readonly texts: DocumentTexts;

  constructor(texts: DocumentTexts) {
    super();
    this.texts = texts;
  }

  open(): DocumentTexts {
    return this.texts;
  }
}
