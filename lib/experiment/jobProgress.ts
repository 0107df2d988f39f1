/** How far a job is: a small file that its process writes and everybody reads. */
import { rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readJson } from './files.ts';

/** One of several nested loops. */
export interface ProgressLevel {
  /** From 0 to 1. */
  readonly fraction: number;
  /** Such as `epoch 3/10`; may be empty. */
  readonly description: string;
}

export interface ProgressOptions {
  /** 0 is the outermost loop, 1 what runs inside it, and so on; default 0. */
  readonly level?: number;
  readonly description?: string;
}

/** Tells how far a task is. What is inside of that loop begins anew. Costs nothing unless a hundredth more is done. */
export type ReportProgress = (fraction: number, options?: ProgressOptions) => void;

/** Changes that are less are not written. */
const STEP = 0.01;

export class JobProgress {
  readonly #path: string | undefined;
  #levels: ProgressLevel[] = [];
  /** What the file says, or will say. */
  #written: readonly ProgressLevel[] = [];
  #writing: Promise<void> | undefined;
  /** Something that the file should say. */
  #news = false;
  #failed = false;

  /** @param path undefined for a process that does not speak for the job */
  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** See {@link ReportProgress}. Never throws: a task does not fail for it. */
  readonly report: ReportProgress = (fraction, { level = 0, description = '' } = {}) => {
    if (this.#path === undefined || !Number.isFinite(fraction)) return;
    const depth = Math.min(Math.max(Math.trunc(level) || 0, 0), this.#levels.length);
    const own = { fraction: Math.min(Math.max(fraction, 0), 1), description };
    this.#levels = [...this.#levels.slice(0, depth), own];
    const known = this.#written[depth]?.fraction;
    const isNews = known === undefined || Math.abs(own.fraction - known) >= STEP - 1e-9 || ends(own, known);
    if (!isNews || this.#failed) return;
    this.#news = true;
    this.#writing ??= this.#write(this.#path);
  };

  /** Resolves when what was reported is in the file. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(path: string): Promise<void> {
    try {
      // Whatever is reported in this turn is one change.
      await null;
      while (this.#news) {
        this.#news = false;
        this.#written = this.#levels;
        const beside = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
        await writeFile(beside, `${JSON.stringify({ version: 1, levels: this.#written })}\n`);
        await rename(beside, path);
      }
    } catch (error) {
      this.#failed = true;
      process.emitWarning(`The progress of the job is not written any more: ${error}`);
    } finally {
      this.#writing = undefined;
    }
  }
}

const ends = ({ fraction }: ProgressLevel, known: number): boolean => fraction === 1 && known !== 1;

/** What a job reported last, the outermost loop first; undefined where it did not. */
export function readProgress(path: string): readonly ProgressLevel[] | undefined {
  return readJson<{ readonly levels: readonly ProgressLevel[] }>(path)?.levels;
}

/** `42% epoch 5/12, 50% step 64/128` */
export function showProgress(levels: readonly ProgressLevel[] = []): string {
  return levels
    .map(({ fraction, description }) => `${Math.floor(fraction * 100)}% ${description}`.trimEnd())
    .join(', ');
}
