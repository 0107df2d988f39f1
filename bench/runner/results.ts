/** The page of results: what `npm run bench` writes. */

import { type Case, type ComparedCase, type OwnCase, SETTLED } from './cases.ts';
import { type Outcome, round, settledOf } from './report.ts';

/** Where, when and of what results are. */
export interface Setting {
  /** As it was typed. */
  readonly command: string;
  /** As ISO 8601, of the day. */
  readonly date: string;
  readonly commit: string;
  /** Processors, memory and system. */
  readonly machine: string;
  /** Load averages before. */
  readonly load: string;
  readonly threads: number;
  readonly ours: string;
  readonly reference: string;
}

type Row = readonly string[];

/** Markdown. */
export function resultsPage(setting: Setting, outcomes: readonly Outcome[]): string {
  const parts = [
    '# Results',
    'Written by `npm run bench`; [docs/benchmarks.md](../docs/benchmarks.md) says how it is measured. `ours` and `Python` are\n' +
      "medians over rounds. The speedup is the median of the rounds' own ratios, more than 1 where ours is better, with the\n" +
      'least and the most of them behind it. The last column is the command that prints the row.',
    table(
      ['', ''],
      [
        ['command', `\`${setting.command}\``],
        ['date', setting.date],
        ['commit', setting.commit],
        ['machine', setting.machine],
        ['load before', setting.load],
        ['threads of libtorch', String(setting.threads)],
        ['ours', setting.ours],
        ['reference', setting.reference],
      ],
    ),
    ...sections(outcomes),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Heads of the two sides, where they are not ours and Python in time. */
const sides: Partial<Record<ComparedCase['section'], Row>> = {
  Training: ['ours, steps/s', 'Python, steps/s'],
  'ONNX Runtime': ['ours', 'onnxruntime-node'],
};

function sections(outcomes: readonly Outcome[]): string[] {
  const some = (title: string, note: string, heads: Row, rows: readonly Row[]) =>
    rows.length === 0 ? [] : [`## ${title}`, ...(note === '' ? [] : [note]), table(heads, rows)];
  const compared = (section: ComparedCase['section'], note = '') =>
    some(
      section,
      note,
      ['case', '', ...(sides[section] ?? ['ours', 'Python']), 'speedup', 'min..max', 'rounds', 'command'],
      outcomes.filter(({ case: one }) => 'section' in one && one.section === section).map(comparedRow),
    );
  const own = (title: string, measure: OwnCase['measure'], note: string, heads: Row) =>
    some(
      title,
      note,
      ['case', '', ...heads, 'command'],
      outcomes
        .filter(({ case: one }) => one.kind === 'own' && one.measure === measure)
        .map((outcome) => ownRow(outcome, heads.length)),
    );
  return [
    ...compared('Operators'),
    ...compared(
      'Training',
      'The losses of the last step are equal on both sides, as bits. Of most rows the first steps are a part, of which a\n' +
        'Learner makes some both ways. Rows that say so are timed on both sides after so many steps: their rounds are too\n' +
        'short to stand for a training, and what its beginning costs is under First steps.',
    ),
    ...compared(
      'Inference',
      'A pass over a batch, without gradients. The hidden states are equal on both sides, as bits of their sum; by `toMkldnn`\n' +
        'their sum is within 1e-5 of itself.',
    ),
    ...compared(
      'ONNX Runtime',
      "The same passes beside `onnxruntime-node` with as many threads, whose hidden states are within 1e-4 of Python's.",
    ),
    ...compared('Data', 'Checksums of the tensors are equal on both sides.'),
    ...compared('Processes'),
    ...some(
      'Losses',
      'Of every step: compiled, as ever and in PyTorch, compared as bits.',
      ['case', '', 'steps', 'equal', 'loss of the last step', 'command'],
      outcomes.filter(({ case: one }) => one.kind === 'losses').map(lossesRow),
    ),
    ...own(
      'First steps',
      'first',
      `Time from \`learner.run\` to the end of step ${SETTLED}, in steps' worth of those after it: ${SETTLED} would be no cost. Some are\n` +
        'made both ways, and code is compiled.',
      ["steps' worth"],
    ),
    ...own(
      'Event loop',
      'lag',
      'How late it is while a Learner trains, in milliseconds: beyond one that a timer of one millisecond waits. Medians of\n' +
        'runs, and the least and the most of them.',
      ['median', 'p99', 'most'],
    ),
    ...own(
      'Waiting for data',
      'wait',
      'Share of the time of the steps in which nothing was computed, as the next batch was not there.',
      ['share, %'],
    ),
  ];
}

function comparedRow(outcome: Outcome): Row {
  const one = outcome.case as ComparedCase;
  if (!('summary' in outcome)) return problemRow(outcome, 8);
  const { ours, reference, speedup, min, max, rounds } = outcome.summary;
  const shown = (cost: number) => (one.section === 'Training' ? round(1e9 / cost) : scaled(cost, one.unit));
  return named(one, [
    shown(ours),
    shown(reference),
    speedup.toFixed(2),
    `${min.toFixed(2)}..${max.toFixed(2)}`,
    String(rounds),
  ]);
}

function lossesRow(outcome: Outcome): Row {
  if (!('last' in outcome)) return problemRow(outcome, 6);
  const { steps } = outcome.case;
  return named(outcome.case, [String(steps), 'yes', String(outcome.last)]);
}

function ownRow(outcome: Outcome, columns: number): Row {
  if (!('figures' in outcome)) return problemRow(outcome, columns + 3);
  const figures = [...outcome.figures.values()].map(
    ({ median, min, max }) => `${median.toFixed(2)} (${min.toFixed(2)}..${max.toFixed(2)})`,
  );
  return named(outcome.case, figures);
}

/** @param columns of the whole row */
function problemRow(outcome: Outcome, columns: number): Row {
  const problem = 'problem' in outcome ? outcome.problem : '';
  return named(outcome.case, [`not a result: ${problem}`, ...Array<string>(columns - 4).fill('')]);
}

function named(one: Case, cells: Row): Row {
  const { name, title } = one;
  const settled = settledOf(one);
  const told = settled === undefined ? title : `${title}; after ${settled} steps`;
  return [name, told, ...cells, `\`npm run bench -- --only ${name}\``];
}

/** Nanoseconds of long loops in a unit that can be read. */
function scaled(cost: number, unit: ComparedCase['unit']): string {
  return unit === 'ns' && cost >= 1e5 ? `${round(cost / 1000)} us` : `${round(cost)} ${unit}`;
}

function table(heads: Row, rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}
