/** The buffer that operator calls travel through, shared with native/wire.h. */

import { native } from '../native.ts';

/** Slots of the header: the modes, the number of results, and what a call is. Values begin at FIRST. */
export const MODE = 0;
export const COUNT = 1;
export const OPERATOR = 2;
export const POSITIONAL = 3;
export const NAMED = 4;
/** The number of handles that wait behind this slot for the next native entry to release them. */
export const DISPOSED = 5;
export const MOST_DISPOSED = 32;
export const FIRST = DISPOSED + 1 + MOST_DISPOSED;

/** The buffer. Either side may outgrow it, and then it is another one: nobody keeps it across a call. */
export let numbers: Float64Array = new Float64Array(0);
/** The same slots, for integers that a double cannot hold. */
export let integers: BigInt64Array = new BigInt64Array(0);

/** Before the first use of the buffer; loads libtorch. */
export function openArena(): void {
  if (numbers.length === 0) refreshArena();
}

/** Fetches the buffer after native code has grown it. */
export function refreshArena(): void {
  view(native().arena());
}

/** Makes the buffer at least so many slots long; what was written stays. */
export function reserveArena(slots: number): void {
  openArena();
  if (slots > numbers.length) view(native().reserve(slots));
}

function view(buffer: ArrayBuffer): void {
  numbers = new Float64Array(buffer);
  integers = new BigInt64Array(buffer);
}
