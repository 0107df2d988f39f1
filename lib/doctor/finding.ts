/** One line of `xpmir doctor`. */
export interface Finding {
  /** What was looked at, such as `libtorch`. */
  readonly name: string;
  /** `problem`: nothing runs, or not as it should. `note`: worth knowing. */
  readonly state: 'ok' | 'note' | 'problem';
  readonly found: string;
  /** What to do about it. */
  readonly remedy?: string;
}

export function ok(name: string, found: string): Finding {
  return { name, state: 'ok', found };
}

export function note(name: string, found: string, remedy?: string): Finding {
  return { name, state: 'note', found, ...(remedy !== undefined && { remedy }) };
}

export function problem(name: string, found: string, remedy: string): Finding {
  return { name, state: 'problem', found, remedy };
}

/** Bytes for a person. */
export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
