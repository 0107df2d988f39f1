/** The page of results, and the cases that are no race. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { settings } from '../../bench/ours/learners.ts';
import { type Case, cases } from '../../bench/runner/cases.ts';
import { compareLosses } from '../../bench/runner/own.ts';
import { jsonLine, type Outcome, tableLine } from '../../bench/runner/report.ts';
import { resultsPage } from '../../bench/runner/results.ts';
import { textLines } from '../../bench/runner/textFile.ts';

const named = (name: string) => cases.find((one) => one.name === name) as Case;
const summary = { ours: 100_000, reference: 150_000, speedup: 1.5, min: 1.25, max: 1.75, rounds: 7 };
const figures = new Map([
  ['median', { median: 0.1, min: 0, max: 0.25 }],
  ['p99', { median: 5, min: 4, max: 6 }],
  ['most', { median: 40, min: 30, max: 50 }],
]);
const outcomes = [
  { case: named('add-4x4'), summary: { ...summary, ours: 1000.4, reference: 1500 } },
  { case: named('mlp'), summary },
  { case: named('knrm'), problem: 'the losses | differ' },
  { case: named('dual-encoder'), summary },
  { case: named('jsonl'), summary },
  { case: named('peak-memory'), summary: { ...summary, ours: 250, reference: 315.2 } },
  { case: named('loss-mlp'), last: 0.5 },
  { case: named('loss-attention'), problem: 'losses differ at step 2' },
  { case: named('begin-mlp'), figures: new Map([['worth', { median: 25.5, min: 20, max: 30 }]]) },
  { case: named('lag-mlp'), figures },
  { case: named('wait-demo'), figures: new Map([['share', { median: 1.364, min: 1, max: 2 }]]) },
] as readonly Outcome[];

describe('the page of results', () => {
  const setting = {
    command: 'npm run bench',
    date: '2026-11-24',
    commit: 'abc1234',
    machine: '2 x some processor',
    load: '0.10, 0.20, 0.30',
    threads: 1,
    ours: 'Node 20',
    reference: 'Python 3.11',
  };
  const page = resultsPage(setting, outcomes);

  test('says of what it is', () => {
    for (const value of Object.values(setting)) expect(page).toContain(String(value));
  });

  test('has a section for each kind that was measured, and none for others', () => {
    expect(page.match(/^## .*$/gm)).toEqual(
      [
        'Operators',
        'Training',
        'Data',
        'Processes',
        'Losses',
        'First steps',
        'Event loop',
        'Waiting for data',
      ].map((title) => `## ${title}`),
    );
    const part = resultsPage(setting, outcomes.slice(0, 1));
    expect(part.match(/^## .*$/gm)).toEqual(['## Operators']);
  });

  test.each([
    ['add-4x4', '1000 ns | 1500 ns | 1.50 | 1.25..1.75 | 7'],
    ['mlp', '10000 | 6667 | 1.50 | 1.25..1.75 | 7'],
    ['knrm', 'not a result: the losses \\| differ |  |  |  | '],
    ['jsonl', '100 us | 150 us | 1.50 | 1.25..1.75 | 7'],
    ['peak-memory', '250 MB | 315 MB | 1.50 | 1.25..1.75 | 7'],
    ['loss-mlp', '500 | yes | 0.5'],
    ['loss-attention', 'not a result: losses differ at step 2 |  | '],
    ['begin-mlp', '25.50 (20.00..30.00)'],
    ['lag-mlp', '0.10 (0.00..0.25) | 5.00 (4.00..6.00) | 40.00 (30.00..50.00)'],
    ['wait-demo', '1.36 (1.00..2.00)'],
  ])('%s has its figures, and the command that prints them', (name, cells) => {
    const row = page.split('\n').find((line) => line.startsWith(`| ${name} |`));
    expect(row).toBe(`| ${name} | ${named(name).title} | ${cells} | \`npm run bench -- --only ${name}\` |`);
  });

  test('says after how many steps a clock starts', () => {
    const { title } = named('dual-encoder');
    expect(page).toContain(
      `| dual-encoder | ${title}; after 14 steps | 10000 | 6667 | 1.50 | 1.25..1.75 | 7 |`,
    );
  });

  test('every row of a table is as long as its head', () => {
    const tables = page.split('\n\n').filter((part) => part.startsWith('|'));
    expect(tables).toHaveLength(9);
    for (const table of tables) {
      const lengths = table
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/(?<!\\)\|/).length);
      expect(new Set(lengths).size).toBe(1);
    }
  });

  test('the page that is kept has every case', () => {
    const kept = readFileSync(join(import.meta.dirname, '../../bench/RESULTS.md'), 'utf8');
    for (const { name } of cases) expect(kept).toContain(`| ${name} |`);
  });
});

describe('lines for people and programs', () => {
  const of = (name: string) => outcomes.find(({ case: one }) => one.name === name) as Outcome;
  const [equal, lag, settled] = [of('loss-mlp'), of('lag-mlp'), of('dual-encoder')];

  test('losses that are equal', () => {
    expect(JSON.parse(jsonLine(equal))).toEqual({ name: 'loss-mlp', equal: true, last: 0.5 });
    expect(tableLine(equal)).toMatch(
      /^loss-mlp +compiled, as ever and Python: equal in 500 steps, the last 0.5$/,
    );
  });

  test('steps before the clock', () => {
    expect(JSON.parse(jsonLine(settled))).toEqual({
      name: 'dual-encoder',
      unit: 'ns',
      ...summary,
      settled: 14,
    });
    expect(tableLine(settled)).toMatch(/ 1.25..1.75 +7 {2}after 14 steps$/);
    expect(tableLine(of('mlp'))).toMatch(/ 1.25..1.75 +7$/);
  });

  test('figures of our own', () => {
    expect(JSON.parse(jsonLine(lag))).toEqual({
      name: 'lag-mlp',
      unit: 'ms',
      figures: Object.fromEntries(figures),
    });
    expect(tableLine(of('begin-mlp'))).toMatch(/^begin-mlp +worth 25.5 steps \(20.0..30.0\)$/);
    expect(tableLine(lag)).toContain('p99 5.00 ms (4.00..6.00), most 40.0 ms (30.0..50.0)');
  });
});

describe('losses', () => {
  const compiled = [2, 1, 0.5];

  test('that are the same give the last one', () => {
    expect(compareLosses(compiled, { 'as ever': [2, 1, 0.5], Python: [2, 1, 0.5] }, 3)).toEqual({
      last: 0.5,
    });
  });

  test.each<[string, number[]]>([
    ['2: compiled 1, Python 1.0000001', [2, 1.0000001, 0.5]],
    ['3: compiled 0.5, Python undefined', [2, 1]],
  ])('that differ say at which step %s', (told, losses) => {
    expect(compareLosses(compiled, { 'as ever': compiled, Python: losses }, 3)).toEqual({
      problem: `losses differ at step ${told}`,
    });
  });

  test('that are no numbers, or are missing everywhere, are not equal', () => {
    expect(compareLosses([Number.NaN], { Python: [Number.NaN] }, 1)).toHaveProperty('problem');
    expect(compareLosses([], { Python: [] }, 1)).toHaveProperty('problem');
  });
});

test('what cases train is there on both sides', () => {
  const python = readFileSync(join(import.meta.dirname, '../../bench/reference/learners.py'), 'utf8');
  for (const one of cases) {
    if (!('train' in one) || one.train === undefined || one.train === 'demo') continue;
    expect(Object.keys(settings)).toContain(one.train);
    if (one.kind !== 'own') expect(python).toContain(`"${one.train}": (`);
  }
});

test('texts are the same each time', () => {
  const [first, ...others] = textLines(50);
  expect(textLines(50)).toEqual([first, ...others]);
  const { query, document, label } = JSON.parse(first as string);
  expect(query.split(' ').length).toBeGreaterThanOrEqual(3);
  expect(document.split(' ').length).toBeGreaterThanOrEqual(60);
  expect(label).toBe(0);
});
