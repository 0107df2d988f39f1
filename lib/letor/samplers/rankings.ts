/**
 * What a retriever found for judged topics: from which negatives are taken.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError } from '../../errors.ts';
import { config } from '../../experiment/config.ts';
import { identifier } from '../../experiment/identifier.ts';
import { meta, param } from '../../experiment/parameters.ts';
import { optional, pathname } from '../../experiment/types.ts';
import { readRun, writeRun } from '../../ir/collections/runs.ts';
import { ranked } from '../../ir/measures/ranking.ts';
import { Adhoc, type JudgedTopics } from '../../ir/rankers/adhoc.ts';
import { Retriever, retrieveRun } from '../../ir/rankers/retriever.ts';
import type { Run, Topic } from '../../ir/types.ts';
import type { MaybePromise } from '../../learning/iterators.ts';
import { Sampler } from '../../learning/sampler.ts';

/** Topics, what is known to be relevant for them, and what was retrieved. */
export interface Rankings extends JudgedTopics {
  readonly run: Run;
}

/** Where rankings come from. */
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

/**
 * What a retriever finds for the judged topics of a dataset; it is asked once. With a `RunFileRetriever` and a `FileAdhoc` all
 * of it comes from files.
 */
export class RetrieverRankings extends config(
  import.meta,
  'xpmir.letor.samplers.RetrieverRankings',
  {
    retriever: param(Retriever),
    dataset: param(Adhoc),
    /** A directory that keeps the run of each configuration, as TREC has runs, for other jobs and threads; default none. */
    cache: meta(optional(pathname)),
  },
  RankingSource,
) {
  #run: Promise<Run> | undefined;

  override async rankings(): Promise<Rankings> {
    const { topics, qrels } = await this.dataset.open();
    const judged = [...topics].filter(({ id }) => qrels.has(id));
    this.#run ??= this.#found(judged).catch((error: unknown) => {
      this.#run = undefined;
      throw error;
    });
    return { topics: judged, qrels, run: await this.#run };
  }

  async #found(topics: readonly Topic[]): Promise<Run> {
    const { cache, retriever } = this;
    if (cache === undefined) return retrieveRun(retriever, topics);
    const file = join(cache, `${identifier(this)}.run.gz`);
    if (existsSync(file)) return readRun(file);
    const run = await retrieveRun(retriever, topics);
    mkdirSync(cache, { recursive: true });
    await writeRun(file, run);
    return run;
  }
}

/** A topic with its relevant documents and grades, and with those that were retrieved and are not relevant, best first. */
export interface TopicCandidates {
  readonly topic: Topic;
  readonly positives: readonly (readonly [id: string, grade: number])[];
  readonly negatives: readonly string[];
}

export interface Candidates {
  readonly topics: readonly TopicCandidates[];
  /** Topics that have no relevant document, or of whose retrieved ones all are. */
  readonly skipped: number;
}

/** Positives are judged relevant (a grade of at least 1), negatives were retrieved and are not; topics without either are skipped. */
export function judge({ topics, qrels, run }: Rankings): Candidates {
  const judged: TopicCandidates[] = [];
  let skipped = 0;
  for (const topic of topics) {
    const grades = qrels.get(topic.id) ?? new Map<string, number>();
    const positives = [...grades].filter(([, grade]) => grade >= 1);
    const found = ranked(topic.id, run.get(topic.id) ?? []);
    const negatives = found.filter((id) => !((grades.get(id) ?? 0) >= 1));
    if (positives.length > 0 && negatives.length > 0) judged.push({ topic, positives, negatives });
    else skipped++;
  }
  return { topics: judged, skipped };
}

/** Samples of what a retriever found and of what was judged; documents are there by identifier. */
export abstract class ModelBasedSampler extends config(
  import.meta,
  'xpmir.letor.samplers.ModelBasedSampler',
  { source: param(RankingSource) },
  Sampler,
) {
  #judged: Promise<Candidates> | undefined;

  /** @throws ArgumentError when no topic is left */
  judged(): Promise<Candidates> {
    this.#judged ??= this.#read().catch((error: unknown) => {
      this.#judged = undefined;
      throw error;
    });
    return this.#judged;
  }

  async #read(): Promise<Candidates> {
    return someOf(judge(await this.source.rankings()));
  }
}

/** Tells how many were skipped. */
function someOf(judged: Candidates): Candidates {
  const { topics, skipped } = judged;
  const wanted = 'a relevant document and a retrieved one that is not';
  if (topics.length === 0)
    throw new ArgumentError(`Expected a topic with ${wanted} but received none (${skipped} skipped)`);
  if (skipped > 0)
    process.emitWarning(`${skipped} of ${skipped + topics.length} topics lack ${wanted}`, 'XpmirWarning');
  return judged;
}
