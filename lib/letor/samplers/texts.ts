/**
 * Where the texts of topics and documents are.
 */
import { readFileSync } from 'node:fs';
import { ArgumentError, expected } from '../../errors.ts';
import { config } from '../../experiment/config.ts';
import { param } from '../../experiment/parameters.ts';
import { optional, pathname, string } from '../../experiment/types.ts';
import type { MaybePromise } from '../../learning/iterators.ts';

/** Texts by identifier, such as a DocumentStore. */
export interface TextsById {
  /** @throws where there is none */
  text(id: string): MaybePromise<string>;
  /** In their order. */
  ids(): Iterable<string>;
}

/** Texts by identifier, as configuration: whatever reads ahead in a thread opens them there again. */
export abstract class Texts
  extends config(import.meta, 'xpmir.letor.samplers.Texts', {})
  implements TextsById
{
  abstract text(id: string): MaybePromise<string>;
  abstract ids(): Iterable<string>;
}

/** `id text` between a tab on each line, as in MS MARCO; all of it is held in memory. */
export class TsvTexts extends config(
  import.meta,
  'xpmir.letor.samplers.TsvTexts',
  {
    file: param(pathname),
    /** Names what is in the file, in the identity. */
    content: param(optional(string)),
  },
  Texts,
) {
  #texts: ReadonlyMap<string, string> | undefined;

  text(id: string): string {
    const text = this.#read().get(id);
    if (text === undefined)
      throw new ArgumentError(`Expected a text for ${id} in ${this.file} but found none`);
    return text;
  }

  ids(): Iterable<string> {
    return this.#read().keys();
  }

  #read(): ReadonlyMap<string, string> {
    this.#texts ??= new Map(
      readFileSync(this.file, 'utf8')
        .split('\n')
        .flatMap((line, i) =>
          line === '' ? [] : [entryOf(line.replace(/\r$/, ''), `${this.file}:${i + 1}`)],
        ),
    );
    return this.#texts;
  }
}

function entryOf(line: string, at: string): readonly [string, string] {
  const tab = line.indexOf('\t');
  if (tab <= 0) throw new ArgumentError(`${at}: expected an identifier, a tab and a text`, 'ERR_FILE');
  return [line.slice(0, tab), line.slice(tab + 1)];
}

/** Texts that are open already, such as a DocumentStore. For scripts: they have no identity. */
export class OpenTexts extends Texts {
  readonly #texts: TextsById;

  constructor(texts: TextsById) {
    super();
    if (typeof texts?.text !== 'function') throw expected('something with text(id)', 'texts', texts);
    this.#texts = texts;
  }

  text(id: string): MaybePromise<string> {
    return this.#texts.text(id);
  }

  ids(): Iterable<string> {
    return this.#texts.ids();
  }
}
