/** The command prints what trec_eval prints, byte for byte. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { program } from '../../../lib/cli/program.ts';
import { printReal } from '../../../lib/ir/measures/trecEval/print.ts';
import { trecEval } from '../../../lib/ir/measures/trecEval/report.ts';

const DATA = join(import.meta.dirname, '../../../../shared/data/trec_eval');
const PARAMETERS =
  '-miprec_at_recall..10,.20,.25,.75,.50 -m P.5,7,3 -m recall.20,2000 -m Rprec_mult.5.0,0.2,0.35 -mutility.2,-1,0,0 ' +
  '-m 11pt_avg..25,.5,.75 -mndcg.1=3,2=9,4=4.5 -mndcg_cut.10,20,23.4 -msuccess.2,5,20';

async function print(...given: readonly string[]): Promise<string> {
  const log = jest.spyOn(console, 'log').mockImplementation(() => {});
  try {
    await program().parseAsync(['node', 'xpmir', 'evaluate', '--format', 'trec_eval', ...given]);
    return log.mock.calls.map(([line]) => `${line}\n`).join('');
  } finally {
    log.mockRestore();
  }
}

const file = (name: string) => join(DATA, name);

(existsSync(DATA) ? describe : describe.skip)('files of trec_eval', () => {
  test.each([
    ['out.test', '', 'qrels.test', 'results.test'],
    ['out.test.a', '-m all_trec', 'qrels.test', 'results.test'],
    ['out.test.aq', '-m all_trec -q', 'qrels.test', 'results.test'],
    ['out.test.aqc', '-m all_trec -q -c', 'qrels.test', 'results.trunc'],
    ['out.test.aqcM', '-m all_trec -q -c -M100', 'qrels.test', 'results.trunc'],
    ['out.test.aql', '-m all_trec -mrelstring.20 -q -l2', 'qrels.rel_level', 'results.test'],
    ['out.test.aqZ', `-q -m all_trec -Z ${file('zscores_file')}`, 'qrels.test', 'results.test'],
    ['out.test.meas_params', `-q ${PARAMETERS}`, 'qrels.test', 'results.test'],
    ['out.test.qrels_jg', '-m qrels_jg -q -R qrels_jg', 'qrels.123', 'results.test'],
  ])('%s', async (expected, options, qrels, results) => {
    const given = options.split(' ').filter((each) => each !== '');
    expect(await print(...given, file(qrels), file(results))).toBe(readFileSync(file(expected), 'utf8'));
  });

  test('as a program', () => {
    const cli = join(import.meta.dirname, '../../../lib/cli.ts');
    const options = ['evaluate', '--format', 'trec_eval', file('qrels.test'), file('results.test')];
    const printed = execFileSync(process.execPath, ['--import', 'tsx', cli, ...options], {
      encoding: 'utf8',
    });
    expect(printed).toBe(readFileSync(file('out.test'), 'utf8'));
  });

  test('one topic, and no summary', async () => {
    const printed = await print(
      '-q',
      '-n',
      '-mmap',
      '-mndcg',
      file('qrels-302.test'),
      file('results-302.test'),
    );
    expect(printed).toBe('map                   \t302\t0.4175\nndcg                  \t302\t0.6617\n');
  });
});

describe('trec_eval', () => {
  const run = new Map([
    [
      '1',
      new Map([
        ['a', 2],
        ['b', 1],
      ]),
    ],
    ['3', new Map([['a', 1]])],
  ]);
  const qrels = new Map([
    ['2', new Map([['a', 1]])],
    [
      '1',
      new Map([
        ['b', 1],
        ['c', 2],
      ]),
    ],
  ]);
  const lines = (options: Parameters<typeof trecEval>[3]) =>
    trecEval('r', run, qrels, options).map((line) => line.split(/\s+/).join(' '));

  test('topics of both count, with complete those of the judgements', () => {
    expect(lines({ measures: ['num_q', 'map', 'num_rel'] })).toEqual([
      'num_q all 1',
      'num_rel all 2',
      'map all 0.2500',
    ]);
    expect(lines({ measures: ['num_q', 'map', 'num_ret'], complete: true, perTopic: true })).toEqual([
      'num_ret 1 2',
      'map 1 0.2500',
      'num_ret 2 0',
      'map 2 0.0000',
      'num_q all 2',
      'num_ret all 2',
      'map all 0.1250',
    ]);
  });

  test('num_rel of all topics does not look at the level, which is how trec_eval counts them', () => {
    expect(lines({ measures: ['num_rel'], level: 2 })).toEqual(['num_rel all 1']);
    expect(lines({ measures: ['num_rel'], level: 2, complete: true })).toEqual(['num_rel all 3']);
  });

  test('what trec_eval divides by 0 is 0', () => {
    const nothing = new Map([['1', new Map([['z', 1]])]]);
    expect(trecEval('r', nothing, qrels, { measures: ['11pt_avg'], judgedOnly: true })[0]).toMatch('0.0000');
  });

  test('what is wrong is named', () => {
    expect(() => lines({ measures: ['mapp'] })).toThrow('"mapp": did you mean map?');
    expect(() => lines({ measures: ['P.'] })).toThrow('Expected parameters after the dot for measure');
    expect(() => lines({ measures: ['P.5,5'] })).toThrow('Cutoff 5 of P is there twice');
    expect(() => lines({ measures: ['P.0'] })).toThrow('Expected cutoffs of at least 1 for parameters of P');
    expect(() => lines({ measures: ['P.x'] })).toThrow(
      'Expected numbers with commas between for parameters of P',
    );
    expect(() => lines({ measures: ['ndcg.1'] })).toThrow('Expected pairs such as 1=3.5,2=9');
    expect(() => lines({ measures: ['utility.1,2'] })).toThrow('Expected 4 numbers');
    expect(() => lines({ measures: ['map_avgjg'] })).toThrow('with judgements of format qrels_jg alone');
    expect(() => lines({ depth: 0 })).toThrow('Expected a positive integer for depth');
    expect(() => lines({ level: 0.5 })).toThrow('Expected an integer of at least 0 for level');
    expect(() => lines({ level: 2, levels: 1 } as object)).toThrow('did you mean level?');
    expect(() => trecEval('r', new Map(), qrels)).toThrow('in the run but there is none');
  });

  test.each([
    [1 / 32, '0.0312'],
    [3 / 32, '0.0938'],
    [-1 / 32, '-0.0312'],
    [1 / 3, '0.3333'],
    [0.5, '0.5000'],
    [-0, '-0.0000'],
    [-412.6666666, '-412.6667'],
    [100 + 5 / 32, '100.1562'],
    [-1_000_000, '-1000000.0000'],
  ])('%d is printed as C does, %s', (value, printed) => {
    expect(printReal(value)).toBe(printed);
  });
});
