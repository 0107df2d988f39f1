/** Strings cross once and are numbers from then on. */

import { native } from '../native.ts';

const ids = new Map<string, number>();
const texts: string[] = [];

/** The number that stands for a string on the wire. */
export function intern(text: string): number {
  let id = ids.get(text);
  if (id === undefined) {
    id = native().intern(text);
    ids.set(text, id);
  }
  return id;
}

/** The string behind a number that came over the wire. */
export function textOf(id: number): string {
  texts[id] ??= native().string(id);
  return texts[id];
}
