/** What a person is told about jobs. */
import type { Job, RunMode } from './job.ts';
import { tagsPath } from './tags.ts';

/** `xpmir.learner/3f2a91c0`, enough to find it again with `xpmir jobs`. */
export function shortName({
  task,
  identifier,
}: {
  readonly task: string;
  readonly identifier: string;
}): string {
  return `${task}/${identifier.slice(0, 8)}`;
}

/** One line for each change that a person waits for; in a mode that runs nothing, for what would be. */
export function tellOnStandardError(job: Job, mode: RunMode): void {
  const { state, failure } = job;
  if (mode === 'normal' && (state === 'waiting' || state === 'ready')) return;
  const tags = tagsPath(job.tags);
  const why = failure === undefined ? '' : `: ${failure.reason}, ${firstLine(failure.message)}`;
  process.stderr.write(`${shortName(job)} ${state}${tags === '' ? '' : ` (${tags})`}${why}\n`);
}

/** Jobs failed; the others are finished. */
export class FailedExperiment extends Error {
  readonly failures: readonly Job[];

  constructor(name: string, failures: readonly Job[], count: number) {
    const lines = failures.map((job) => {
      const { reason, message } = job.failure ?? { reason: 'FAILED', message: '' };
      const where = reason === 'DEPENDENCY' ? '' : `; see ${job.files.err}`;
      return `  ${shortName(job)}: ${reason}, ${firstLine(message)}${where}`;
    });
    super(`${failures.length} of ${count} jobs of experiment ${name} failed:\n${lines.join('\n')}`);
    this.name = 'FailedExperiment';
    this.failures = failures;
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] as string;
}
