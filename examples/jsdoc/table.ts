/**
 * Results as a table of plain text.
 */

export interface Row {
  readonly name: string;
  /** One record for each seed; a single one where there is no chance involved. */
  readonly values: readonly Readonly<Record<string, number>>[];
}

/** Means of each column, and, where there is more than one seed, the value of each. */
export function resultTable(rows: readonly Row[], columns: readonly string[]): string {
  const cells = rows.map(({ name, values }) => [
    name,
    ...columns.map((column) => cell(values.map((each) => each[column]!))),
  ]);
  const all = [['', ...columns], ...cells];
  const widths = all[0]!.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  return all
    .map((row) =>
      row
        .map((text, i) => text.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cell(values: readonly number[]): string {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const each = values.map((value) => value.toFixed(4)).join(' ');
  return mean.toFixed(4) + (values.length > 1 ? ` (${each})` : '');
}
