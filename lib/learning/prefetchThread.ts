/**
 * A thread that works ahead, seen from the thread that takes what it makes.
 */
import { types } from 'node:util';
import { Worker } from 'node:worker_threads';
import { ArgumentError } from '../errors.ts';
import { programBeside, threadProgram } from '../experiment/command.ts';
import { type ErrorRecord, type Prefetched, type PrefetchStart, reviveError } from './prefetchProtocol.ts';

const program = programBeside(import.meta.url, './prefetchWorker');

type Given<T, S> = Extract<Prefetched<T, S>, { readonly item: unknown }>;

export class PrefetchThread<T, S> {
  readonly #worker: Worker;
  readonly #ready: Prefetched<T, S>[] = [];
  #end: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(start: PrefetchStart) {
    const { module, imports = [] } = start.origin;
    this.#worker = new Worker(threadProgram(program.href, [module, ...imports]), {
      eval: true,
      execArgv: [],
      name: 'xpmir prefetch',
      workerData: start,
    });
    this.#worker.on('message', (message: Prefetched<T, S>) => {
      this.#ready.push(message);
      this.#wake?.();
    });
    const end = (error: unknown) => {
      this.#end ??= types.isNativeError(error) ? error : new ArgumentError(`prefetch: ${error}`);
      this.#wake?.();
    };
    this.#worker.on('error', end);
    this.#worker.on('messageerror', end);
    this.#worker.on('exit', (code) =>
      end(new Error(`prefetch: its thread ended by itself, with code ${code}`)),
    );
    // Only who waits for an item keeps the process alive.
    this.#worker.unref();
  }

  /** @throws what was thrown in the thread, once all that came before was taken */
  async next(): Promise<Given<T, S>> {
    while (this.#ready.length === 0) {
      if (this.#end !== undefined) throw this.#end;
      this.#worker.ref();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#worker.unref();
    }
    const first = this.#ready.shift() as Prefetched<T, S>;
    if ('error' in first) throw reviveError(first.error as ErrorRecord);
    this.#worker.postMessage(1);
    return first;
  }

  async stop(): Promise<void> {
    this.#worker.removeAllListeners();
    await this.#worker.terminate();
  }
}
