/**
 * What signals of the system do to runs: SIGTERM and SIGINT end the process once each run has saved its state, SIGUSR1
 * has it saved while the run goes on.
 */
import { ENDING_SIGNALS, type EndingSignal, exitCodeOf } from '../experiment/endingSignals.ts';
import { messageOf } from './events.ts';
import type { RunEnvironment } from './run.ts';

/** How a run hears of signals. */
export type Heard = Required<Pick<RunEnvironment, 'onBegin'>> & Pick<RunEnvironment, 'signal'>;

const SAVING = 'SIGUSR1';

/** Why a run stopped that a signal ended. */
export class Interrupted extends Error {
  /** As a shell tells it: 143 for SIGTERM, 130 for SIGINT. */
  readonly exitCode: number;

  constructor(signal: EndingSignal) {
    super(`The run was ended by ${signal}`);
    this.name = 'Interrupted';
    this.exitCode = exitCodeOf(signal);
  }
}

const running = new Set<AbortController>();
const saves = new Set<() => void>();
let interrupted: Interrupted | undefined;
let heardAt = 0;
const ONE_PRESS_MS = 100;

/** Runs something that stops at SIGTERM and SIGINT, after which the process ends, and saves at SIGUSR1. */
export async function interruptible<T>(
  signal: AbortSignal | undefined,
  run: (heard: Heard) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const stops = own.signal;
  if (running.size === 0) {
    warnOfParent();
    for (const name of ENDING_SIGNALS) process.on(name, end);
  }
  running.add(own);
  try {
    return await saving((onBegin) =>
      run({ signal: signal === undefined ? stops : AbortSignal.any([signal, stops]), onBegin }),
    );
  } catch (error) {
    if (interrupted !== undefined && error !== stops.reason) {
      process.stderr.write(`${messageOf(error)}\n`);
      process.exitCode = 1;
    }
    throw error;
  } finally {
    running.delete(own);
    if (running.size === 0) {
      if (interrupted !== undefined) process.exit(process.exitCode ?? interrupted.exitCode);
      for (const name of ENDING_SIGNALS) process.off(name, end);
    }
  }
}

/** The command of tsx kills what does not answer a signal within 60 ms, which one step may take. */
function warnOfParent(): void {
  if (!process.execArgv.some((each) => /tsx[/\\]dist[/\\]preflight/.test(each))) return;
  process.emitWarning(
    'the tsx command ends a run at Ctrl-C before it has saved its state; start it with node --import tsx',
    { code: 'XPMIR_TSX' },
  );
}

/** Runs something that saves its state at SIGUSR1. */
export async function saving<T>(run: (onBegin: Heard['onBegin']) => Promise<T>): Promise<T> {
  let own: (() => void) | undefined;
  const save = () => own?.();
  if (saves.size === 0) process.on(SAVING, saveAll);
  saves.add(save);
  try {
    return await run((asked) => {
      own = asked;
    });
  } finally {
    saves.delete(save);
    if (saves.size === 0) process.off(SAVING, saveAll);
  }
}

function saveAll(): void {
  for (const save of saves) save();
}

function end(name: EndingSignal): void {
  const now = performance.now();
  if (interrupted !== undefined) {
    // One key press may come twice: from the terminal, and from the program that started this one.
    if (now - heardAt > ONE_PRESS_MS) process.exit(interrupted.exitCode);
    return;
  }
  interrupted = new Interrupted(name);
  heardAt = now;
  process.stderr.write(
    `${name}: the run stops after the step at hand and saves its state; send it again to end at once\n`,
  );
  for (const controller of running) controller.abort(interrupted);
}
