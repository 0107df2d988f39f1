/** `XPMIR_TRACK_TENSORS=1`: which tensors are alive, by the place that made them. */

import type { Handle } from '../native.ts';

/** Live handles; `places` counts them by place of creation. */
export interface LiveTensors {
  set(handle: Handle, tensor: object): void;
  delete(handle: Handle): void;
  places(): Map<string, number>;
}

let tracked: LiveTensors | undefined;

/** A tracker when the environment asks for one; it reports on standard error when the process ends. */
export function trackLive(): LiveTensors | undefined {
  const asked = process.env.XPMIR_TRACK_TENSORS;
  if (asked === undefined || asked === '' || asked === '0') return undefined;
  const stacks = new Map<Handle, string>();
  tracked = {
    set: (handle) => stacks.set(handle, callerPlace()),
    delete: (handle) => stacks.delete(handle),
    places: () => {
      const counts = new Map<string, number>();
      for (const place of stacks.values()) counts.set(place, (counts.get(place) ?? 0) + 1);
      return counts;
    },
  };
  process.on('exit', () => process.stderr.write(livePlaces()));
  return tracked;
}

/** Live tensors by place of creation, most first, one a line; says how to turn it on when it is off. */
export function livePlaces(): string {
  if (tracked === undefined) return 'Set XPMIR_TRACK_TENSORS=1 to see where live tensors were made.\n';
  const places = [...tracked.places()].sort((a, b) => b[1] - a[1]);
  const total = places.reduce((sum, [, count]) => sum + count, 0);
  const lines = places.map(([place, count]) => `${String(count).padStart(8)}  ${place}\n`);
  return `${total} live tensors by place of creation:\n${lines.join('')}`;
}

const LIBRARY = new URL('.', import.meta.url).href;

/** The first frame outside of this library. */
function callerPlace(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 30;
  const frames = (new Error().stack ?? '').split('\n').slice(1);
  Error.stackTraceLimit = limit;
  const path = LIBRARY.replace('file://', '');
  const frame =
    frames.find((line) => !line.includes(LIBRARY) && !line.includes(path)) ?? frames[0] ?? 'unknown';
  return frame.trim().replace(/^at /, '');
}
