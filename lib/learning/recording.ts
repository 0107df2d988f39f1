/**
 * Keeps what a run tells: its log of events, and files for TensorBoard.
 */
import { EventLog } from './eventLog.ts';
import { type EventReader, type LearnerEvent, messageOf, tellAll } from './events.ts';
import type { RunEnvironment } from './run.ts';
import { TensorboardWriter } from './tensorboard.ts';
import type { HParam } from './tensorboardFile.ts';

export interface RecordingOptions extends RunEnvironment {
  /** Whether files for TensorBoard are written to `logpath`. */
  readonly tensorboard: boolean;
  /** Tags of the job, which TensorBoard shows as hyperparameters. */
  readonly tags: Readonly<Record<string, HParam>>;
}

/** Runs something that tells events, and keeps them where the run has a directory and this process speaks for it. */
export async function recorded<T>(
  { tensorboard, tags, ...environment }: RecordingOptions,
  run: (environment: RunEnvironment) => Promise<T>,
): Promise<T> {
  const { path, logpath, info } = environment;
  const tell = tellAll(environment.readers);
  if (path === undefined || !info.main) return await run({ ...environment, readers: [tell] });
  const warn = (message: string) => tell({ type: 'warning', message });
  const log = await openLog(path, warn);
  const board =
    tensorboard && logpath !== undefined
      ? new TensorboardWriter(logpath, { hparams: tags, warn })
      : undefined;
  const keep = recorder(log, board);
  try {
    return await run({ ...environment, readers: [tell, tellAll(keep)] });
  } finally {
    await Promise.all([log?.close(), board?.close()]);
  }
}

function recorder(log: EventLog | undefined, board: TensorboardWriter | undefined): EventReader[] {
  const isKept = (event: LearnerEvent) => event.type === 'validation' && log?.knows(event) === true;
  const kept = [
    log && ((event: LearnerEvent) => log.write(event)),
    board && ((event: LearnerEvent) => board.read(event)),
  ];
  return kept
    .filter((each) => each !== undefined)
    .map((read) => (event) => {
      if (!isKept(event)) read(event);
    });
}

async function openLog(directory: string, warn: (message: string) => void): Promise<EventLog | undefined> {
  try {
    return await EventLog.open(directory, warn);
  } catch (error) {
    warn(`events are not kept: ${messageOf(error)}`);
    return undefined;
  }
}
