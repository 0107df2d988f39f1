/**
 * A thread that encodes, seen from the pool.
 */
import { types } from 'node:util';
import { Worker } from 'node:worker_threads';
import { programBeside, threadProgram } from '../experiment/command.ts';
import { reviveError } from '../learning/prefetchProtocol.ts';
import type { TokenArrays } from './encoding.ts';
import type { Answer, Question, ThreadStart } from './poolProtocol.ts';

const program = programBeside(import.meta.url, './poolWorker');

export interface Asked {
  readonly question: Question;
  resolve(arrays: TokenArrays): void;
  reject(error: unknown): void;
}

export class PoolThread {
  readonly #worker: Worker;
  readonly #asked = new Map<number, Asked>();

  /** @param free is called whenever there is room for a question, or the thread has ended */
  constructor(start: ThreadStart, free: (thread: PoolThread, ended: boolean) => void) {
    this.#worker = new Worker(threadProgram(program.href, []), {
      eval: true,
      execArgv: [],
      name: 'xpmir tokenizer',
      workerData: start,
    });
    this.#worker.on('message', (answer: Answer) => {
      this.#answer(answer);
      free(this, false);
    });
    const end = (error: Error) => {
      for (const { reject } of this.take()) reject(error);
      free(this, true);
    };
    this.#worker.on('error', (error: unknown) =>
      end(types.isNativeError(error) ? error : new Error(String(error))),
    );
    this.#worker.on('exit', (code) =>
      end(new Error(`The tokenizer's thread ended by itself, with code ${code}`)),
    );
    this.#worker.unref();
  }

  /** Questions without an answer. */
  get load(): number {
    return this.#asked.size;
  }

  /** What is being encoded. */
  get oldest(): Asked | undefined {
    return this.#asked.values().next().value;
  }

  has(asked: Asked): boolean {
    return this.#asked.get(asked.question.number) === asked;
  }

  ask(asked: Asked): void {
    // Only who waits for an answer keeps the process alive.
    this.#worker.ref();
    this.#asked.set(asked.question.number, asked);
    this.#worker.postMessage(asked.question);
  }

  /** What could not be sent. */
  forget({ question }: Asked): void {
    this.#asked.delete(question.number);
    if (this.#asked.size === 0) this.#worker.unref();
  }

  /** Takes back all questions without an answer. */
  take(): Asked[] {
    const all = [...this.#asked.values()];
    this.#asked.clear();
    this.#worker.unref();
    return all;
  }

  async stop(): Promise<void> {
    this.#worker.removeAllListeners();
    await this.#worker.terminate();
  }

  #answer(answer: Answer): void {
    const asked = this.#asked.get(answer.number);
    this.#asked.delete(answer.number);
    if (this.#asked.size === 0) this.#worker.unref();
    if ('arrays' in answer) asked?.resolve(answer.arrays);
    else asked?.reject(reviveError(answer.error));
  }
}
