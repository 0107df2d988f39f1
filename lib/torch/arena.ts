/** The buffer that operator calls travel through, shared with native/wire.h. */

import { native } from '../native.ts';

/** Slots of the header: the grad mode, the number of results, and what a call is. Values begin at FIRST. */
export const MODE = 0;
export const COUNT = 1;
export const OPERATOR = 2;
export const POSITIONAL = 3;
export const NAMED = 4;
/** The number of handles that wait behind this slot for the next native entry to release them. */
export const DISPOSED = 5;
export const MOST_DISPOSED = 32;
export const FIRST = DISPOSED + 1 + MOST_DISPOSED;

export interface Arena {
  readonly numbers: Float64Array;
  /** The same slots, for integers that a double cannot hold. */
  readonly integers: BigInt64Array;
}

let shared: Arena | undefined;

/** The current buffer; it changes when either side outgrows it, so no one keeps it across a call. */
export function arena(): Arena {
  shared ??= view(native().arena());
  return shared;
}

/** The buffer again after native code has grown it. */
export function refreshArena(): Arena {
  shared = view(native().arena());
  return shared;
}

/** A buffer of at least so many slots, with what was written so far. */
export function reserveArena(slots: number): Arena {
  if (slots > arena().numbers.length) shared = view(native().reserve(slots));
  return arena();
}

function view(buffer: ArrayBuffer): Arena {
  return { numbers: new Float64Array(buffer), integers: new BigInt64Array(buffer) };
}
