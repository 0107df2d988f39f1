/**
 * What returns documents for a topic.
 */
import { setImmediate } from 'node:timers/promises';
import { ArgumentError } from '../../errors.ts';
import { config } from '../../experiment/config.ts';
import type { MaybePromise } from '../../learning/iterators.ts';
import { checkOptions } from '../../options.ts';
import type { Run, ScoredDocument, Topic } from '../types.ts';

/** Returns documents for topics. */
export abstract class Retriever extends config(import.meta, 'xpmir.rankers.Retriever', {}) {
  /** The documents for a topic, best first, each once. */
  abstract retrieve(topic: Topic): MaybePromise<readonly ScoredDocument[]>;
}

export interface RetrieveOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a retriever returns for topics, one after the other; others have a turn in between.
 *
 * @throws ArgumentError for no topics at all, and for one that comes twice
 */
export async function* retrieveEach(
  retriever: Retriever,
  topics: Iterable<Topic>,
  options: RetrieveOptions = {},
): AsyncGenerator<readonly [topic: Topic, documents: readonly ScoredDocument[]]> {
  const { signal } = checkOptions('retrieve', options, ['signal']);
  const seen = new Set<string>();
  for (const topic of topics) {
    if (seen.has(topic.id))
      throw new ArgumentError(`Expected topics that come once but ${topic.id} is there twice`);
    seen.add(topic.id);
    signal?.throwIfAborted();
    yield [topic, await retriever.retrieve(topic)];
    await setImmediate();
  }
  if (seen.size === 0) throw new ArgumentError('Expected at least one topic but received none');
}

/** The run of a retriever over topics. @throws as `retrieveEach` */
export async function retrieveRun(
  retriever: Retriever,
  topics: Iterable<Topic>,
  options: RetrieveOptions = {},
): Promise<Run> {
  const run = new Map<string, ReadonlyMap<string, number>>();
  for await (const [{ id }, documents] of retrieveEach(retriever, topics, options))
    run.set(id, new Map(documents.map((document) => [document.id, document.score])));
  return run;
}
