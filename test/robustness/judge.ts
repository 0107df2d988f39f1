/** The verdict on one hostile call, and a record on disk of which call it was, for when the process does not survive it. */

import { spawnSync } from 'node:child_process';
import { openSync, readFileSync, writeSync } from 'node:fs';
import { ArgumentError, ArgumentRangeError, TorchError } from '../../lib/errors.ts';
import { HostileError } from './hostile.ts';

const progress = process.env.XPMIR_PROGRESS ? openSync(process.env.XPMIR_PROGRESS, 'w') : undefined;
const WIDTH = 400;

/** Says which call comes next; the parent reads it after a crash. */
export function announce(call: string): void {
  if (progress !== undefined) writeSync(progress, call.slice(0, WIDTH).padEnd(WIDTH), 0);
}

export interface Verdicts {
  calls: number;
  returned: number;
  /** Errors that are neither ours nor the value's own, by their first words, each with a call that gave it. */
  readonly untyped: Map<string, string>;
  /** Whether the language's own TypeError and RangeError are refusals too. */
  readonly isLenient: boolean;
}

export function newVerdicts(isLenient = false): Verdicts {
  return { calls: 0, returned: 0, untyped: new Map(), isLenient };
}

export function isTyped(error: unknown): boolean {
  if (error instanceof HostileError) return true;
  // What the language throws from a revoked proxy is the value's own error too.
  if (error instanceof TypeError && error.message.endsWith('on a proxy that has been revoked')) return true;
  const isOurs =
    error instanceof ArgumentError || error instanceof ArgumentRangeError || error instanceof TorchError;
  return isOurs && typeof error.code === 'string' && error.code.startsWith('ERR_');
}

/** Makes the call: it may return, or throw one of our errors or the value's own. */
export function judge(verdicts: Verdicts, call: string, make: () => unknown): void {
  announce(call);
  verdicts.calls++;
  const note = (error: unknown): void => {
    if (isTyped(error)) return;
    if (verdicts.isLenient && (error instanceof TypeError || error instanceof RangeError)) return;
    const text = `${call} -> ${describe(error)}`;
    const key = describe(error).slice(0, 60);
    if (!verdicts.untyped.has(key)) verdicts.untyped.set(key, text);
  };
  try {
    const result = make();
    verdicts.returned++;
    if (result instanceof Promise) result.catch(note);
  } catch (error) {
    note(error);
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `a thrown ${typeof error}`;
  const frame = (error.stack ?? '').split('\n').find((line) => line.includes('/lib/')) ?? '';
  return `${error.name}: ${error.message.slice(0, 160)} ${frame.trim()}`;
}

/** Prints the verdicts for the parent. */
export function report(verdicts: Verdicts): void {
  announce('the end of the process');
  const untyped = [...verdicts.untyped.values()];
  process.stdout.write(
    `${JSON.stringify({ calls: verdicts.calls, returned: verdicts.returned, untyped })}\n`,
  );
}

/**
 * Leaves this process so many more bytes of addresses (Linux): an operator that asks for a terabyte then gets an error
 * from its allocator, instead of memory that the machine does not have.
 */
export function limitMemory(bytes: number): void {
  if (process.platform !== 'linux') return;
  const used = /VmSize:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
  spawnSync('prlimit', ['--pid', String(process.pid), `--as=${Number(used?.[1]) * 1024 + bytes}`]);
}
