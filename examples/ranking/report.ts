/**
 * What came of it: one table, with tests against the first stage, and the curves of training.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEvents } from 'xpmir';
import { type Comparison, compare, evaluate, type Qrels, type Run } from 'xpmir/ir';
import { lineChart, type Series } from './charts.ts';

export const MEASURES = ['AP', 'nDCG@10', 'RR'] as const;

/** The runs of a system over all topics: one for each seed, a single one where no chance is involved. */
export interface System {
  readonly name: string;
  readonly runs: readonly Run[];
}

interface Row {
  readonly name: string;
  /** By measure, of each seed. */
  readonly seeds: ReadonlyMap<string, readonly number[]>;
  readonly against: ReadonlyMap<string, Comparison>;
}

/** Values by topic: means over the seeds, so that a topic counts once in a test. */
type ByTopic = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** The first system is what the others are tested against: paired t-tests, corrected by Holm for all of the table. */
export function rowsOf(systems: readonly System[], qrels: Qrels): readonly Row[] {
  const evaluations = systems.map(({ runs }) => runs.map((run) => evaluate(MEASURES, run, qrels)));
  const perTopic = evaluations.map((seeds) => meanByTopic(seeds.map((each) => each.perTopic)));
  const rest = systems.slice(1).map(({ name }, i) => [name, { perTopic: perTopic[i + 1]! }] as const);
  const comparisons = compare({ perTopic: perTopic[0]! }, new Map(rest));
  return systems.map(({ name }, i) => ({
    name,
    seeds: new Map(
      MEASURES.map((measure) => [measure, evaluations[i]!.map(({ aggregates }) => aggregates.get(measure)!)]),
    ),
    against: new Map(comparisons.filter(({ system }) => system === name).map((each) => [each.measure, each])),
  }));
}

function meanByTopic(seeds: readonly ByTopic[]): ByTopic {
  return new Map(
    [...seeds[0]!].map(([measure, values]) => [
      measure,
      new Map(
        [...values.keys()].map((topic) => [topic, mean(seeds.map((each) => each.get(measure)!.get(topic)!))]),
      ),
    ]),
  );
}

export const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** ▲ is significantly better than the first row, ▼ worse. */
export function markdown(rows: readonly Row[]): string {
  const cell = ({ seeds, against }: Row, measure: string) => {
    const values = seeds.get(measure)!;
    const compared = against.get(measure);
    const mark = compared?.significant ? (compared.difference > 0 ? ' ▲' : ' ▼') : '';
    const each = values.length > 1 ? ` (${values.map((value) => value.toFixed(4)).join(' ')})` : '';
    return `${mean(values).toFixed(4)}${mark}${each}`;
  };
  return `${[
    `| system | ${MEASURES.join(' | ')} |`,
    `| --- |${' --- |'.repeat(MEASURES.length)}`,
    ...rows.map((row) => `| ${row.name} | ${MEASURES.map((measure) => cell(row, measure)).join(' | ')} |`),
  ].join('\n')}\n`;
}

export function csv(rows: readonly Row[]): string {
  const lines = rows.flatMap(({ name, seeds, against }) =>
    MEASURES.map((measure) => {
      const { difference, p, correctedP } = against.get(measure) ?? {};
      const values = seeds.get(measure)!;
      return [
        name,
        measure,
        mean(values),
        difference ?? '',
        p ?? '',
        correctedP ?? '',
        values.join(' '),
      ].join(',');
    }),
  );
  return `${['system,measure,mean,difference,p,corrected p,seeds', ...lines].join('\n')}\n`;
}

/** By epoch, the mean over the runs of a model, of what each run told; a run that stopped earlier has no part in the rest. */
export async function curvesOf(name: string, paths: readonly string[], chosenBy: string) {
  const losses = new Map<number, number[]>();
  const measured = new Map<number, number[]>();
  for (const path of paths)
    for await (const event of readEvents(join(path, 'events.jsonl'))) {
      if (event.type === 'epoch') add(losses, event.state.epoch, lossOf(event.metrics));
      if (event.type === 'validation') add(measured, event.state.epoch, event.metrics.get(chosenBy));
    }
  return { loss: series(name, losses), measure: series(name, measured) };
}

const LOSSES = ['batch-ce', 'pair-cross-entropy'];
const lossOf = (metrics: ReadonlyMap<string, number>) =>
  LOSSES.map((name) => metrics.get(name)).find((value) => value !== undefined);

function add(by: Map<number, number[]>, epoch: number, value: number | undefined): void {
  if (value === undefined) return;
  by.set(epoch, [...(by.get(epoch) ?? []), value]);
}

function series(name: string, by: ReadonlyMap<number, readonly number[]>): Series {
  return {
    name,
    points: [...by].map(([epoch, values]) => [epoch, mean(values)] as const).sort(([a], [b]) => a - b),
  };
}

export function writeReport(
  directory: string,
  rows: readonly Row[],
  curves: readonly Awaited<ReturnType<typeof curvesOf>>[],
  chosenBy: string,
): void {
  const files = {
    'table.md': markdown(rows),
    'table.csv': csv(rows),
    'loss.svg': lineChart(
      curves.map(({ loss }) => loss),
      { title: 'Training loss', x: 'epoch', y: 'loss' },
    ),
    'validation.svg': lineChart(
      curves.map(({ measure }) => measure),
      { title: `${chosenBy} of the validation topics`, x: 'epoch', y: chosenBy },
    ),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
}
