/**
 * Reads what a run told, also while it goes on: for dashboards, tables, and readers of events that come late.
 */
import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../experiment/files.ts';
import { decodeEvent, type LoggedEvent } from './eventCodec.ts';

export interface ReadEventsOptions {
  /** Goes on with what is added to the file, until the loop over it is left or `signal` fires; default false. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds between two looks at a file that is followed, default 250. */
  readonly interval?: number;
}

/**
 * The events in an `events.jsonl`, in their order. What is void, as the run went on from a step before it, is left out;
 * of a file that is followed it may have been given already: then a `resume` says that everything beyond its step is.
 * A line that is not whole is left out too.
 *
 * @throws ArgumentError for a file of a later version; what the file system says where there is none, unless it is
 *   followed: then it is waited for
 */
export async function* readEvents(
  path: string,
  { follow = false, signal, interval = 250 }: ReadEventsOptions = {},
): AsyncGenerator<LoggedEvent, void, undefined> {
  let from = 0;
  do {
    const resumes = await findResumes(path, from, follow);
    for await (const { text, end } of linesOf(path, { from, to: resumes.end, patient: follow })) {
      from = end;
      const event = decodeEvent(text);
      if (event !== undefined && (event.type === 'run' || event.state.steps <= resumes.limitAt(end)))
        yield event;
    }
  } while (follow && (await waited(interval, signal)));
}

interface Line {
  readonly text: string;
  /** Offset of the next line. */
  readonly end: number;
}

interface LineOptions {
  readonly from?: number;
  readonly to?: number;
  /** A file that is not there has no lines, where it may come. */
  readonly patient?: boolean;
}

/** Whole lines of a file that may grow in the meantime. */
export async function* linesOf(
  path: string,
  { from = 0, to = Number.POSITIVE_INFINITY, patient = false }: LineOptions = {},
): AsyncGenerator<Line, void, undefined> {
  if (to <= from) return;
  let rest: Buffer = Buffer.alloc(0);
  let end = from;
  try {
    for await (const block of createReadStream(path, { start: from, end: to - 1 })) {
      rest = rest.length === 0 ? (block as Buffer) : Buffer.concat([rest, block as Buffer]);
      for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
        end += at + 1;
        yield { text: rest.toString('utf8', 0, at), end };
        rest = rest.subarray(at + 1);
      }
    }
  } catch (error) {
    if (!patient || codeOf(error) !== 'ENOENT') throw error;
  }
}

/** Where in a file a run went on, up to the end of its last whole line. */
async function findResumes(path: string, from: number, patient: boolean) {
  const found: { readonly end: number; readonly step: number }[] = [];
  let end = from;
  for await (const line of linesOf(path, { from, patient })) {
    end = line.end;
    if (!line.text.startsWith('{"type":"resume"')) continue;
    const event = decodeEvent(line.text);
    if (event?.type === 'resume') found.push({ end, step: event.state.steps });
  }
  /** The last step that is not void, of a line that ends at an offset. */
  const limitAt = (offset: number): number => {
    while (found[0] !== undefined && found[0].end <= offset) found.shift();
    return found.reduce((least, { step }) => Math.min(least, step), Number.POSITIVE_INFINITY);
  };
  return { end, limitAt };
}

/** @returns false once the signal fired */
async function waited(interval: number, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await sleep(interval, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
