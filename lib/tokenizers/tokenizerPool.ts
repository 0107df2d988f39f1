/**
 * Encoding beside the thread that trains.
 */
import { ArgumentError, expected } from '../errors.ts';
import { checkPath } from '../torch/io/path.ts';
import type { TextInput, TokenArrays, TokenBatch } from './encoding.ts';
import { type Asked, PoolThread } from './poolThread.ts';
import { checkOptions, type EncodeOptions } from './settings.ts';
import { toTensors } from './tensors.ts';

export interface TokenizerPoolOptions {
  /** 1 by default. */
  readonly threads?: number;
}

export interface PoolEncodeOptions extends EncodeOptions {
  /** Rejects with its reason. A thread that is still at it a second later is ended, and what it was asked goes to a new one. */
  readonly signal?: AbortSignal | undefined;
}

/** At a thread: one being encoded, and one behind it. Texts of further calls are not copied yet. */
const AHEAD = 2;
const PATIENCE_MS = 1000;

/** Threads with a tokenizer each, which do not keep the process alive. A thread that died is made anew by the next call. */
export class TokenizerPool {
  readonly #path: string;
  readonly #size: number;
  readonly #threads = new Set<PoolThread>();
  readonly #waiting: Asked[] = [];
  #number = 0;
  #disposed = false;

  private constructor(path: string, size: number) {
    this.#path = path;
    this.#size = size;
  }

  /**
   * A pool whose first thread has read the tokenizer.
   *
   * @param path of a folder as `Tokenizer.fromFolder` reads it, or of a tokenizer.json alone
   * @throws ArgumentError with the code `ERR_FILE` for files that cannot be read or are wrong
   */
  static async open(path: string | URL, { threads = 1 }: TokenizerPoolOptions = {}): Promise<TokenizerPool> {
    if (!Number.isSafeInteger(threads) || threads < 1)
      throw expected('a positive integer', 'threads', threads);
    const pool = new TokenizerPool(checkPath(path), threads);
    try {
      await pool.encodeArrays([]);
    } catch (error) {
      await pool.dispose();
      throw error;
    }
    return pool;
  }

  /**
   * As `encodeArrays` of a Tokenizer, whose errors come back as they are.
   *
   * @throws Error when the thread dies
   */
  async encodeArrays(
    inputs: readonly TextInput[],
    { signal, ...options }: PoolEncodeOptions = {},
  ): Promise<TokenArrays> {
    if (this.#disposed)
      throw new ArgumentError('Expected a pool at work but received one that was disposed of');
    checkOptions(options);
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const asked = { question: { number: this.#number++, inputs, options }, resolve, reject };
      this.#waiting.push(asked);
      if (signal !== undefined) this.#watch(asked, signal);
      this.#assign();
    });
  }

  /** As `encodeBatch` of a Tokenizer. The tensors belong to the scope of the call. */
  async encodeBatch(inputs: readonly TextInput[], options: PoolEncodeOptions = {}): Promise<TokenBatch> {
    return toTensors(await this.encodeArrays(inputs, options));
  }

  /** The batches of a source in its order, a few of which are encoded ahead; no more of it is read than that. */
  async *encodeBatches(
    source: AsyncIterable<readonly TextInput[]> | Iterable<readonly TextInput[]>,
    options: PoolEncodeOptions = {},
  ): AsyncGenerator<TokenBatch, void, undefined> {
    const ahead: Promise<TokenArrays>[] = [];
    for await (const inputs of source) {
      const arrays = this.encodeArrays(inputs, options);
      arrays.catch(() => {}); // It is told when its turn comes.
      ahead.push(arrays);
      if (ahead.length > AHEAD * this.#size) yield toTensors(await (ahead.shift() as Promise<TokenArrays>));
    }
    for (const arrays of ahead) yield toTensors(await arrays);
  }

  /** Ends the threads; calls without a result are rejected. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    const threads = [...this.#threads];
    this.#threads.clear();
    for (const { reject } of [...threads.flatMap((thread) => thread.take()), ...this.#waiting.splice(0)])
      reject(new ArgumentError('Expected a pool at work but it was disposed of before the result'));
    await Promise.all(threads.map((thread) => thread.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #assign(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#freeThread();
      if (thread === undefined) return;
      const asked = this.#waiting.shift() as Asked;
      try {
        thread.ask(asked);
      } catch (error) {
        thread.forget(asked);
        asked.reject(error);
      }
    }
  }

  #freeThread(): PoolThread | undefined {
    const [least] = [...this.#threads].sort((a, b) => a.load - b.load);
    if (least !== undefined && (least.load === 0 || this.#threads.size === this.#size)) {
      return least.load < AHEAD ? least : undefined;
    }
    const thread = new PoolThread({ path: this.#path }, (freed, ended) => {
      if (ended) this.#threads.delete(freed);
      this.#assign();
    });
    this.#threads.add(thread);
    return thread;
  }

  #watch(asked: Asked, signal: AbortSignal): void {
    const abort = () => {
      asked.reject(signal.reason);
      const place = this.#waiting.indexOf(asked);
      if (place >= 0) this.#waiting.splice(place, 1);
      else this.#endLater(asked);
    };
    signal.addEventListener('abort', abort, { once: true });
    const { resolve, reject } = asked;
    const settled = () => signal.removeEventListener('abort', abort);
    asked.resolve = (arrays) => {
      settled();
      resolve(arrays);
    };
    asked.reject = (error) => {
      settled();
      reject(error);
    };
  }

  /** Such as when a regular expression of the file takes for ever. What only waits behind another question is left alone. */
  #endLater(asked: Asked): void {
    setTimeout(() => {
      const thread = [...this.#threads].find((each) => each.has(asked));
      if (thread === undefined) return;
      if (thread.oldest !== asked) return this.#endLater(asked);
      this.#threads.delete(thread);
      this.#waiting.unshift(...thread.take().filter((each) => each !== asked));
      thread.stop();
      this.#assign();
    }, PATIENCE_MS).unref();
  }
}
