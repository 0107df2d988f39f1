/**
 * How a batch is worked on: at once, or in parts that fit into memory.
 */
import { expected } from '../errors.ts';
import { config } from '../experiment/config.ts';
import { tidy } from '../torch/scope.ts';
import type { MaybePromise } from './iterators.ts';
import { freeMemory, isOutOfMemory, RecoverableOOMError } from './outOfMemory.ts';

/** What can be cut: an array, a typed array, or anything else with these two. */
export interface Sliceable {
  readonly length: number;
  slice(start: number, end: number): unknown;
}

export interface ProcessOptions {
  /**
   * When memory runs out: `true` throws a RecoverableOOMError once the parts were made smaller, so that all is done
   * again, as gradients need it; `false`, the default, goes on with the part that failed.
   */
  readonly raiseOom?: boolean;
}

/** Works on batches at once. */
export class Batcher extends config(import.meta, 'xpmir.learning.batchers.Batcher', {}) {
  /** A worker for a run. @param batchSize of the largest batch */
  initialize(batchSize: number): BatcherWorker {
    return new BatcherWorker(batchSize);
  }
}

/** Works on a batch at once as long as memory lasts, and then, for the rest of the run, in parts of half of it, a third, ... */
export class PowerAdaptativeBatcher extends config(
  import.meta,
  'xpmir.learning.batchers.PowerAdaptativeBatcher',
  {},
  Batcher,
) {
  override initialize(batchSize: number): BatcherWorker {
    return new PowerAdaptativeBatcherWorker(batchSize);
  }
}

/** A batcher at work in one run. Functions that it is given may be async; tensors that they made and do not return are freed. */
export class BatcherWorker {
  readonly batchSize: number;

  constructor(batchSize: number) {
    if (!Number.isSafeInteger(batchSize) || batchSize < 1)
      throw expected('a positive integer', 'batchSize', batchSize);
    this.batchSize = batchSize;
  }

  /** The most that a part holds. */
  get size(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** Calls `fn` for each part. */
  async process<B extends Sliceable>(
    batch: B,
    fn: (part: B) => MaybePromise<unknown>,
    { raiseOom = false }: ProcessOptions = {},
  ): Promise<void> {
    let done = 0;
    while (done < lengthOf(batch)) {
      const part = this.#part(batch, done);
      await this.#attempt(async () => {
        await fn(part);
        done += part.length;
      }, raiseOom);
    }
  }

  /**
   * Calls `fn` once with all parts and their number, and again from the first part, in smaller ones, when memory runs out.
   *
   * @returns what `fn` returned
   */
  async processWithReplay<B extends Sliceable, R>(
    batch: B,
    fn: (parts: IterableIterator<B>, count: number) => MaybePromise<R>,
  ): Promise<R> {
    for (;;) {
      const parts = this.split(batch);
      const result = await this.#attempt(async () => fn(parts.values(), parts.length), false);
      if (result !== undefined) return result.value;
    }
  }

  /** The parts that a batch is worked on in now, for who computes them by other means. */
  split<B extends Sliceable>(batch: B): B[] {
    const parts: B[] = [];
    for (let at = 0; at < lengthOf(batch); at += (parts.at(-1) as B).length)
      parts.push(this.#part(batch, at));
    return parts;
  }

  /** Whether memory that ran out may be enough for the parts of now; frees what can be freed. */
  async recover(error: unknown): Promise<boolean> {
    if (!isOutOfMemory(error) || !this.shrink()) return false;
    await freeMemory();
    return true;
  }

  /** Folds the parts into one value, `fn(fn(initial, first), second)`; a part that failed is folded again in smaller ones. */
  async reduce<B extends Sliceable, R>(
    batch: B,
    fn: (value: R, part: B) => MaybePromise<R>,
    initial: R,
  ): Promise<R> {
    let value = initial;
    for (let done = 0; done < lengthOf(batch); ) {
      const part = this.#part(batch, done);
      const result = await this.#attempt(async () => fn(value, part), false);
      if (result === undefined) continue;
      value = result.value;
      done += part.length;
    }
    return value;
  }

  /** Whether it can work in smaller parts when memory runs out. */
  get recovers(): boolean {
    return false;
  }

  /** What a resumed run has to know, as JSON. */
  stateDict(): unknown {
    return null;
  }

  loadStateDict(_state: unknown): void {}

  /** Makes the parts smaller; false when that cannot be done. */
  protected shrink(): boolean {
    return false;
  }

  /** A batch that fits is not cut, so what has no `slice` works too. */
  #part<B extends Sliceable>(batch: B, start: number): B {
    if (start === 0 && batch.length <= this.size) return batch;
    return batch.slice(start, Math.min(start + this.size, batch.length)) as B;
  }

  /** @returns undefined when memory ran out and it can be tried again */
  async #attempt<R>(fn: () => Promise<R>, raiseOom: boolean): Promise<{ readonly value: R } | undefined> {
    const before = this.size;
    try {
      return { value: await tidy(fn) };
    } catch (error) {
      if (!(await this.recover(error))) throw error;
      if (!raiseOom) return undefined;
      throw new RecoverableOOMError(
        `Memory ran out with ${before} records at once; from here on at most ${this.size}`,
        error,
      );
    }
  }
}

function lengthOf(batch: Sliceable): number {
  const length: unknown = batch?.length;
  if (!Number.isSafeInteger(length) || (length as number) < 0)
    throw expected('something with a length', 'batch', batch);
  return length as number;
}

class PowerAdaptativeBatcherWorker extends BatcherWorker {
  #size = this.batchSize;

  override get size(): number {
    return this.#size;
  }

  override get recovers(): boolean {
    return true;
  }

  override stateDict(): { readonly size: number } {
    return { size: this.#size };
  }

  override loadStateDict(state: unknown): void {
    // The batches of before were not cut.
    if (state === null) return;
    const { size } = { ...(state as { size?: unknown }) };
    if (!Number.isSafeInteger(size) || (size as number) < 1)
      throw expected('a positive integer', 'size', size);
    this.#size = Math.min(size as number, this.batchSize);
  }

  /** To ⌊batchSize / k⌋ of the smallest divider k that makes a difference: of 16 to 8, 5, 4, 3, 2, 1. */
  protected override shrink(): boolean {
    if (this.#size === 1) return false;
    let divider = Math.floor(this.batchSize / this.#size);
    while (Math.floor(this.batchSize / divider) === this.#size) divider++;
    this.#size = Math.floor(this.batchSize / divider);
    return true;
  }
}
