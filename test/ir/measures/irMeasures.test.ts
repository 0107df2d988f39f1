/** Values of measures beside those of ir_measures, recorded by scripts/fixtures/measures.py. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { evaluate } from '../../../lib/ir/measures/evaluate.ts';
import { parseMeasure } from '../../../lib/ir/measures/parseMeasure.ts';

type Nested = Readonly<Record<string, Readonly<Record<string, number>>>>;

interface Fixture {
  readonly qrels: Nested;
  readonly runs: readonly {
    readonly run: Nested;
    readonly measures: Readonly<Record<string, { written: string; perTopic: Record<string, number> }>>;
  }[];
}

const path = new URL('../../fixtures/measures.json.gz', import.meta.url);
const fixture = JSON.parse(gunzipSync(readFileSync(path)).toString()) as Fixture;
const maps = (nested: Nested) =>
  new Map(Object.entries(nested).map(([topic, values]) => [topic, new Map(Object.entries(values))]));
const qrels = maps(fixture.qrels);

/** gdeval prints five decimals. */
const decimals = (name: string) => (/^ERR|exp-log2/.test(name) ? 5 : 12);

describe.each(
  fixture.runs.map(({ run, measures }, i) => [['ties', 'no ties'][i], maps(run), measures] as const),
)('a run with %s', (_, run, measures) => {
  test.each(Object.entries(measures))('%s', (name, { written, perTopic }) => {
    const measure = parseMeasure(name);
    expect(measure.name).toBe(written);
    const { perTopic: found, missing, unjudged } = evaluate([measure], run, qrels);
    expect(unjudged).toEqual(['999']);
    expect(missing.length).toBeGreaterThan(3);
    const values = found.get(written)!;
    expect(values.size).toBe(qrels.size);
    for (const [topic, value] of values) {
      // ir_measures has 0 for all that it measures of a topic that the run lacks, of what it counts too.
      if (/^Num(Rel|Q)$/.test(written) && missing.includes(topic)) continue;
      expect(value).toBeCloseTo(perTopic[topic]!, decimals(name));
    }
  });
});
