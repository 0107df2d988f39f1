/**
 * A file that grows while something else goes on: nobody waits for the disk.
 */
import { close, constants, fstatSync, ftruncateSync, mkdirSync, openSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from './events.ts';

export interface AppendedFileOptions {
  /** Where to go on in a file that is there; what follows is cut off. Default 0. */
  readonly at?: number;
  /** Told once, when the file can no longer be written; from then on what is written to it is lost. */
  readonly warn: (message: string) => void;
  /** Milliseconds that something may wait for more, default 1000. */
  readonly wait?: number;
  /** Bytes that may wait for a disk that is slow, default 64 MiB. */
  readonly limit?: number;
}

const writeSome = promisify(write);
const closeFile = promisify(close);

export class AppendedFile {
  readonly path: string;
  readonly #warn: (message: string) => void;
  readonly #wait: number;
  readonly #limit: number;
  /** Undefined before the first write, and after the last. */
  #descriptor: number | undefined;
  /** Bytes that are on the disk. */
  #end: number;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** What is being written at `#end`. */
  #inFlight: Uint8Array | undefined;
  #draining: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #broken = false;

  /** The file is made, with its directory, when something is first written. */
  constructor(path: string, { at = 0, warn, wait = 1000, limit = 2 ** 26 }: AppendedFileOptions) {
    this.path = path;
    this.#end = at;
    this.#warn = warn;
    this.#wait = wait;
    this.#limit = limit;
  }

  /** Returns at once, and never throws. */
  write(bytes: Uint8Array): void {
    if (this.#broken || !this.#isOpen()) return;
    if (this.#waitingBytes + bytes.length > this.#limit)
      return this.#giveUp(new Error(`the disk is too slow, ${this.#waitingBytes} bytes wait for it`));
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#timer ??= setTimeout(() => this.flush(), this.#wait).unref();
  }

  /** Begins to write what waits. Resolves when that is written, or cannot be. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = undefined;
    });
    return this.#draining;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#closeDescriptor();
  }

  /**
   * Writes what waits while everything stands still, as the process ends. What is being written is written again at
   * the same place: nobody will know how far that came.
   */
  flushNow(): void {
    if (this.#descriptor === undefined) return;
    const bytes = Buffer.concat([this.#inFlight ?? new Uint8Array(), ...this.#waiting]);
    for (let from = 0; from < bytes.length; )
      from += writeSync(this.#descriptor, bytes, from, bytes.length - from, this.#end + from);
  }

  #isOpen(): boolean {
    try {
      this.#descriptor ??= this.#open();
      return true;
    } catch (error) {
      this.#giveUp(error);
      return false;
    }
  }

  #open(): number {
    mkdirSync(dirname(this.path), { recursive: true });
    // Not for appending, which would take no place to write at.
    const descriptor = openSync(this.path, constants.O_RDWR | constants.O_CREAT);
    if (fstatSync(descriptor).size > this.#end) ftruncateSync(descriptor, this.#end);
    remember(this);
    return descriptor;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting.length > 0 && this.#descriptor !== undefined) {
        const bytes = Buffer.concat(this.#waiting);
        this.#inFlight = bytes;
        this.#waiting = [];
        this.#waitingBytes = 0;
        for (let from = 0; from < bytes.length; ) {
          const left = bytes.length - from;
          const { bytesWritten } = await writeSome(this.#descriptor, bytes, from, left, this.#end + from);
          from += bytesWritten;
        }
        this.#end += bytes.length;
        this.#inFlight = undefined;
      }
    } catch (error) {
      this.#giveUp(error);
    }
  }

  #giveUp(error: unknown): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#waiting = [];
    this.#inFlight = undefined;
    clearTimeout(this.#timer);
    void this.#closeDescriptor();
    this.#warn(`${this.path} is not written any more: ${messageOf(error)}`);
  }

  async #closeDescriptor(): Promise<void> {
    forget(this);
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) await closeFile(descriptor).catch((error: unknown) => this.#giveUp(error));
  }
}

const openFiles = new Set<AppendedFile>();

function remember(file: AppendedFile): void {
  if (openFiles.size === 0) process.on('exit', flushAll);
  openFiles.add(file);
}

function forget(file: AppendedFile): void {
  openFiles.delete(file);
  if (openFiles.size === 0) process.off('exit', flushAll);
}

function flushAll(): void {
  for (const file of openFiles) {
    try {
      file.flushNow();
    } catch {
      // The process ends, and nobody could be told.
    }
  }
}
