import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Ended {
  readonly pid: number | undefined;
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a program in the package's directory with exactly this environment; resolves when it has ended. */
export function ended(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return run(program, args, { cwd: fileURLToPath(new URL('../..', import.meta.url)), env });
}

/** Runs a program; resolves when it has ended. */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<Ended> {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { output: '', errors: '' };
  child.stdout.on('data', (chunk) => {
    text.output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text.errors += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (status) => resolve({ pid: child.pid, status, ...text }));
  });
}
