/** Where in the user's program something is called. */
import { fileURLToPath } from 'node:url';

const LIBRARY = fileURLToPath(new URL('..', import.meta.url));

/** The stack of the program: from the first line that is not this library's. */
export function callerStack(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 100;
  const frames = (new Error().stack ?? '').split('\n').slice(1);
  Error.stackTraceLimit = limit;
  const first = frames.findIndex((frame) => !frame.includes(LIBRARY) && !frame.includes('node:'));
  return frames.slice(Math.max(first, 0)).join('\n');
}

/** The line of the program, such as `forward (file:///models/ranker.ts:12:30)`. */
export function callerPlace(): string {
  const [first = ''] = callerStack().split('\n');
  return first.trim().replace(/^at /, '');
}
