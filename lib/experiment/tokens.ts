/**
 * Tokens that count: what several jobs share and that there is only so much of, such as GPUs or licences.
 *
 * A token is a directory with one file for each holder, which names the process that holds. What a dead process holds
 * counts for nothing, so nothing is lost when a job or its driver is killed.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { wrong } from './accept.ts';
import { readJson, writeAtomically } from './files.ts';
import { Lock } from './lock.ts';
import { isAlive, localProcess, type ProcessRecord } from './processes.ts';

/** So many of a token, to be given to `submit`. */
export interface TokenNeed {
  readonly token: CounterToken;
  readonly count: number;
}

interface Holder {
  readonly count: number;
  /** For whom: the directory of a job. */
  readonly job: string;
  readonly process: ProcessRecord;
}

export class CounterToken {
  readonly path: string;

  /**
   * @param path directory of the token
   * @param total how many there are. What was said last counts for all, also for who waits already
   */
  constructor(path: string, total: number) {
    if (!Number.isSafeInteger(total) || total < 0) throw wrong('token.total', 'a count', total);
    this.path = resolve(path);
    if (this.total !== total) writeAtomically(this.#total, `${JSON.stringify({ total })}\n`);
  }

  get total(): number {
    return readJson<{ total: number }>(this.#total)?.total ?? 0;
  }

  need(count: number): TokenNeed {
    if (!Number.isSafeInteger(count) || count < 1 || count > this.total) {
      throw wrong('token.need', `a count from 1 to ${this.total}`, count);
    }
    return { token: this, count };
  }

  /** How many are free now. */
  free(): number {
    const holders = readdirSync(this.holders).filter((name) => name.endsWith('.json'));
    return holders.reduce((free, name) => free - this.#held(join(this.holders, name)), this.total);
  }

  get holders(): string {
    const path = join(this.path, 'holders');
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Keeps two processes from taking the last one both. */
  get lock(): string {
    return join(this.path, 'lock');
  }

  get #total(): string {
    return join(this.path, 'token.json');
  }

  #held(file: string): number {
    const holder = readJson<Holder>(file);
    if (holder === undefined) return 0;
    if (isAlive(holder.process, file)) return holder.count;
    rmSync(file, { force: true });
    return 0;
  }
}

/** A part of what a job holds: the file that says so in one token. */
export interface HeldPart {
  readonly file: string;
  readonly count: number;
}

/** Takes all of the needs, or nothing and gives undefined. */
export async function tryTake(
  needs: readonly TokenNeed[],
  job: string,
): Promise<readonly HeldPart[] | undefined> {
  const counts = new Map<string, TokenNeed>();
  for (const { token, count } of needs) {
    counts.set(token.path, { token, count: count + (counts.get(token.path)?.count ?? 0) });
  }
  // Locks are taken in one order by everybody, so that no two wait for each other.
  const sorted = [...counts.values()].sort((a, b) => (a.token.path < b.token.path ? -1 : 1));
  type Take = () => readonly HeldPart[] | undefined | Promise<readonly HeldPart[] | undefined>;
  const take: Take = () => {
    if (sorted.some(({ token, count }) => token.free() < count)) return undefined;
    const parts = sorted.map(({ token, count }) => ({
      file: join(token.holders, `${randomUUID()}.json`),
      count,
    }));
    handTo(parts, job, localProcess(process.pid));
    return parts;
  };
  return await sorted.reduceRight<Take>(
    (inner, { token }) =>
      () =>
        Lock.hold(token.lock, inner),
    take,
  )();
}

/** Says which process holds the parts: first the driver that took them, then the job's own. */
export function handTo(parts: readonly HeldPart[], job: string, holder: ProcessRecord): void {
  for (const { file, count } of parts) {
    writeAtomically(file, JSON.stringify({ count, job, process: holder } satisfies Holder));
  }
}

export function release(parts: readonly HeldPart[]): void {
  for (const { file } of parts) rmSync(file, { force: true });
}
