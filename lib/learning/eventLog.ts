/**
 * Writes what a run tells to its `events.jsonl`, and goes on with that of the process before.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ArgumentError } from '../errors.ts';
import { AppendedFile } from './appendedFile.ts';
import { decodeEvent, encodeEvent, encodeRun, type LoggedEvent, type RunEvent } from './eventCodec.ts';
import type { LearnerEvent, ValidationEvent } from './events.ts';
import { linesOf } from './readEvents.ts';
import type { TrainState } from './state.ts';

export const EVENTS_FILE = 'events.jsonl';

/** After these nobody should have to wait for the file. */
const FLUSHED: readonly LearnerEvent['type'][] = ['start', 'epoch', 'validation', 'checkpoint', 'end'];

export class EventLog {
  readonly #file: AppendedFile;
  readonly #before: Before;
  #state: TrainState = { epoch: 0, steps: 0 };
  #samples = 0;

  private constructor(file: AppendedFile, before: Before) {
    this.#file = file;
    this.#before = before;
  }

  /**
   * Goes on after the last whole line of a log that is there, or begins one.
   *
   * @param directory of the run
   * @throws ArgumentError when there is a file that is no log; then it stays as it is
   */
  static async open(directory: string, warn: (message: string) => void): Promise<EventLog> {
    const path = join(directory, EVENTS_FILE);
    const before = new Before();
    let at = 0;
    for await (const { text, end } of linesOf(path, { patient: true })) {
      before.note(decodeEvent(text), path);
      at = end;
    }
    const file = new AppendedFile(path, { at, warn });
    if (at === 0) file.write(Buffer.from(encodeRun(randomUUID(), new Date())));
    return new EventLog(file, before);
  }

  /** Whether the process before told of a validation that is made again, as it may not have come to its end. */
  knows({ listener, state }: ValidationEvent): boolean {
    return state.cached === true && this.#before.validations.get(state.steps)?.has(listener) === true;
  }

  /** Notes an event. Returns at once, and never throws. */
  write(event: LearnerEvent): void {
    const time = Date.now() / 1000;
    // A checkpoint is told of when it is on the disk; the run is further then.
    if ('state' in event && event.type !== 'checkpoint') this.#state = event.state;
    if (event.type === 'step') this.#samples += event.samples;
    let told = event;
    if (event.type === 'start' && this.#before.run !== undefined) {
      told = { ...event, type: 'resume' };
      this.#samples = this.#before.samplesUntil(event.state.steps);
    }
    const now = event.type === 'checkpoint' ? event : { state: this.#state, samples: this.#samples };
    const line = encodeEvent(told, { state: now.state, samples: now.samples, time });
    this.#file.write(Buffer.from(line));
    if (FLUSHED.includes(event.type)) void this.#file.flush();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** What the log has of earlier processes. */
class Before {
  run: RunEvent | undefined;
  /** Ids of listeners by step. */
  readonly validations = new Map<number, Set<string>>();
  /** After each step. */
  readonly #samples = new Map<number, number>();

  note(event: LoggedEvent | undefined, path: string): void {
    if (this.run === undefined) {
      if (event?.type !== 'run') throw new ArgumentError(`${path} is no log of events`, 'ERR_FILE');
      this.run = event;
      return;
    }
    if (event === undefined || event.type === 'run') return;
    const { steps } = event.state;
    if (event.type === 'resume') this.#purge(steps);
    if (event.type === 'step') this.#samples.set(steps, event.samples);
    if (event.type !== 'validation') return;
    const listeners = this.validations.get(steps) ?? new Set();
    this.validations.set(steps, listeners.add(event.listener));
  }

  samplesUntil(step: number): number {
    // Where the line of the step itself was lost, one before it is nearly right.
    const known = [...this.#samples.keys()].filter((each) => each <= step);
    return this.#samples.get(Math.max(...known)) ?? 0;
  }

  #purge(step: number): void {
    for (const known of [this.#samples, this.validations])
      for (const each of [...known.keys()]) if (each > step) known.delete(each);
  }
}
