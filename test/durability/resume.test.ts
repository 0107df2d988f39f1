/** A run that is cut anywhere and goes on in another process ends as one that was not, to the last bit. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { told } from './children.ts';
import { full, repeatable, seed, tell } from './effort.ts';
import { type Case, casesOf, EPOCHS, missing, STEPS } from './resumeCases.ts';
import { differences } from './resumeDifferences.ts';
import { ITEMS } from './resumeItems.ts';
import type { Told } from './resumeProgram.ts';
import { overflows, type Trace } from './resumeRun.ts';

const COUNT = full ? 200 : 24;
const cases = casesOf(COUNT, seed);
const test = repeatable(import.meta.url);

/** What came of a case: the whole run, the part up to the cut, and the rest; or what went wrong. */
interface Outcome {
  readonly traces: readonly Trace[];
  readonly errors: readonly string[];
}

let directory = '';
const outcomes = new Map<number, Outcome>();
const outcomeOf = ({ id }: Case) => outcomes.get(id) as Outcome;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'xpmir-resume-'));
  const file = join(directory, 'cases.json');
  writeFileSync(file, JSON.stringify(cases));
  const started = performance.now();
  for (const part of ['first', 'second']) {
    for (const { id, traces = [], error } of await told<Told>('resumeProgram.ts', [part, directory, file])) {
      const before = outcomes.get(id) ?? { traces: [], errors: [] };
      outcomes.set(id, {
        traces: [...before.traces, ...traces],
        errors: [...before.errors, ...(error === undefined ? [] : [error])],
      });
    }
  }
  tell(`${COUNT} runs, whole and cut: ${((performance.now() - started) / 1000).toFixed(0)} s`);
}, 3_600_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a run that is cut and goes on in another process', () => {
  for (const each of cases)
    test(`${each.id}: ${nameOf(each)}`, () => {
      const { traces, errors } = outcomeOf(each);
      expect(errors).toEqual([]);
      const [whole, first, second] = traces as [Trace, Trace, Trace];
      expect(whole.saved).toEqual({ epoch: EPOCHS, steps: EPOCHS * STEPS, stepsInEpoch: null });
      expect(differences(whole, { first, second }, each)).toEqual([]);
      expect([...whole.warnings, ...first.warnings, ...second.warnings]).toEqual([]);
      expectPasses(whole);
    });

  test('covers every value of every dimension, and is cut where it is to be', () => {
    expect(missing(cases)).toEqual([]);
    const missed = new Set(cases.map(({ cut }) => cut));
    for (const each of cases) if (isCutThere(each, outcomeOf(each))) missed.delete(each.cut);
    expect([...missed]).toEqual([]);
  });
});

function nameOf({ id: _, at: __, ...values }: Case): string {
  return Object.entries(values)
    .map(([name, value]) => (typeof value === 'string' ? value : `${name} ${value}`))
    .join(', ');
}

/** None is lost, and none comes twice. */
function expectPasses({ taken }: Trace): void {
  const ids = taken.flat();
  for (let at = 0; at + ITEMS <= ids.length; at += ITEMS)
    expect(new Set(ids.slice(at, at + ITEMS)).size).toBe(ITEMS);
}

/** Whether what is saved is as it was after the step that was meant. */
function isCutThere(each: Case, { traces: [whole, first] }: Outcome): boolean {
  if (whole === undefined || first === undefined) return false;
  const { steps, stepsInEpoch } = first.saved;
  const isOverflow = overflows(each, whole);
  switch (each.cut) {
    case 'after the first step':
      return steps === 1;
    case 'after the second step':
      return steps === 2;
    case 'after the last step of an epoch':
      return stepsInEpoch === STEPS;
    case 'in a validation':
      return stepsInEpoch === null;
    case 'after the first step of an epoch':
      return stepsInEpoch === 1;
    case 'before the last step':
      return steps === EPOCHS * STEPS - 1;
    case 'before an overflow':
      return isOverflow(steps + 1);
    case 'at an overflow':
      return isOverflow(steps);
    case 'after an overflow':
      return isOverflow(steps - 1);
    default:
      return steps === each.at;
  }
}
