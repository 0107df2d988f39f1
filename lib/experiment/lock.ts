/**
 * A lock that one process holds, and that is free as soon as that process is dead.
 *
 * A lock is a directory of numbered files, each made by one owner. The highest number counts: its owner holds the lock
 * while it lives and has not released it. To take a free lock is to make the next number, which only one can. Numbers
 * never fall, so whoever looked long ago cannot take what others took since: this is what makes the taking over of a
 * dead owner's lock safe, where "remove the stale file, make a new one" is not.
 */
import { mkdirSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, createExclusively, readJson, writeAtomically } from './files.ts';
import { isAlive, localProcess, type ProcessRecord } from './processes.ts';

const numbered = /^\d{8}$/;

export class Lock {
  /** The file that the owner keeps touching. */
  readonly file: string;

  private constructor(file: string) {
    this.file = file;
  }

  /** Takes the lock for this process; undefined when somebody holds it. */
  static take(directory: string): Lock | undefined {
    mkdirSync(directory, { recursive: true });
    for (;;) {
      if (lockOwner(directory) !== undefined) return undefined;
      const number = highest(directory) + 1;
      const file = fileOf(directory, number);
      if (!createExclusively(file, JSON.stringify(localProcess(process.pid)))) continue;
      // Where files vanished while we looked, we may have taken a number that is not the highest, or not the only one.
      const others = numbers(directory).filter((other) => other !== number);
      const isHeld = others.some((other) => ownerOf(fileOf(directory, other)) !== undefined);
      if (isHeld || others.some((other) => other > number)) {
        rmSync(file, { force: true });
        if (isHeld) return undefined;
        continue;
      }
      for (const other of others) rmSync(fileOf(directory, other), { force: true });
      return new Lock(file);
    }
  }

  /** Runs `action` with the lock, waiting for it as long as it takes. */
  static async hold<T>(directory: string, action: () => T | Promise<T>): Promise<T> {
    for (;;) {
      const lock = Lock.take(directory);
      if (lock === undefined) {
        await sleep(5 + Math.random() * 20);
        continue;
      }
      try {
        return await action();
      } finally {
        lock.release();
      }
    }
  }

  /** The file stays: its number must not be given again. */
  release(): void {
    try {
      writeAtomically(this.file, '{}');
    } catch {
      // A disk without room for another file lets this one become shorter; otherwise it is free once this process ends.
      try {
        truncateSync(this.file, 0);
      } catch {}
    }
  }
}

/** The process that holds a lock; undefined when it is free. */
export function lockOwner(directory: string): ProcessRecord | undefined {
  const number = highest(directory);
  return number === 0 ? undefined : ownerOf(fileOf(directory, number));
}

/** Whether somebody took the lock and died with it. */
export function isAbandoned(directory: string): boolean {
  const number = highest(directory);
  if (number === 0) return false;
  const file = fileOf(directory, number);
  return readJson<ProcessRecord>(file)?.host !== undefined && ownerOf(file) === undefined;
}

function ownerOf(file: string): ProcessRecord | undefined {
  const owner = readJson<Partial<ProcessRecord>>(file);
  return owner?.host !== undefined && isAlive(owner as ProcessRecord, file)
    ? (owner as ProcessRecord)
    : undefined;
}

function highest(directory: string): number {
  return Math.max(0, ...numbers(directory));
}

function numbers(directory: string): number[] {
  try {
    return readdirSync(directory)
      .filter((name) => numbered.test(name))
      .map(Number);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function fileOf(directory: string, number: number): string {
  return join(directory, `${number}`.padStart(8, '0'));
}
