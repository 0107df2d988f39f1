/** A process that stays and answers: one line of JSON for a request, one for its reply. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface WorkerReply {
  readonly nanoseconds: number;
  /** A number that both sides must agree on: they did the same work. */
  readonly check: number;
}

/** What a worker says first. */
export interface Greeting {
  readonly torch: string;
  readonly runtime: string;
}

export class Worker {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #name: string;

  private constructor(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#name = name;
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
    this.#child.on('error', () => {}); // the end of its output says it
    this.#child.stdin!.on('error', () => {});
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Starts one and waits until it is ready. */
  static async start(
    name: string,
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
  ): Promise<{ worker: Worker; greeting: Greeting }> {
    const worker = new Worker(name, command, args, env);
    return { worker, greeting: (await worker.#answer()) as Greeting };
  }

  /**
   * Runs so many iterations of a case.
   *
   * @param settled iterations before them, without the clock
   */
  async run(name: string, iterations: number, settled = 0): Promise<WorkerReply> {
    this.#child.stdin!.write(`${JSON.stringify({ case: name, iterations, settled })}\n`);
    return (await this.#answer()) as WorkerReply;
  }

  stop(): void {
    this.#child.stdin!.end();
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.#name} ended before it answered`);
    const reply = JSON.parse(value) as { error?: string };
    if (reply.error !== undefined) throw new Error(`${this.#name}: ${reply.error}`);
    return reply;
  }
}
