/** Results as lines for people and for programs. */

import type { Case, ComparedCase, LossesCase, OwnCase } from './cases.ts';
import type { Figure } from './own.ts';
import type { Summary } from './statistics.ts';

/** A case that was measured, or why it is not a result: two sides that did not do the same work cannot be compared. */
export type Outcome =
  | { readonly case: ComparedCase; readonly summary: Summary }
  | { readonly case: LossesCase; readonly last: number }
  | { readonly case: OwnCase; readonly figures: ReadonlyMap<string, Figure> }
  | { readonly case: Case; readonly problem: string };

/** One object a line: what was measured is null where there is no result. */
export function jsonLine(outcome: Outcome): string {
  const { name } = outcome.case;
  const unit = unitOf(outcome.case);
  if ('problem' in outcome) {
    const { problem } = outcome;
    return JSON.stringify({ name, unit, ours: null, reference: null, speedup: null, problem });
  }
  if ('last' in outcome) return JSON.stringify({ name, equal: true, last: outcome.last });
  if ('figures' in outcome)
    return JSON.stringify({ name, unit, figures: Object.fromEntries(outcome.figures) });
  const { ours, reference, speedup, min, max, rounds } = outcome.summary;
  return JSON.stringify({
    name,
    unit,
    ours,
    reference,
    speedup,
    min,
    max,
    rounds,
    settled: settledOf(outcome.case),
  });
}

export function unitOf(one: Case): string | undefined {
  if (one.kind === 'losses') return undefined;
  if (one.kind === 'own') return ownUnits[one.measure];
  return one.unit;
}

const ownUnits = { lag: 'ms', wait: '%', first: 'steps' } as const;

/** How many steps of a round are made before its clock starts. */
export function settledOf(one: Case): number | undefined {
  return one.kind === 'loop' ? one.settled : undefined;
}

/** Of names. */
const WIDTH = 22;
const header = ['case', 'ours', 'other', 'unit', 'speedup', 'min..max', 'rounds'];

export const headerLine = columns(header);

/** The same for a person. */
export function tableLine(outcome: Outcome): string {
  const { name } = outcome.case;
  const told = (text: string) => `${name.padEnd(WIDTH)}  ${text}`;
  if ('problem' in outcome) return told(`not a result: ${outcome.problem}`);
  if ('last' in outcome)
    return told(
      `compiled, as ever and Python: equal in ${outcome.case.steps} steps, the last ${outcome.last}`,
    );
  const unit = unitOf(outcome.case) as string;
  if ('figures' in outcome)
    return told(
      Array.from(
        outcome.figures,
        ([key, { median, min, max }]) => `${key} ${round(median)} ${unit} (${round(min)}..${round(max)})`,
      ).join(', '),
    );
  const { ours, reference, speedup, min, max, rounds } = outcome.summary;
  const range = `${min.toFixed(2)}..${max.toFixed(2)}`;
  const settled = settledOf(outcome.case);
  const cells = [name, round(ours), round(reference), unit, `${speedup.toFixed(2)}x`, range, String(rounds)];
  return `${columns(cells)}${settled === undefined ? '' : `  after ${settled} steps`}`;
}

export function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function columns([name = '', ...rest]: readonly string[]): string {
  const widths = [11, 11, 5, 9, 14, 7];
  return name.padEnd(WIDTH) + rest.map((cell, index) => cell.padStart(widths[index] ?? 0)).join('');
}
