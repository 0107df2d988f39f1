import { describe, expect, test } from '@jest/globals';
import {
  compareIds,
  evaluate,
  JudgedRanking,
  type Measure,
  RunEvaluator,
  ranked,
  trecEval,
} from '../../../lib/ir/measures/index.ts';
import type { Qrels, Run } from '../../../lib/ir/types.ts';

const nested = (values: Record<string, Record<string, number>>): Run & Qrels =>
  new Map(Object.entries(values).map(([topic, each]) => [topic, new Map(Object.entries(each))]));

const qrels = nested({ '1': { a: 1, b: 0, c: 2 }, '2': { a: 1 }, '3': { x: 0 } });
const run = nested({ '1': { b: 3, a: 2, z: 1 }, '9': { a: 1 } });
const one = (name: string, scores: Record<string, number>, judged: Record<string, number>) =>
  evaluate([name], nested({ t: scores }), nested({ t: judged })).aggregates.get(name);

describe('evaluate', () => {
  test('values of topics in the order of the judgements, means over all of them', () => {
    const { perTopic, aggregates, missing, unjudged } = evaluate(['RR@10', 'R@2', 'NumRel'], run, qrels);
    expect([...perTopic.keys()]).toEqual(['RR@10', 'R@2', 'NumRel']);
    expect([...perTopic.get('RR@10')!]).toEqual([
      ['1', 0.5],
      ['2', 0],
      ['3', 0],
    ]);
    expect(aggregates.get('RR@10')).toBeCloseTo(0.5 / 3, 15);
    expect(aggregates.get('NumRel')).toBe(3);
    expect({ missing, unjudged }).toEqual({ missing: ['2', '3'], unjudged: ['9'] });
  });

  test('topics that are in both alone, where asked', () => {
    const { perTopic, aggregates } = evaluate(['RR'], run, qrels, { topics: 'both' });
    expect([...perTopic.get('RR')!.keys()]).toEqual(['1']);
    expect(aggregates.get('RR')).toBe(0.5);
  });

  test('where there is no topic, there is no mean', () => {
    const nothing = new Map();
    expect(() => evaluate(['AP'], run, nothing)).toThrow('at least one topic');
    expect(() => evaluate(['AP'], nothing, qrels, { topics: 'both' })).toThrow(
      'in the run but there is none',
    );
    expect(evaluate(['AP'], nothing, qrels).aggregates.get('AP')).toBe(0);
  });

  test('a run none of whose topics is judged is no run of value 0', () => {
    const other = nested({ Q1: { a: 1 }, Q2: { a: 1 } });
    const why =
      'Expected a run about judged topics but the run has 2 topics, such as "Q1", and the judgements have 3 topics, such as "1"';
    expect(() => evaluate(['AP'], other, qrels)).toThrow(why);
    expect(() => evaluate(['AP'], other, qrels, { topics: 'both' })).toThrow(why);
    for (const complete of [false, true])
      expect(() => trecEval('r', other, qrels, { complete })).toThrow(why);
    expect(evaluate(['AP'], nested({ Q1: { a: 1 }, '1': {} }), qrels).aggregates.get('AP')).toBe(0);
  });

  test.each([
    'AP',
    'nDCG@10',
    'P@5',
    'R@5',
    'RR',
    'Rprec',
    'Bpref',
    'infAP',
    'IPrec@0.0',
    'RBP',
    'ERR',
    'Judged',
  ])('%s is 0 where nothing was retrieved, and where nothing is relevant', (name) => {
    expect(one(name, {}, { a: 1 })).toBe(0);
    if (name !== 'Judged') expect(one(name, { a: 1 }, { a: 0, b: -1 })).toBe(0);
    expect(one(name, {}, {})).toBe(0);
  });

  test('what is wrong is named', () => {
    const wrong = nested({ '1': { a: Number.NaN } });
    expect(() => evaluate(['AP'], wrong, qrels)).toThrow(
      'Expected a number for score of document a of topic 1 but received NaN',
    );
    expect(() => evaluate(['AP'], run, nested({ '1': { a: 0.5 } }))).toThrow(
      'Expected an integer of 32 bits for grade of document a of topic 1 but received 0.5',
    );
    expect(() => evaluate(['AP', 'MAP'], run, qrels)).toThrow('Measure AP is there twice');
    expect(() => evaluate(['AP'], run, qrels, { depth: 0 })).toThrow('Expected a positive integer for depth');
    expect(() => evaluate(['AP'], run, qrels, { topic: 'both' } as object)).toThrow('did you mean topics?');
    expect(() => evaluate(['AP'], run, qrels, { topics: 'all' as 'both' })).toThrow("'judged' or 'both'");
    expect(() => one('ERR@5', { a: 1 }, { a: 5 })).toThrow(
      'Expected at most 4 for grade of a document for ERR',
    );
  });

  test('depth and judgedOnly cut rankings', () => {
    expect(evaluate(['RR'], run, qrels, { depth: 1, topics: 'both' }).aggregates.get('RR')).toBe(0);
    const unjudged = nested({ '1': { y: 5, z: 4, a: 3 } });
    expect(evaluate(['RR'], unjudged, qrels, { judgedOnly: true, topics: 'both' }).aggregates.get('RR')).toBe(
      1,
    );
  });

  test('measures of one’s own stand beside ours', () => {
    const first: Measure = { name: 'First', aggregate: 'mean', evaluate: ({ grades }) => grades[0] ?? 0 };
    expect(evaluate([first, 'RR'], run, qrels, { topics: 'both' }).aggregates.get('First')).toBe(0);
  });

  test('RBP without rel takes grades as shares of the highest', () => {
    const value = one('RBP(p=0.5)', { a: 3, b: 2, c: 1 }, { a: 2, b: 4, c: 0 });
    expect(value).toBeCloseTo(0.5 * (0.5 + 0.5 * 1), 15);
  });
});

