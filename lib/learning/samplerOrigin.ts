/**
 * How a thread makes the batches of a sampler: from what was recorded of it.
 */
import { loadTask } from '../experiment/load.ts';
import type { TaskRecord } from '../experiment/record.ts';
import { EndlessIterator } from './iterators.ts';
import { RandomState, type RandomWords } from './random.ts';
import type { Sampler } from './sampler.ts';

export interface SamplerOptions {
  /** The sampler, with paths from the root of the file system. */
  readonly record: TaskRecord;
  readonly random: RandomWords;
  readonly batchSize: number;
}

export async function openBatches({
  record,
  random,
  batchSize,
}: SamplerOptions): Promise<EndlessIterator<readonly unknown[], unknown>> {
  const { task } = await loadTask(record, '/');
  const sampler = task as unknown as Sampler<unknown>;
  return new EndlessIterator(sampler.batches(RandomState.fromWords(random), batchSize));
}
