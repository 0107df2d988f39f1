/** Runs a script in a process of its own, so that what would kill a test is the test's result. */

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ChildOptions {
  readonly args?: readonly (string | number)[];
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A call that takes longer counts as a hang. */
  readonly timeoutMs?: number;
  /** A signal for the child, sent when it first prints this text. */
  readonly signal?: { readonly name: NodeJS.Signals; readonly after: string };
}

export interface ChildResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What the child announced last: the call that it died in. */
  readonly lastCall: string;
  readonly timedOut: boolean;
}

export async function runChild(script: URL, options: ChildOptions = {}): Promise<ChildResult> {
  const directory = mkdtempSync(join(tmpdir(), 'xpmir-child-'));
  const progress = join(directory, 'progress');
  try {
    const { code, signal, stdout, stderr, timedOut } = await run(script, progress, options);
    let lastCall = '';
    try {
      lastCall = readFileSync(progress, 'utf8').trim();
    } catch {
      // It announced nothing.
    }
    return { code, signal, stdout, stderr, lastCall, timedOut };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function run(script: URL, progress: string, options: ChildOptions): Promise<Omit<ChildResult, 'lastCall'>> {
  const { args = [], nodeArgs = [], env = {}, timeoutMs = 60_000, signal: toSend } = options;
  const command = [...nodeArgs, '--import', 'tsx', fileURLToPath(script), ...args.map(String)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, {
      env: { ...process.env, NODE_OPTIONS: '', XPMIR_PROGRESS: progress, ...env },
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
    });
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    let sent = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (toSend && !sent && stdout.includes(toSend.after)) {
        sent = true;
        child.kill(toSend.name);
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr, timedOut });
    });
  });
}
