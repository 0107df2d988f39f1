/** Workspaces, drivers and waiting, for tests with real processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll } from '@jest/globals';
import { type Experiment, type ExperimentOptions, experiment } from '../../lib/experiment/index.ts';

const made: string[] = [];

afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

export interface Place {
  readonly workspace: string;
  /** Where the tasks of tasks.ts write what they did. */
  readonly log: string;
  lines(): string[];
}

/** A new workspace, removed after the tests of the file. */
export function newPlace(): Place {
  const directory = mkdtempSync(join(tmpdir(), 'xpmir-experiment-'));
  made.push(directory);
  const log = join(directory, 'log');
  const lines = () => (existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []);
  return { workspace: join(directory, 'workspace'), log, lines };
}

/** A quiet experiment. */
export function begin({ workspace }: Place, options: ExperimentOptions = {}): Experiment {
  return experiment('test', workspace, { observer: false, ...options });
}

/** Waits until something is true. */
export async function until(condition: () => boolean, what: string, limit = 20_000): Promise<void> {
  for (const start = Date.now(); !condition(); await sleep(10)) {
    if (Date.now() - start > limit) throw new Error(`Waited in vain for: ${what}`);
  }
}

export interface Driver {
  readonly process: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
}

/** Runs a TypeScript program beside this file. */
export function run(file: string, given: readonly string[], environment: NodeJS.ProcessEnv = {}): Driver {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return runNode(['--import', 'tsx', path, ...given], environment);
}

export function runNode(given: readonly string[], environment: NodeJS.ProcessEnv = {}, cwd?: string): Driver {
  const child = spawn(process.execPath, given, {
    env: { ...process.env, NODE_OPTIONS: '', ...environment },
    cwd,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (output += data.toString()));
  const ended = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, output }));
  });
  return { process: child, ended };
}
