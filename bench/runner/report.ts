/** Results as lines for people and for programs. */

import type { Case } from './cases.ts';
import type { Summary } from './statistics.ts';

/** A case that was measured, or why it is not a result: two sides that did not do the same work cannot be compared. */
export type Outcome =
  | { readonly case: Case; readonly summary: Summary }
  | { readonly case: Case; readonly problem: string };

/** One object a line: what was measured is null where there is no result. */
export function jsonLine(outcome: Outcome): string {
  const { name, unit } = outcome.case;
  if ('problem' in outcome) {
    return JSON.stringify({
      name,
      unit,
      ours: null,
      reference: null,
      speedup: null,
      problem: outcome.problem,
    });
  }
  const { ours, reference, speedup, min, max, rounds } = outcome.summary;
  return JSON.stringify({ name, unit, ours, reference, speedup, min, max, rounds });
}

const header = ['case', 'ours', 'Python', 'unit', 'speedup', 'min..max', 'rounds'];

export const headerLine = columns(header);

/** The same for a person. */
export function tableLine(outcome: Outcome): string {
  const { name, unit } = outcome.case;
  if ('problem' in outcome) return `${name.padEnd(20)}  not a result: ${outcome.problem}`;
  const { ours, reference, speedup, min, max, rounds } = outcome.summary;
  const range = `${min.toFixed(2)}..${max.toFixed(2)}`;
  return columns([
    name,
    round(ours),
    round(reference),
    unit,
    `${speedup.toFixed(2)}x`,
    range,
    String(rounds),
  ]);
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function columns([name = '', ...rest]: readonly string[]): string {
  const widths = [10, 10, 5, 9, 14, 7];
  return name.padEnd(20) + rest.map((cell, index) => cell.padStart(widths[index] ?? 0)).join('');
}
