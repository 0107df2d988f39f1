/** A disk of which a call fails, as the system lets it fail. */
import type { Disk, DiskFile } from '../../lib/learning/disk.ts';
import { failure } from './memoryDisk.ts';

export type Manner = 'once' | 'from then on' | 'once, though it was done';

export interface Fault {
  /** Which call fails, counted from 1. */
  readonly at: number;
  /** Such as `ENOSPC`. */
  readonly code: string;
  readonly manner: Manner;
}

export class FaultyDisk implements Disk {
  /** Since `break` or `mend`. */
  calls = 0;
  /** How many of them failed. */
  failed = 0;
  openFiles = 0;
  readonly #disk: Disk;
  #fault: Fault | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  break(fault: Fault): void {
    this.mend();
    this.#fault = fault;
  }

  mend(): void {
    this.#fault = undefined;
    this.calls = this.failed = 0;
  }

  makeDirectory(path: string): Promise<void> {
    return this.#call('mkdir', path, () => this.#disk.makeDirectory(path));
  }

  list(path: string): Promise<string[]> {
    return this.#call('scandir', path, () => this.#disk.list(path));
  }

  create(path: string): Promise<DiskFile> {
    return this.#opening(path, () => this.#disk.create(path));
  }

  open(path: string): Promise<DiskFile> {
    return this.#opening(path, () => this.#disk.open(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call('rename', from, () => this.#disk.rename(from, to));
  }

  link(from: string, to: string): Promise<void> {
    return this.#call('link', from, () => this.#disk.link(from, to));
  }

  symlink(target: string, path: string): Promise<void> {
    return this.#call('symlink', path, () => this.#disk.symlink(target, path));
  }

  remove(path: string): Promise<void> {
    return this.#call('unlink', path, () => this.#disk.remove(path));
  }

  removeDirectory(path: string): Promise<void> {
    return this.#call('rmdir', path, () => this.#disk.removeDirectory(path));
  }

  sync(path: string): Promise<void> {
    return this.#call('fsync', path, () => this.#disk.sync(path));
  }

  async #opening(path: string, open: () => Promise<DiskFile>): Promise<DiskFile> {
    const file = await this.#call('open', path, open, { undo: (opened) => opened.close() });
    this.openFiles++;
    return {
      size: file.size,
      write: (bytes) => {
        const half = () => file.write(bytes.subarray(0, bytes.length / 2));
        return this.#call('write', path, () => file.write(bytes), { instead: half });
      },
      read: (into, position) => this.#call('read', path, () => file.read(into, position)),
      sync: () => this.#call('fsync', path, () => file.sync()),
      close: () => {
        this.openFiles--;
        // Whatever it says of it, the system closes a file.
        return this.#call('close', path, () => file.close(), { instead: () => file.close() });
      },
    };
  }

  async #call<T>(
    call: string,
    path: string,
    run: () => Promise<T>,
    { instead, undo }: { instead?: () => Promise<void>; undo?: (result: T) => Promise<void> } = {},
  ): Promise<T> {
    this.calls++;
    if (this.#fault === undefined || !this.#isHit(this.#fault)) return run();
    const { code, manner } = this.#fault;
    this.failed++;
    if (manner !== 'once, though it was done') await instead?.();
    else {
      const result = await run();
      await undo?.(result);
    }
    throw failure(code, call, path);
  }

  #isHit({ at, manner }: Fault): boolean {
    return manner === 'from then on' ? this.calls >= at : this.calls === at;
  }
}