describe('a run topic by topic', () => {
  test('gives what evaluate gives', () => {
    const evaluator = new RunEvaluator(['AP', 'nDCG'], qrels);
    const scored = [...run.get('1')!].map(([id, score]) => ({ id, score })).reverse();
    const values = evaluator.add('1', scored)!;
    expect(values).toEqual(
      new Map([...evaluate(['AP', 'nDCG'], run, qrels).perTopic].map(([m, v]) => [m, v.get('1')])),
    );
    expect(evaluator.add('9', new Map())).toBeUndefined();
    expect(evaluator.result()).toEqual(evaluate(['AP', 'nDCG'], run, qrels));
    evaluator.add('2', [{ id: 'a', score: 1 }]);
    expect(evaluator.result().missing).toEqual(['3']);
  });

  test('refuses a topic, and a document, that is there twice', () => {
    const evaluator = new RunEvaluator(['AP'], qrels);
    const twice = [
      { id: 'a', score: 1 },
      { id: 'a', score: 2 },
    ];
    expect(() => evaluator.add('1', twice)).toThrow('Document a is there twice for topic 1');
    evaluator.add('1', []);
    expect(() => evaluator.add('1', [])).toThrow('Topic 1 is there twice');
    evaluator.add('9', []);
    expect(() => evaluator.add('9', [])).toThrow('Topic 9 is there twice');
  });
});

describe('ranks', () => {
  const order = (scores: Record<string, number>, float32?: boolean) =>
    ranked('t', new Map(Object.entries(scores)), float32);

  test('follow from scores, ties from identifiers, descending', () => {
    expect(order({ a: 1, b: 2, c: 2, d: 1 })).toEqual(['c', 'b', 'd', 'a']);
    expect(order({ a: Infinity, b: Infinity, c: -Infinity })).toEqual(['b', 'a', 'c']);
    expect(order({ d10: 1, d9: 1, d1: 1 })).toEqual(['d9', 'd10', 'd1']);
  });

  test('compare scores as doubles, as trec_eval 10 does, or as floats, as 9 did', () => {
    const close = { a: 1 + 2 ** -40, b: 1 };
    expect(order(close)).toEqual(['a', 'b']);
    expect(order(close, true)).toEqual(['b', 'a']);
  });

  test('compare identifiers by their bytes in UTF-8', () => {
    const ids = ['\u{1f600}', '\uffee', 'é', 'z', 'za', '', '\ud7ff', '\ue000', '\u{10000}'];
    const bytes = [...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect([...ids].sort(compareIds)).toEqual(bytes);
  });

  test('have grades', () => {
    const ranking = JudgedRanking.of(
      't',
      new Map([
        ['a', 3],
        ['b', 2],
        ['c', 1],
      ]),
      new Map([
        ['a', -5],
        ['c', 2],
      ]),
    );
    expect([...ranking.grades]).toEqual([-2, -1, 2]);
    expect([...ranking.judgedOnly().grades]).toEqual([2]);
  });
});
