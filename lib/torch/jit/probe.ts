/** Loading a file in a process of its own first: what crashes there, hangs or fills the memory, harms nobody. */
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ArgumentError, expected } from '../../errors.ts';
import { cannotRead, checkPath } from '../io/path.ts';

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

/**
 * Loads a TorchScript file in another process, which runs none of its methods.
 *
 * @throws ArgumentError with the code `ERR_FILE` where that process refuses it, dies of it, takes too long or too much memory
 * @example
 * const { sha256 } = await torch.jit.probe('model.pt');
 * const model = torch.jit.load('model.pt', { sha256 });
 */
export async function probe(source: string | URL, options: ProbeOptions = {}): Promise<ProbeReport> {
  const path = checkPath(source);
  const { timeout = 60, memory = 8 * sizeOf(path) + GIB } = options;
  if (!(timeout > 0)) throw expected('a positive number of seconds', 'timeout', timeout);
  if (!(memory > 0)) throw expected('a positive number of bytes', 'memory', memory);
  const program = fileURLToPath(new URL(`./probeProgram${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, program, path], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors, killed] = ['', '', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk;
  });
  const end = (why: string) => {
    killed ||= why;
    child.kill('SIGKILL');
  };
  const slow = setTimeout(() => end(`it took longer than ${timeout} s`), 1000 * timeout);
  const watch = setInterval(() => {
    if (residentBytes(child.pid) > memory) end(`it took more than ${memory} bytes of memory`);
  }, WATCH_MS);
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on('error', reject).on('close', (...how) => resolve(how));
    });
    if (killed !== '') refuse(path, killed);
    if (signal !== null) refuse(path, `its process ended by ${signal}`);
    const reply = parsed(output);
    if (code !== 0 || reply === undefined)
      refuse(path, `its process ended with code ${code}: ${errors.trim().slice(0, 1000)}`);
    if ('problem' in reply) throw new ArgumentError(reply.problem, 'ERR_FILE');
    return reply;
  } finally {
    clearTimeout(slow);
    clearInterval(watch);
  }
}

function refuse(path: string, reason: string): never {
  throw new ArgumentError(
    `Expected a file that can be loaded for source but received ${path}: ${reason}`,
    'ERR_FILE',
  );
}

function parsed(output: string): ProbeReport | { readonly problem: string } | undefined {
  try {
    return JSON.parse(output.trimEnd().split('\n').at(-1) as string) as ProbeReport | { problem: string };
  } catch {
    return undefined;
  }
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
