/** Documents into the parts of an index. Generators: whoever drives them gives others their turn. */
import { ArgumentError, expected } from '../../errors.ts';
import type { Analyzer } from '../analysis/analyzer.ts';
import type { Document } from '../types.ts';
import { grown } from './grown.ts';
import { PostingBuffer } from './runs.ts';
import { StringTable } from './stringTable.ts';

/** A text is analysed in parts of so many characters, between which others have their turn. */
const PART = 2 ** 16;
/** What no run file could hold. */
const UNFIT = /[\s\p{Cc}\p{Cs}]/u;

/** Takes documents one by one. */
export class IndexWriter {
  readonly analyzer: Analyzer;
  readonly ids = new StringTable();
  readonly terms = new StringTable();
  readonly buffer = new PostingBuffer();
  #lengths: Uint32Array = new Uint32Array(0);
  tokens = 0;

  constructor(analyzer: Analyzer) {
    this.analyzer = analyzer;
  }

  /** Terms of each document `[N]`. */
  get lengths(): Uint32Array {
    return this.#lengths.subarray(0, this.ids.size);
  }

  /** @throws ArgumentError for what is no document, and for an identifier that was there before */
  *add(document: Document): Generator<void, void> {
    const number = this.ids.size;
    const text = textOf(document, number);
    if (this.ids.add(document.id) !== number) {
      throw new ArgumentError(
        `Document ${number + 1}: its identifier ${JSON.stringify(document.id)} is that of document ${this.ids.find(document.id) + 1} already`,
      );
    }
    let length = 0;
    const visit = (term: string) => {
      this.buffer.add(this.terms.add(term), number);
      length++;
    };
    if (text.length <= PART) this.analyzer.visit(text, visit);
    else
      for (const part of partsOf(text)) {
        this.analyzer.visit(part, visit);
        yield;
      }
    this.#lengths = grown(this.#lengths, number + 1);
    this.#lengths[number] = length;
    this.tokens += length;
  }
}

function textOf(document: Document, number: number): string {
  const what = `document ${number + 1}`;
  if (typeof document !== 'object' || document === null) throw expected('an object', what, document);
  const { id, text, title } = document;
  if (typeof id !== 'string' || id === '' || UNFIT.test(id))
    throw expected('a string without white space and control characters', `id of ${what}`, id);
  if (typeof text !== 'string') throw expected('a string', `text of ${what} (${id})`, text);
  if (title !== undefined && typeof title !== 'string')
    throw expected('a string', `title of ${what} (${id})`, title);
  return title === undefined || title === '' ? text : `${title} ${text}`;
}

/** Cuts at white space. */
function* partsOf(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    let end = Math.min(from + PART, text.length);
    while (end < text.length && text.charCodeAt(end) > 32) end++;
    yield text.slice(from, end);
    from = end;
  }
}
