/** Loading a file in a process of its own first: what crashes there, hangs or fills the memory, harms nobody. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ArgumentError, expected } from '../../errors.ts';
import { checkOptions } from '../../options.ts';
import { cannotRead, checkPath } from '../io/path.ts';
import { isArray } from '../nested.ts';

export interface ProbeOptions {
  /** Seconds that it may take, the start of the process included. Default 60. */
  readonly timeout?: number;
  /** Bytes that the process may hold. Default 8 times those of the file and 1 GiB beside. Watched on Linux only. */
  readonly memory?: number;
}

/** What was loaded. */
export interface ProbeReport {
  /** Of the file that was loaded: `load` with it loads no other one. */
  readonly sha256: string;
  readonly originalName: string;
  readonly methods: readonly string[];
  /** Names and shapes of what its state dict has. */
  readonly state: readonly (readonly [name: string, shape: readonly number[]])[];
}

const GIB = 2 ** 30;
const PAGE = 4096;
const WATCH_MS = 5;
const OPTIONS = ['timeout', 'memory'];

/**
 * Loads a TorchScript file in another process, which runs none of its methods.
 *
 * @throws ArgumentError with the code `ERR_FILE` where that process refuses it, dies of it, takes too long or too much memory
 * @example
 * const { sha256 } = await torch.jit.probe('model.pt');
 * const model = torch.jit.load('model.pt', { sha256 });
 */
export async function probe(source: string | URL, options: ProbeOptions = {}): Promise<ProbeReport> {
  const asked = question(source, options);
  const child = new ProbeProcess();
  try {
    return await child.ask(asked);
  } finally {
    child.end();
  }
}

/**
 * Probes files one after the other, in one process for as long as it lives: much faster than one for each, and for files
 * that may be damaged. One that means harm could answer for those after it, so those of unknown origin are for `probe`.
 *
 * @param options for each of the files
 * @returns for each file its report, or the error with which `probe` rejects
 */
export async function probeAll(
  sources: readonly (string | URL)[],
  options: ProbeOptions = {},
): Promise<(ProbeReport | ArgumentError)[]> {
  if (!isArray(sources)) throw expected('an array of paths', 'sources', sources);
  checkOptions('probeAll', options, OPTIONS);
  const paths: string[] = [];
  for (let i = 0; i < sources.length; i++) paths.push(checkPath(sources[i]));
  const answers: (ProbeReport | ArgumentError)[] = [];
  let child: ProbeProcess | undefined;
  try {
    for (const path of paths) {
      try {
        const asked = question(path, options);
        if (child === undefined || !child.isAlive) child = new ProbeProcess();
        answers.push(await child.ask(asked));
      } catch (error) {
        if (!(error instanceof ArgumentError)) throw error;
        answers.push(error);
      }
    }
  } finally {
    child?.end();
  }
  return answers;
}

interface Question {
  readonly path: string;
  readonly timeout: number;
  readonly memory: number;
}

function question(source: string | URL, options: ProbeOptions): Question {
  const path = checkPath(source);
  const { timeout = 60, memory = 8 * sizeOf(path) + GIB } = checkOptions('probe', options, OPTIONS);
  if (!(timeout > 0)) throw expected('a positive number of seconds', 'timeout', timeout);
  if (!(memory > 0)) throw expected('a positive number of bytes', 'memory', memory);
  return { path, timeout, memory };
}

/** The process of `probeProgram`, which takes paths and answers on a pipe of its own: what is loaded may print. */
class ProbeProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  #errors = '';
  #killed = '';
  /** What earlier files left in its memory. */
  #held = 0;
  isAlive = true;

  constructor() {
    const program = fileURLToPath(new URL(`./probeProgram${extname(import.meta.url)}`, import.meta.url));
    this.#child = spawn(process.execPath, [...process.execArgv, program], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    });
    // Who writes to a process that has died learns of it where its answer is awaited.
    this.#child.stdin?.on('error', () => {});
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk).slice(-1000);
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject).on('close', (code, signal) => {
        this.isAlive = false;
        resolve(signal === null ? `ended with code ${code}: ${this.#errors.trim()}` : `ended by ${signal}`);
      });
    });
    this.#ended.catch(() => {});
  }

  async ask({ path, timeout, memory }: Question): Promise<ProbeReport> {
    const slow = setTimeout(() => this.#kill(`it took longer than ${timeout} s`), 1000 * timeout);
    const watch = setInterval(() => {
      if (residentBytes(this.#child.pid) > this.#held + memory)
        this.#kill(`it took more than ${memory} bytes of memory`);
    }, WATCH_MS);
    try {
      const line = this.#line();
      this.#child.stdin?.write(`${JSON.stringify(path)}\n`);
      const reply = await Promise.race([line, this.#ended]);
      if (typeof reply === 'string') return refuse(path, this.#killed || `its process ${reply}`);
      if ('problem' in reply) throw new ArgumentError(reply.problem, 'ERR_FILE');
      this.#held = residentBytes(this.#child.pid);
      return reply;
    } finally {
      clearTimeout(slow);
      clearInterval(watch);
    }
  }

  /** Lets it go; it may be at work still. */
  end(): void {
    this.#child.kill('SIGKILL');
  }

  #kill(why: string): void {
    this.#killed ||= why;
    this.isAlive = false;
    this.#child.kill('SIGKILL');
  }

  async #line(): Promise<ProbeReport | { readonly problem: string }> {
    const answers = this.#child.stdio[3] as Readable;
    let text = '';
    return new Promise((resolve) => {
      const take = (chunk: Buffer) => {
        text += chunk;
        if (!text.endsWith('\n')) return;
        answers.off('data', take);
        resolve(JSON.parse(text) as ProbeReport | { problem: string });
      };
      answers.on('data', take);
    });
  }
}

function refuse(path: string, reason: string): never {
  throw new ArgumentError(
    `Expected a file that can be loaded for source but received ${path}: ${reason}`,
    'ERR_FILE',
  );
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw cannotRead(path, error);
  }
}

/** 0 where nothing tells. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE;
  } catch {
    return 0;
  }
}
