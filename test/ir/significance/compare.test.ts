/** Tests of significance, with values of scipy where Python has it. */
import { describe, expect, test } from '@jest/globals';
import { compare, type TopicValues } from '../../../lib/ir/significance/index.ts';
import { pairedRandomisationTest } from '../../../lib/ir/significance/randomisation.ts';
import { incompleteBeta, logGamma, pairedTTest } from '../../../lib/ir/significance/tTest.ts';
import { itPython, runPython } from '../../support/python.ts';

const itScipy = itPython({ scipy: undefined });

const values = (...each: readonly number[]): TopicValues => ({
  perTopic: new Map([['AP', new Map(each.map((value, i) => [`${i}`, value]))]]),
});

describe('the paired t-test', () => {
  test('of what books compute by hand', () => {
    // Differences 1, 2, 3: t = 2 / (1 / sqrt 3), and with two degrees of freedom p = 1 - t / sqrt(2 + t²).
    const t = 2 * Math.sqrt(3);
    const { statistic, p } = pairedTTest([1, 2, 3]);
    expect(statistic).toBeCloseTo(t, 14);
    expect(p).toBeCloseTo(1 - t / Math.sqrt(2 + t * t), 14);
  });

  test('of no difference, and of the same difference everywhere', () => {
    expect(pairedTTest([0, 0, 0])).toEqual({ statistic: 0, p: 1 });
    expect(pairedTTest([1, -1])).toEqual({ statistic: 0, p: 1 });
    expect(pairedTTest([0.5, 0.5])).toEqual({ statistic: Number.POSITIVE_INFINITY, p: 0 });
  });

  test('functions that it stands on', () => {
    expect(logGamma(5)).toBeCloseTo(Math.log(24), 14);
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 14);
    expect(incompleteBeta(0.3, 1, 1)).toBeCloseTo(0.3, 15);
    expect(incompleteBeta(0.3, 2, 1)).toBeCloseTo(0.09, 15);
    expect([incompleteBeta(0, 2, 3), incompleteBeta(1, 2, 3)]).toEqual([0, 1]);
  });
});

describe('the paired randomisation test', () => {
  test('tries all assignments of few topics', () => {
    expect(pairedRandomisationTest([1, 2, 3]).p).toBe(2 / 8);
    expect(pairedRandomisationTest([1, 2, -3]).p).toBe(1);
    expect(pairedRandomisationTest([0, 0])).toEqual({ statistic: 0, p: 1 });
    expect(pairedRandomisationTest([0.1, 0.2, 0.3, 0]).p).toBe(2 / 8);
  });

  test('draws some of many, the same for the same seed', () => {
    const differences = Array.from({ length: 40 }, (_, i) => Math.sin(i) + 0.2);
    const options = { permutations: 2000, seed: 3 };
    const { p } = pairedRandomisationTest(differences, options);
    expect(pairedRandomisationTest(differences, options).p).toBe(p);
    expect(pairedRandomisationTest(differences, { ...options, seed: 4 }).p).not.toBe(p);
    expect(p).toBeCloseTo(pairedTTest(differences).p, 1);
    expect(pairedRandomisationTest(new Array(40).fill(1), options).p).toBe(1 / 2001);
  });
});

describe('beside scipy', () => {
  itScipy('t-tests and exact randomisation tests of random differences', () => {
    let state = 1;
    const next = () => {
      state = (state * 16807) % 2147483647;
      return state / 2147483647;
    };
    const cases = [2, 3, 5, 8, 11, 14, 60, 500, 3000].map((size) =>
      Array.from({ length: size }, () => Math.round((next() - 0.45) * 100) / 100),
    );
    cases.push(Array.from({ length: 30 }, () => 1 + next() / 10));
    const found = JSON.parse(
      runPython(
        `import json, sys, numpy as np
from scipy import stats
for_exact = lambda d: float(stats.permutation_test((d, np.zeros(len(d))), lambda x, y, axis: (x - y).mean(axis=axis),
    permutation_type='samples', vectorized=True, n_resamples=np.inf).pvalue) if len(d) <= 14 else None
print(json.dumps([[*map(float, stats.ttest_1samp(d, 0)), for_exact(np.array(d))] for d in json.loads(sys.argv[1])]))`,
        JSON.stringify(cases),
      ),
    ) as [number, number, number | null][];
    for (const [i, [t, p, exact]] of found.entries()) {
      const ours = pairedTTest(cases[i]!);
      expect(ours.statistic / t).toBeCloseTo(1, 10);
      expect(ours.p / p).toBeCloseTo(1, 9);
      if (exact !== null) expect(pairedRandomisationTest(cases[i]!).p).toBeCloseTo(exact, 12);
    }
  });
});

