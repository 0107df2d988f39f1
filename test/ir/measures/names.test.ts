import { describe, expect, test } from '@jest/globals';
import { parseMeasure } from '../../../lib/ir/measures/parseMeasure.ts';

describe('names of measures', () => {
  test.each([
    ['AP', 'AP'],
    ['MAP', 'AP'],
    ['MRR@10', 'RR@10'],
    ['Recall@5', 'R@5'],
    ['AP(rel=2)@100', 'AP(rel=2)@100'],
    ['AP ( rel = 2 ) @ 100', 'AP(rel=2)@100'],
    ['AP(rel=1)', 'AP'],
    ['AP(cutoff=5)', 'AP@5'],
    ['nDCG(dcg="exp-log2")@10', "nDCG(dcg='exp-log2')@10"],
    ['nDCG(gains={2:5, 1:2,3:3})', 'nDCG(gains={1:2,2:5})'],
    ['P(judged_only=True)@5', 'P(judged_only=True)@5'],
    ['RBP(p=0.9,rel=1)', 'RBP(p=0.9,rel=1)'],
    ['RBP(p=0.8)', 'RBP'],
    ['IPrec@1', 'IPrec@1.0'],
    ['IPrec@.1', 'IPrec@0.1'],
    ['SetF(beta=2)', 'SetF(beta=2.0)'],
    ['SetRelP', 'SetP(relative=True)'],
    ['NumRelRet', 'NumRet(rel=1)'],
    ['NumRet()', 'NumRet'],
  ])('%s is written %s', (given, written) => {
    const measure = parseMeasure(given);
    expect(measure.name).toBe(written);
    expect(parseMeasure(written).name).toBe(written);
  });

  test.each([
    ['nDGC@10', 'nDGC is no measure, did you mean nDCG?'],
    ['ndcg@10', 'ndcg is no measure, did you mean nDCG?'],
    ['zzzzzzzzz', 'zzzzzzzzz is no measure, those are AP, nDCG, P'],
    ['constructor', 'constructor is no measure'],
    ['AP(ref=2)', 'ref is no parameter of AP, did you mean rel?'],
    ['NumQ(rel=2)', 'rel is no parameter of NumQ, those are none'],
    ['AP(rel=1,rel=2)', 'parameter rel is there twice'],
    ['AP(rel=1.5)', 'rel of AP should be an integer of at least 0'],
    ['nDCG(dcg=log2)', 'a number should stand where "log2)" begins'],
    ["nDCG(dcg='log3')", "dcg of nDCG should be 'log2' or 'exp-log2'"],
    ['nDCG(gains=3)', 'gains of nDCG should be gains by grade'],
    ['RR@0', 'cutoff of RR should be an integer of at least 1'],
    ['RR@1.5', 'cutoff of RR should be an integer of at least 1'],
    ['R@', 'a number should stand at its end'],
    ['R@5)', 'the end of the name should stand where ")" begins'],
    ['AP(rel=2', '")" should stand at its end'],
    ['AP(rel)', '"=" should stand where ")" begins'],
    ['AP(2)', `a parameter's name should stand where "2)" begins`],
    ['P', 'P needs an integer of at least 1, after @'],
    ['IPrec', 'IPrec needs a number from 0 to 1, after @'],
    ['IPrec@2', 'recall of IPrec should be a number from 0 to 1'],
    ['Rprec@5', 'Rprec takes no cutoff'],
    ['RBP(p=1)', 'p of RBP should be a number above 0 and below 1'],
    ['', "a measure's name should stand at its end"],
  ])('%s is refused', (given, why) => {
    expect(() => parseMeasure(given)).toThrow(
      `Expected the name of a measure, such as nDCG@10, for measure but received ${JSON.stringify(given)}: ${why}`,
    );
  });

  test('what is no string is refused', () => {
    expect(() => parseMeasure(3 as unknown as string)).toThrow(
      'for measure but received 3: a name is a string',
    );
  });
});
