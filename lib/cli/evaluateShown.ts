/** How `xpmir evaluate` shows evaluations: as tables, or as one JSON object. */
import type { Measure } from '../ir/measures/measure.ts';
import type { Comparison } from '../ir/significance/compare.ts';
import type { EvaluateCommandOptions } from './evaluate.ts';
import type { EvaluatedRuns } from './evaluateRuns.ts';

/** A row for each run; with `--per-topic` a table of topics for each measure below. */
export function tableOf(evaluated: EvaluatedRuns, options: EvaluateCommandOptions): string {
  const { measures, runs, baseline, comparisons } = evaluated;
  const rows = runs.map(({ path, evaluation }) => [
    path,
    ...measures.map((measure) => {
      const value = number(measure, evaluation.aggregates.get(measure.name) as number);
      return value + mark(comparisons.find((each) => each.system === path && each.measure === measure.name));
    }),
  ]);
  const parts = [aligned([['run', ...measures.map(({ name }) => name)], ...rows])];
  if (baseline !== undefined) parts.push(legend(baseline, options));
  if (options.perTopic) parts.push(...measures.map((measure) => topicTable(measure, evaluated)));
  return parts.join('\n\n');
}

/** Topic by topic the values of a measure, and how far those of other runs are from the baseline's. */
function topicTable(measure: Measure, { runs, comparisons }: EvaluatedRuns): string {
  const columns = runs.flatMap(({ path, evaluation }) => {
    const values = evaluation.perTopic.get(measure.name) as ReadonlyMap<string, number>;
    const column = {
      name: path,
      cell: (topic: string) => shown(values.get(topic), (v) => number(measure, v)),
    };
    const compared = comparisons.find((each) => each.system === path && each.measure === measure.name);
    if (compared === undefined) return [column];
    const { differences } = compared;
    return [
      column,
      { name: '+/-', cell: (topic: string) => shown(differences.get(topic), (v) => signed(measure, v)) },
    ];
  });
  const topics = new Set(
    runs.flatMap(({ evaluation }) => [...(evaluation.perTopic.get(measure.name)?.keys() ?? [])]),
  );
  const rows = [...topics].map((topic) => [topic, ...columns.map(({ cell }) => cell(topic))]);
  return aligned([[measure.name, ...columns.map(({ name }) => name)], ...rows]);
}

function shown(value: number | undefined, show: (value: number) => string): string {
  return value === undefined ? '' : show(value);
}

function signed(measure: Measure, difference: number): string {
  return `${difference > 0 ? '+' : ''}${number(measure, difference)}`;
}

function number({ aggregate }: Measure, value: number): string {
  return aggregate === 'sum' ? String(value) : value.toFixed(4);
}

const MARKS = { better: ' ▲', worse: ' ▼', neither: '' };

function mark(comparison: Comparison | undefined): string {
  if (comparison === undefined || !comparison.significant) return MARKS.neither;
  return comparison.difference > 0 ? MARKS.better : MARKS.worse;
}

function legend(baseline: string, { test, correction, alpha }: EvaluateCommandOptions): string {
  const how = correction === 'none' ? 'not corrected' : `corrected after ${NAMES[correction]}`;
  return `▲ ▼ higher or lower than ${baseline}: paired ${test}, two-sided, p < ${alpha}, ${how}`;
}

const NAMES = { bonferroni: 'Bonferroni', holm: 'Holm' };

/** Columns as wide as what stands in them; marks stand right of numbers, which stay below each other. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] as readonly string[]).map((_, i) =>
    Math.max(...rows.map((row) => row[i]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((each, i) => each.padEnd(widths[i] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** All that is known, topics and differences among it. */
export function jsonOf({ measures, runs, baseline, comparisons }: EvaluatedRuns): string {
  return JSON.stringify({
    measures: measures.map(({ name }) => name),
    runs: runs.map(({ path, tag, evaluation: { aggregates, perTopic, missing, unjudged } }) => ({
      path,
      tag,
      aggregates: Object.fromEntries(aggregates),
      perTopic: Object.fromEntries([...perTopic].map(([name, values]) => [name, Object.fromEntries(values)])),
      missing,
      unjudged,
    })),
    baseline,
    comparisons: comparisons.map((each) => ({ ...each, differences: Object.fromEntries(each.differences) })),
  });
}