describe('compare', () => {
  const baseline = values(0.1, 0.2, 0.3, 0.4, 0.5, 0.6);
  const better = values(0.21, 0.29, 0.42, 0.5, 0.61, 0.69);
  const mixed = values(0.2, 0.1, 0.3, 0.5, 0.4, 0.7);

  test('differences topic by topic, wins and losses, means', () => {
    const [first, second] = compare(baseline, { better, mixed }, { correction: 'none' });
    expect(first).toMatchObject({ system: 'better', measure: 'AP', topics: 6, wins: 6, losses: 0, ties: 0 });
    expect(first!.difference).toBeCloseTo(0.62 / 6, 12);
    expect(first!.mean - first!.baselineMean).toBe(first!.difference);
    expect(first!.differences.get('0')).toBeCloseTo(0.11, 12);
    expect(first!.significant).toBe(true);
    expect(second).toMatchObject({ system: 'mixed', wins: 3, losses: 2, ties: 1, significant: false });
  });

  test('corrections', () => {
    const systems = new Map([
      ['a', better],
      ['b', mixed],
      ['c', values(0.1, 0.25, 0.3, 0.45, 0.5, 0.7)],
    ]);
    const p = compare(baseline, systems, { correction: 'none' }).map((each) => each.p);
    const corrected = (correction: 'bonferroni' | 'holm') =>
      compare(baseline, systems, { correction }).map((each) => each.correctedP);
    expect(corrected('bonferroni')).toEqual(p.map((each) => Math.min(1, 3 * each)));
    // Ascending: a, c, b.
    expect(corrected('holm')).toEqual([3 * p[0]!, Math.max(2 * p[2]!, p[1]!), 2 * p[2]!]);
  });

  test('the randomisation test', () => {
    const [comparison] = compare(baseline, { better }, { test: 'randomisation' });
    expect(comparison).toMatchObject({ p: 2 / 64, correctedP: 2 / 64, significant: true });
    expect(comparison!.statistic).toBeCloseTo(0.62 / 6, 12);
  });

  test('what cannot be compared is named', () => {
    expect(() => compare(values(1), { other: values(1) })).toThrow(
      'Expected at least two topics for measure AP',
    );
    expect(() => compare(baseline, { other: values(1) })).toThrow(
      'System other has no topic 1, which the baseline has',
    );
    expect(() => compare(values(1, 2), { other: baseline })).toThrow(
      'System other has topic 2, which the baseline lacks',
    );
    expect(() => compare(baseline, { other: { perTopic: new Map() } })).toThrow(
      'System other has no values of measure AP',
    );
    expect(() => compare(baseline, {}, { test: 'z' as 't-test' })).toThrow(
      "Expected 't-test' or 'randomisation' for test",
    );
    expect(() => compare(baseline, {}, { correction: 'fdr' as 'holm' })).toThrow(
      "'none', 'bonferroni' or 'holm'",
    );
    expect(() => compare(baseline, {}, { alpha: 5 })).toThrow('for alpha');
    expect(() => compare(baseline, {}, { permutations: 0 })).toThrow('for permutations');
    expect(() => compare(baseline, {}, { seed: 0.5 })).toThrow('for seed');
    expect(() => compare(baseline, {}, { corection: 'holm' } as object)).toThrow('did you mean correction?');
  });
});
