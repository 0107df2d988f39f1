/** Processes that are killed while they save, again and again in the same directory. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { foundIn } from '../../lib/learning/checkpoint.ts';
import { disk } from '../../lib/learning/disk.ts';
import { checkManifest, MODEL_FILE } from '../../lib/learning/manifest.ts';
import { readCheckpoint } from '../../lib/learning/readCheckpoint.ts';
import { tidy } from '../../lib/torch/scope.ts';
import type { Random } from '../robustness/random.ts';

/** A process that is stuck, on a machine that has much else to do. */
const STUCK_MS = 120_000;

/** What a process printed before it was killed, each line as JSON. */
type Lines = readonly unknown[];

/**
 * Starts a process, and kills it at some time after it printed so many lines.
 *
 * @param window milliseconds
 */
export function killed(
  args: readonly string[],
  { random, window, lines }: { readonly random: Random; readonly window: number; readonly lines: number },
): Promise<Lines> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const stuck = setTimeout(() => child.kill('SIGKILL'), STUCK_MS);
  let [text, errors, isDue] = ['', '', false];
  const linesOf = () =>
    text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean);
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  child.stdout.on('data', (chunk) => {
    text += chunk;
    if (isDue || linesOf().length < lines) return;
    isDue = true;
    setTimeout(() => child.kill('SIGKILL'), random.next() * window);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => {
      clearTimeout(stuck);
      if (isDue && signal === 'SIGKILL') resolve(linesOf().map((line) => JSON.parse(line)));
      else reject(new Error(`${args.join(' ')} ended with ${code ?? signal} after ${text}\n${errors}`));
    });
  });
}

/** What a checkpoint has. */
export interface Left {
  readonly steps: number;
  /** Of its model. */
  readonly sha256: string;
}

/** What a killed process left: all that has a name, the newest first. @throws DamagedError for what is not whole */
export async function wholeIn(directory: string): Promise<Left[]> {
  const found = await foundIn(disk, directory);
  const whole: Left[] = [];
  for (const { name } of found) {
    const { steps, files } = await checkManifest(disk, join(directory, name));
    whole.push({ steps, sha256: files[MODEL_FILE]?.sha256 ?? '' });
  }
  const [newest] = found;
  if (newest !== undefined) await tidy(() => readCheckpoint(join(directory, newest.name)));
  return whole;
}

/** What was left unfinished. */
export function unfinished(names: readonly string[]): string[] {
  return names.filter((name) => /^(tmp|trash)-/.test(name));
}

export const unfinishedIn = (directory: string) => unfinished(readdirSync(directory));
