/**
 * What a retriever found for judged topics: from which negatives are taken.
 */
import { existsSync, readFileSync } from 'node:fs';
import { ArgumentError, expected } from '../../errors.ts';
import { config } from '../../experiment/config.ts';
import { writeAtomically } from '../../experiment/files.ts';
import { identifier } from '../../experiment/identifier.ts';
import { meta, param } from '../../experiment/parameters.ts';
import { optional, pathname } from '../../experiment/types.ts';
import type { Qrels, Run, Topic } from '../../ir/types.ts';
import type { MaybePromise } from '../../learning/iterators.ts';
import { Sampler } from '../../learning/sampler.ts';
import type { Named } from './samples.ts';

/** Topics, what is known to be relevant for them, and what was retrieved. */
export interface Rankings {
  readonly topics: Iterable<Topic>;
  readonly qrels: Qrels;
  readonly run: Run;
}

/** Where rankings come from: a collection and a retriever, or files. */
export abstract class RankingSource extends config(import.meta, 'xpmir.letor.samplers.RankingSource', {}) {
  abstract rankings(): MaybePromise<Rankings>;
}

/** Rankings that are there already. For scripts: they have no identity. */
export class GivenRankings extends RankingSource {
  readonly #rankings: Rankings;

  constructor(rankings: Rankings) {
    super();
    this.#rankings = rankings;
  }

  rankings(): Rankings {
    return this.#rankings;
  }
}

/** A topic with its relevant documents and grades, and with those that were retrieved and are not relevant, best first. */
export interface JudgedTopic {
  readonly topic: Topic;
  readonly positives: readonly (readonly [id: string, grade: number])[];
  readonly negatives: readonly string[];
}

export interface JudgedTopics {
  readonly topics: readonly JudgedTopic[];
  /** Topics that have no relevant document, or of whose retrieved ones all are. */
  readonly skipped: number;
}

/** Positives are judged relevant (a grade of at least 1), negatives were retrieved and are not; topics without either are skipped. */
export function judge({ topics, qrels, run }: Rankings): JudgedTopics {
  const judged: JudgedTopic[] = [];
  let skipped = 0;
  for (const topic of topics) {
    const grades = qrels.get(topic.id) ?? new Map<string, number>();
    const positives = [...grades].filter(([, grade]) => grade >= 1);
    const ranked = [...(run.get(topic.id) ?? [])].sort(byScore);
    const negatives = ranked.flatMap(([id]) => ((grades.get(id) ?? 0) >= 1 ? [] : [id]));
    if (positives.length > 0 && negatives.length > 0) judged.push({ topic, positives, negatives });
    else skipped++;
  }
  return { topics: judged, skipped };
}

type Scored = readonly [id: string, score: number];

/** Highest first; equal scores by identifier, descending, as trec_eval has it. */
function byScore([idA, a]: Scored, [idB, b]: Scored): number {
  return b - a || (idA < idB ? 1 : idA > idB ? -1 : 0);
}

/** Samples of what a retriever found and of what was judged; documents are there by identifier. */
export abstract class ModelBasedSampler extends config(
  import.meta,
  'xpmir.letor.samplers.ModelBasedSampler',
  {
    source: param(RankingSource),
    /** Where the rankings are kept for the next time, unless they come from another configuration; default nowhere. */
    cache: meta(optional(pathname)),
  },
  Sampler,
) {
  #judged: Promise<JudgedTopics> | undefined;

  /** @throws ArgumentError when no topic is left */
  judged(): Promise<JudgedTopics> {
    this.#judged ??= this.#read()
      .then(someOf)
      .catch((error: unknown) => {
        this.#judged = undefined;
        throw error;
      });
    return this.#judged;
  }

  async #read(): Promise<JudgedTopics> {
    const { cache, source } = this;
    if (cache === undefined) return judge(await source.rankings());
    const key = identifier(source);
    const kept = existsSync(cache) ? readCache(cache) : undefined;
    if (kept?.key === key) return kept.judged;
    const judged = judge(await source.rankings());
    writeAtomically(cache, `${JSON.stringify({ version: 1, key, judged })}\n`);
    return judged;
  }
}

function readCache(path: string): { readonly key: string; readonly judged: JudgedTopics } {
  try {
    const { version, key, judged } = JSON.parse(readFileSync(path, 'utf8')) as {
      version: unknown;
      key: string;
      judged: JudgedTopics;
    };
    if (version !== 1 || typeof key !== 'string' || !Array.isArray(judged?.topics))
      throw expected('version 1', 'version', version);
    return { key, judged };
  } catch (error) {
    // It may be anything that somebody named by mistake: nothing is written over it.
    throw new ArgumentError(`${path}: expected cached rankings: ${(error as Error).message}`, 'ERR_FILE');
  }
}

/** Tells how many were skipped. */
function someOf(judged: JudgedTopics): JudgedTopics {
  const { topics, skipped } = judged;
  const wanted = 'a relevant document and a retrieved one that is not';
  if (topics.length === 0)
    throw new ArgumentError(`Expected a topic with ${wanted} but received none (${skipped} skipped)`);
  if (skipped > 0)
    process.emitWarning(`${skipped} of ${skipped + topics.length} topics lack ${wanted}`, 'XpmirWarning');
  return judged;
}

export const named = (id: string): Named => ({ id });
