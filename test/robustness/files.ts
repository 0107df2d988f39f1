/** The processes that take mutated files. */
import { runChild } from './child.ts';

export interface SafetensorsReport {
  readonly files: number;
  /** Of the largest one. */
  readonly bytes: number;
  /** How many there were of each end: reasons of refusal, or 'accepted'. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
  readonly slowest: { readonly seconds: number; readonly round: number };
  /** By how many bytes the process grew at most, within a hundred files. */
  readonly grown: number;
}

/** Of a process that did not survive, the problem is the file that it died of. */
export async function fuzzedSafetensors(seed: number, rounds: number): Promise<SafetensorsReport> {
  const result = await runChild(new URL('children/safetensors.ts', import.meta.url), {
    args: [seed, rounds],
    // Little garbage waits, so that what one file takes is seen.
    nodeArgs: ['--expose-gc', '--max-semi-space-size=1'],
    timeoutMs: 3_600_000,
  });
  if (result.code === 0) return JSON.parse(result.stdout) as SafetensorsReport;
  throw new Error(`${result.signal ?? result.code} in ${result.lastCall}: ${result.stderr}`);
}

export interface ArchivesReport {
  readonly files: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** Mutated TorchScript archives, probed. */
export async function fuzzedArchives(seed: number, rounds: number): Promise<ArchivesReport> {
  const result = await runChild(new URL('children/archives.ts', import.meta.url), {
    args: [seed, rounds],
    timeoutMs: 3_600_000,
  });
  if (result.code === 0) return JSON.parse(result.stdout) as ArchivesReport;
  throw new Error(`${result.signal ?? result.code}: ${result.stderr}`);
}
