/**
 * Lines of `events.jsonl`. The first tells which run it is; every other one is an event, with where and when it was:
 *
 *     {"type":"run","version":1,"run":"…","startedAt":"2026-01-02T03:04:05.678Z"}
 *     {"type":"step","step":1,"epoch":1,"samples":16,"time":1767323046.789,"metrics":{"mse":0.5}}
 *
 * `step`, `epoch` and `samples` count from the beginning of the run, `time` is in seconds since 1970. Numbers that JSON
 * has not are the strings NaN, Infinity and -Infinity.
 */
import { ArgumentError, show } from '../errors.ts';
import type { LearnerEvent } from './events.ts';
import type { TrainState } from './state.ts';

export const EVENTS_VERSION = 1;

/** The first line. */
export interface RunEvent {
  readonly type: 'run';
  readonly version: number;
  /** The same however often the run goes on. */
  readonly run: string;
  /** As ISO 8601. */
  readonly startedAt: string;
}

/** Where and when an event was. */
export interface Moment {
  readonly state: TrainState;
  /** Records learnt from since the beginning of the run. */
  readonly samples: number;
  /** Seconds since 1970. */
  readonly time: number;
}

/** An event as it is found again; that of a step has the samples of all steps so far. */
export type LoggedEvent = RunEvent | (LearnerEvent & Moment);

export function encodeEvent(event: LearnerEvent, { state, samples, time }: Moment): string {
  const { type, state: _, samples: __, ...data } = { state, samples, ...event };
  const { steps: step, epoch } = state;
  return `${JSON.stringify({ type, step, epoch, samples, time, ...data }, plain)}\n`;
}

export function encodeRun(run: string, startedAt: Date): string {
  const event: RunEvent = {
    type: 'run',
    version: EVENTS_VERSION,
    run,
    startedAt: startedAt.toISOString(),
  };
  return `${JSON.stringify(event)}\n`;
}

/**
 * An event from its line; undefined for what is no such line, as a process that is killed may leave one.
 *
 * @throws ArgumentError for a file of a later version
 */
export function decodeEvent(line: string): LoggedEvent | undefined {
  let event: LoggedEvent;
  try {
    event = fromRecord(JSON.parse(line) as Readonly<Record<string, unknown>>);
  } catch {
    return undefined;
  }
  if (typeof event.type !== 'string') return undefined;
  return event.type === 'run' ? checkVersion(event) : event;
}

function fromRecord(record: Readonly<Record<string, unknown>>): LoggedEvent {
  if (record.type === 'run') return record as unknown as RunEvent;
  const { step, epoch, metrics, values, improved, ...data } = record;
  const decoded = {
    ...data,
    state: { epoch: Number(epoch), steps: Number(step) },
    ...(metrics === undefined ? {} : { metrics: mapOf(metrics, Number) }),
    ...(values === undefined ? {} : { values: mapOf(values, (list) => (list as unknown[]).map(Number)) }),
    ...(improved === undefined ? {} : { improved: new Set(improved as string[]) }),
  };
  return decoded as unknown as LoggedEvent;
}

function checkVersion(event: RunEvent): RunEvent {
  if (event.version === EVENTS_VERSION) return event;
  throw new ArgumentError(
    `events: expected version ${EVENTS_VERSION}, received ${show(event.version)}; update xpmir`,
    'ERR_FILE',
  );
}

function plain(_: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value instanceof Map) return Object.fromEntries(value);
  return value instanceof Set ? [...value] : value;
}

function mapOf<T>(record: unknown, of: (value: unknown) => T): Map<string, T> {
  return new Map(Object.entries(record as object).map(([key, value]) => [key, of(value)]));
}
