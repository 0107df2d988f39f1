/** A process that runs from start to end, and prints one line of JSON. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');
export const bench = join(root, 'bench');

export type Command = readonly [command: string, ...args: string[]];

/** Ours of bench/ours/measure.ts. */
export function measureOurs(...args: readonly (string | number)[]): Command {
  return [process.execPath, '--import', 'tsx', join(bench, 'ours', 'measure.ts'), ...args.map(String)];
}

/** Python's. */
export function measureReference(python: string, ...args: readonly (string | number)[]): Command {
  return [python, join(bench, 'reference', 'measure.py'), ...args.map(String)];
}

/** What it printed, and how long it took, in milliseconds. */
export async function runProcess<T>([command, ...args]: Command): Promise<T & { readonly wall: number }> {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: root });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  const wall = performance.now() - started;
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${status}`);
  return { wall, ...(JSON.parse(output) as T) };
}
