/** Runs jobs on this machine. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { wrong } from './accept.ts';
import type { Exit, JobCommand, LaunchedJob, Launcher } from './launcher.ts';
import { localProcess } from './processes.ts';

export class DirectLauncher implements Launcher {
  readonly capacity: number;

  /** @param jobs how many run at once; default the number of cores */
  constructor({ jobs = availableParallelism() }: { readonly jobs?: number } = {}) {
    if (!Number.isSafeInteger(jobs) || jobs < 1)
      throw wrong('directLauncher.jobs', 'a positive integer', jobs);
    this.capacity = jobs;
  }

  async start(command: JobCommand): Promise<LaunchedJob> {
    const out = openSync(command.out, 'a');
    const err = openSync(command.err, 'a');
    try {
      // Detached: a session of its own, which neither Ctrl-C in a terminal nor the end of this process reaches.
      const child = spawn(command.program, command.arguments, {
        detached: true,
        stdio: ['ignore', out, err],
        env: { ...process.env, ...command.environment },
      });
      const ended = new Promise<Exit>((resolve) =>
        child.once('exit', (code, signal) => resolve({ code, signal })),
      );
      await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
      return { process: localProcess(child.pid as number), ended };
    } finally {
      closeSync(out);
      closeSync(err);
    }
  }
}
