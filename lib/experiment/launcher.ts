/** How the process of a job is started: an interface, behind which a scheduler of a cluster fits too. */
import type { JobFiles } from './jobFiles.ts';
import type { ProcessRecord } from './processes.ts';

export interface JobCommand {
  readonly program: string;
  readonly arguments: readonly string[];
  /** Added to the environment of the driver. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where standard output and standard error go, appended. */
  readonly out: string;
  readonly err: string;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface LaunchedJob {
  readonly process: ProcessRecord;
  /** Never rejects. */
  readonly ended: Promise<Exit>;
}

export interface Launcher {
  /** How many jobs it starts before one of them has ended. */
  readonly capacity: number;
  /** Starts a process that goes on when this one is killed. */
  start(command: JobCommand): Promise<LaunchedJob>;
  /**
   * The process that an earlier driver started for a job and that has not begun it yet, such as one that waits in the
   * queue of a cluster. Not needed where processes begin at once: a job that runs is found by its lock.
   */
  find?(job: JobFiles): Promise<LaunchedJob | undefined>;
}
