/** Streams and events of CUDA devices: what runs beside what, and what waits for what. */
import { expected } from '../errors.ts';
import { native } from '../native.ts';
import { current, within } from './context.ts';
import { type CudaDeviceName, deviceIndex } from './cudaDevice.ts';
import { FROM_NUMBER, StreamHandle } from './streamHandle.ts';

export interface StreamOptions {
  /** Default: the first device. */
  readonly device?: CudaDeviceName;
  /** 0, or -1 for a stream whose work goes before that of others. Default 0. */
  readonly priority?: number;
}

/** A queue of a device: what is asked of one runs in order, what is asked of two may run at once. */
export class Stream extends StreamHandle {
  readonly #device: number;

  /** One of the device's pool, in turn. @throws ArgumentError without a CUDA device */
  constructor(options: StreamOptions = {}, known?: { number: number; proof: typeof FROM_NUMBER }) {
    if (typeof options !== 'object' || options === null) throw expected('options', 'a new Stream', options);
    const { device = 'cuda', priority = 0 } = options;
    if (priority !== 0 && priority !== -1) throw expected('0 or -1', 'priority', priority);
    const index = deviceIndex(device);
    super(known?.number ?? native().streamNew(index, priority), known?.proof ?? FROM_NUMBER);
    this.#device = index;
  }

  /** As libtorch calls it: `cuda:0`. */
  get device(): string {
    return `cuda:${this.#device}`;
  }

  /** Whether it is the same queue. */
  equals(other: Stream): boolean {
    return StreamHandle.numberOf(other) === StreamHandle.numberOf(this);
  }

  /** Whether all that it was asked is done. */
  query(): boolean {
    return native().streamQuery(StreamHandle.numberOf(this));
  }

  /** Waits, with JavaScript standing still, until all that it was asked is done. */
  synchronize(): void {
    native().streamSynchronize(StreamHandle.numberOf(this));
  }

  /** What it is asked from now on waits for the event. */
  waitEvent(event: Event): void {
    native().streamWait(StreamHandle.numberOf(this), Event.numberOf(event));
  }

  /** What it is asked from now on waits for what another one was asked so far. */
  waitStream(other: Stream): void {
    this.waitEvent(other.recordEvent());
  }

  /** Marks what it was asked so far, in a new event or in the one that is given. */
  recordEvent(event: Event = new Event()): Event {
    event.record(this);
    return event;
  }
}

export interface EventOptions {
  /** Whether `elapsedTime` may be asked. Default false. */
  readonly enableTiming?: boolean;
}

const finalizer = new FinalizationRegistry<number>((number) => native().eventRelease(number));

/** A mark in a stream. */
export class Event {
  readonly #number: number;

  /** @throws ArgumentRangeError without a CUDA device */
  constructor({ enableTiming = false }: EventOptions = {}) {
    this.#number = native().eventNew(enableTiming);
    finalizer.register(this, this.#number);
  }

  static numberOf(value: unknown): number {
    if (typeof value !== 'object' || value === null || !(#number in value))
      throw expected('an Event', 'event', value);
    return value.#number;
  }

  /** Marks what the stream was asked so far; default the current one. */
  record(stream: Stream = currentStream()): void {
    native().eventRecord(this.#number, StreamHandle.numberOf(stream));
  }

  /** What the stream is asked from now on waits for this event; default the current one. */
  wait(stream: Stream = currentStream()): void {
    native().streamWait(StreamHandle.numberOf(stream), this.#number);
  }

  /** Whether all that it marks is done; true for one that was never recorded. */
  query(): boolean {
    return native().eventQuery(this.#number);
  }

  /** Waits, with JavaScript standing still, until all that it marks is done. */
  synchronize(): void {
    native().eventSynchronize(this.#number);
  }

  /** Milliseconds between this event and a later one, both with `enableTiming` and both done. */
  elapsedTime(end: Event): number {
    return native().eventElapsed(this.#number, Event.numberOf(end));
  }
}

/** The stream that operators called here go to. */
export function currentStream(device: CudaDeviceName = 'cuda'): Stream {
  const index = deviceIndex(device);
  const { stream } = current();
  const known = flowStreams.get(stream);
  if (known?.device === `cuda:${index}`) return known;
  return new Stream({ device: index }, { number: native().streamCurrent(index), proof: FROM_NUMBER });
}

/** The stream that a device has without being asked for one. */
export function defaultStream(device: CudaDeviceName = 'cuda'): Stream {
  const index = deviceIndex(device);
  return new Stream({ device: index }, { number: native().streamDefault(index), proof: FROM_NUMBER });
}

/** Those that flows were given, by their numbers: as few as the pool has. */
const flowStreams = new Map<number, Stream>();

/**
 * Runs `fn`, and what it awaits, with its operators on that stream and on its device; no other flow notices. `null` leaves
 * all as it is, so that code for a device runs without one too. Nothing waits for anything here: use `waitStream`, and
 * `recordStream` for tensors of one stream that another one uses.
 */
export function withStream<T>(stream: Stream | null, fn: () => T): T {
  if (typeof fn !== 'function') throw expected('a function', 'fn', fn);
  if (stream === null) return fn();
  const number = StreamHandle.numberOf(stream);
  flowStreams.set(number, stream);
  return within({ stream: number }, fn);
}
