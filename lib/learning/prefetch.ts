/**
 * Items that a thread makes ahead, while this one computes.
 */
import { ArgumentError, expected } from '../errors.ts';
import { programBeside } from '../experiment/command.ts';
import type { Config } from '../experiment/declaration.ts';
import { recordTask } from '../experiment/record.ts';
import { requireDeclared } from '../experiment/seal.ts';
import { DONE, type EndlessState, type Item, SerializableIterator } from './iterators.ts';
import { checkPlain, type IteratorOrigin } from './prefetchProtocol.ts';
import { PrefetchThread } from './prefetchThread.ts';
import type { RandomState } from './random.ts';
import type { Sampler } from './sampler.ts';
import type { SamplerOptions } from './samplerOrigin.ts';

/** A thread must not outlive its iterator, when nobody closed it. */
const abandoned = new FinalizationRegistry<{ thread: PrefetchThread<unknown, unknown> | undefined }>(
  (held) => {
    void held.thread?.stop();
  },
);

/**
 * The items of an iterator that a thread makes ahead of time. Each one comes with the state after it, so the state here
 * is that of the last item taken, whatever is on the way. State: of the iterator in the thread, or null at the
 * beginning; a wrong one is refused with the next item.
 */
export class PrefetchIterator<T, S = unknown> extends SerializableIterator<T, S | null> {
  readonly #origin: IteratorOrigin;
  readonly #capacity: number;
  readonly #held: { thread: PrefetchThread<T, S> | undefined } = { thread: undefined };
  #state: S | null = null;
  #isTaking = false;

  /** @param capacity how many items may wait; default 100 */
  constructor(origin: IteratorOrigin, { capacity = 100 }: { readonly capacity?: number } = {}) {
    super();
    if (!Number.isSafeInteger(capacity) || capacity < 1)
      throw expected('a positive integer', 'capacity', capacity);
    checkPlain(origin, 'origin');
    this.#origin = origin;
    this.#capacity = capacity;
    abandoned.register(this, this.#held as { thread: PrefetchThread<unknown, unknown> | undefined });
  }

  /** @throws what the iterator threw, after the items before that; the call after that tries again */
  async next(): Promise<Item<T>> {
    if (this.#isTaking)
      throw new ArgumentError('prefetch: expected a call of next once the item before is there');
    this.#isTaking = true;
    this.#held.thread ??= new PrefetchThread<T, S>({
      origin: this.#origin,
      state: this.#state,
      capacity: this.#capacity,
    });
    try {
      const { item, state } = await this.#held.thread.next();
      this.#state = state;
      return item.done === true ? DONE : item;
    } catch (error) {
      await this.close();
      throw error;
    } finally {
      this.#isTaking = false;
    }
  }

  stateDict(): S | null {
    return this.#state;
  }

  loadStateDict(state: S | null): void {
    void this.close();
    this.#state = state;
  }

  override async close(): Promise<void> {
    const { thread } = this.#held;
    this.#held.thread = undefined;
    await thread?.stop();
  }
}

/**
 * Pass after pass of the batches of a sampler, the same as without a thread.
 *
 * @throws ArgumentError when the thread could not make the sampler again, because its class is not declared
 */
export function prefetchBatches<T>(
  sampler: Sampler<T>,
  {
    random,
    batchSize,
    capacity,
  }: { readonly random: RandomState; readonly batchSize: number; readonly capacity: number },
): PrefetchIterator<readonly T[], EndlessState<unknown>> {
  requireDeclared([{ config: sampler as Config, at: 'sampler', steps: [] }]);
  const record = recordTask(sampler, { workspace: '/' });
  const options: SamplerOptions = { record, random: random.words(), batchSize };
  const imports = record.objects.map(({ module }) => module);
  return new PrefetchIterator(
    { module: programBeside(import.meta.url, './samplerOrigin').href, name: 'openBatches', options, imports },
    { capacity },
  );
}
