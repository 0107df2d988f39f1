/**
 * The collection as a configuration: what a model was trained on is a part of its identity.
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { config, param, pathname, string } from 'xpmir/experiment';
import { buildCorpus, type Corpus, declarationFiles, type Part, readDeclarations } from './corpus.ts';
import type { DualEncoder } from './encoder.ts';
import { type Collection, toCollection } from './rankers.ts';

/** The declarations under a directory, read when they are first asked for. */
export class Declarations extends config(import.meta, 'xpmir.examples.jsdoc.Declarations', {
  from: param(pathname),
  /** Of the names and sizes of the files: a path says nothing about what lies there. */
  fingerprint: param(string),
}) {
  #corpus: Corpus | undefined;
  readonly #collections = new Map<number, Collection>();

  /** @throws Error when there is no such directory */
  static under(directory: string): Declarations {
    const hash = createHash('sha256');
    for (const file of declarationFiles(directory)) {
      hash.update(`${relative(directory, file)} ${statSync(file).size}\n`);
    }
    return new Declarations({ from: resolve(directory), fingerprint: hash.digest('hex').slice(0, 16) });
  }

  get corpus(): Corpus {
    this.#corpus ??= buildCorpus(readDeclarations(this.from));
    return this.#corpus;
  }

  /** The texts as an encoder sees them. */
  collection(encoder: DualEncoder): Collection {
    const known = this.#collections.get(encoder.buckets);
    if (known !== undefined) return known;
    const made = toCollection(this.corpus, encoder);
    this.#collections.set(encoder.buckets, made);
    return made;
  }

  /** Numbers of the topics of a part. */
  topics(part: Part): number[] {
    const { topics } = this.corpus;
    return [...topics.keys()].filter((i) => topics[i]!.part === part);
  }
}
