/** Which process holds something, and whether it still lives. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { codeOf, readIfThere } from './files.ts';

export interface ProcessRecord {
  /** What `pid` means: `local` for a process of the host, or the name of a scheduler. */
  readonly type: string;
  readonly pid: number;
  /** Tells the process from a later one with the same number. */
  readonly start: string;
  readonly host: string;
  /** Tells the host from itself after it was started again. */
  readonly boot: string;
}

const heartbeatInterval = 20_000;
/** A process of another host is taken for dead when its file was not touched for so long. */
const heartbeatLimit = 120_000;

const boot = readIfThere('/proc/sys/kernel/random/boot_id')?.trim() ?? '';

export function localProcess(pid: number): ProcessRecord {
  return { type: 'local', pid, start: startOf(pid) ?? '', host: hostname(), boot };
}

/**
 * Whether a process lives.
 *
 * @param file what it holds: where the process is of another host, it keeps touching the file as long as it lives
 */
export function isAlive(record: ProcessRecord, file: string): boolean {
  if (record.host !== hostname()) return ageOf(file) < heartbeatLimit;
  return record.boot === boot && record.start !== '' && startOf(record.pid) === record.start;
}

/** When a process began, in the words of the system; undefined when there is none, or only its zombie. */
function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return startByPs(pid);
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name of the program is in parentheses and may contain anything. After it come the state and 18 more fields.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function startByPs(pid: number): string | undefined {
  try {
    const [state = 'Z', ...start] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', `${pid}`], {
      encoding: 'utf8',
    })
      .trim()
      .split(/\s+/);
    return state.startsWith('Z') ? undefined : start.join(' ');
  } catch {
    return undefined;
  }
}

/** Milliseconds since a file was touched, by the clock of the file system that it is on. */
function ageOf(file: string): number {
  const probe = join(dirname(file), `.clock.${randomUUID()}.tmp`);
  try {
    writeFileSync(probe, '');
    return statSync(probe).mtimeMs - statSync(file).mtimeMs;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return Number.POSITIVE_INFINITY;
    throw error;
  } finally {
    rmSync(probe, { force: true });
  }
}

/**
 * Keeps touching files, from another thread: a training step may block this one for longer than the limit.
 *
 * @param interval milliseconds
 * @returns what ends it; the end of the process does too
 */
export function startHeartbeat(files: readonly string[], interval = heartbeatInterval): () => void {
  const beat = `
    const { workerData } = require('node:worker_threads');
    const { utimesSync } = require('node:fs');
    setInterval(() => {
      for (const file of workerData.files) {
        try { utimesSync(file, new Date(), new Date()); } catch {}
      }
    }, workerData.interval);`;
  const worker = new Worker(beat, { eval: true, workerData: { files, interval }, execArgv: [] });
  worker.unref();
  return () => void worker.terminate();
}
