import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { readQrels, writeQrels } from '../../../lib/ir/collections/qrels.ts';
import { readRun, writeRun } from '../../../lib/ir/collections/runs.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { file, nested, SHARED } from './files.ts';

describe('judgements', () => {
  const expected = { '1': { a: 1, b: 0 }, '2': { a: -1 } };

  test.each([
    ['of TREC', '1 0 a 1\n1 0 b 0\n2 0 a -1\n'],
    ['between tabs and runs of blanks', '1\t0\ta\t1\r\n  1  Q0 b +0 \r\n\r\n2 0 a -1'],
    ['of BEIR', 'query-id\tcorpus-id\tscore\n1\ta\t1\n1\tb\t0\n2\ta\t-1\n'],
    ['after a byte order mark', '\uFEFF1 0 a 1\n1 0 b -0\n2 0 a -1\n'],
  ])('%s', async (_name, text) => {
    for (const path of [file(text), file(gzipSync(text))])
      expect(nested(await readQrels(path))).toEqual(expected);
  });

  test('of BEIR may have blanks in identifiers, of TREC those of Unicode', async () => {
    expect(nested(await readQrels(file('query-id\tcorpus-id\tscore\nq 1\td 1\t2\n')))).toEqual({
      'q 1': { 'd 1': 2 },
    });
    expect(nested(await readQrels(file('1 0 d\u00a01 2\n')))).toEqual({ '1': { 'd\u00a01': 2 } });
  });

  test('are read as they were written, compressed or not', async () => {
    for (const name of ['qrels', 'qrels.gz']) {
      const path = join(temporaryDirectory(), name);
      await writeQrels(
        path,
        new Map([
          [
            '1',
            new Map([
              ['a', 1],
              ['b', -2],
            ]),
          ],
        ]),
      );
      const bytes = readFileSync(path);
      expect(String(name === 'qrels' ? bytes : gunzipSync(bytes))).toBe('1 0 a 1\n1 0 b -2\n');
      expect(nested(await readQrels(path))).toEqual({ '1': { a: 1, b: -2 } });
    }
  });
});

describe('runs', () => {
  test('of TREC: the score, not the rank', async () => {
    const run = await readRun(file('1 Q0 a 1 -0.5 bm25\n1\tQ0\tb\t2\t1e-3\tbm25\n2 Q0 a 1 .5 bm25\n'));
    expect(nested(run)).toEqual({ '1': { a: -0.5, b: 0.001 }, '2': { a: 0.5 } });
    expect(run.tag).toBe('bm25');
  });

  test('as for trec_eval 10: the tag of the last line, no comments, and nothing behind the tag', async () => {
    const run = await readRun(file('# a comment\n1 Q0 a 1 2.5 first\n1 Q0 b 2 2 last and more\n'));
    expect({ tag: run.tag, ...nested(run) }).toEqual({ tag: 'last', '1': { a: 2.5, b: 2 } });
    expect(nested(await readQrels(file('1 0 a 1\n# 1 0 b 1\n')))).toEqual({ '1': { a: 1 } });
  });

  test('of MS MARCO: 1 / rank', async () => {
    const run = await readRun(file('1\ta\t1\n1\tb\t4\n'), { format: 'msmarco' });
    expect(nested(run)).toEqual({ '1': { a: 1, b: 0.25 } });
  });

  test('are written best first, ties by document, descending', async () => {
    const scores = new Map([
      ['a', 1],
      ['b', 2.5],
      ['c', 1],
    ]);
    const path = join(temporaryDirectory(), 'run');
    await writeRun(path, new Map([['7', scores]]), { tag: 'mine' });
    expect(readFileSync(path, 'utf8')).toBe('7 Q0 b 1 2.5 mine\n7 Q0 c 2 1 mine\n7 Q0 a 3 1 mine\n');
    const again = await readRun(path);
    expect(nested(again)).toEqual({ '7': { a: 1, b: 2.5, c: 1 } });
    await writeRun(`${path}.gz`, again);
    expect(String(gunzipSync(readFileSync(`${path}.gz`)))).toBe(readFileSync(path, 'utf8'));
  });

  test('are ranked by code points where scores are equal, as trec_eval compares bytes', async () => {
    const path = file('');
    await writeRun(path, new Map([['1', new Map(['\u{ff5e}', '\u{1f600}'].map((id) => [id, 1]))]]));
    expect(readFileSync(path, 'utf8')).toBe('1 Q0 \u{1f600} 1 1 xpmir\n1 Q0 \u{ff5e} 2 1 xpmir\n');
  });

  test('that cannot be written leave what was there', async () => {
    const path = file('old');
    const bad = new Map([['1', new Map([['a', Number.NaN]])]]);
    await expect(writeRun(path, bad)).rejects.toThrow(
      'Expected a number for score of document a of topic 1 but received NaN',
    );
    await expect(writeRun(`${path}.gz`, bad)).rejects.toThrow('Expected a number');
    const infinite = new Map([['1', new Map([['a', Number.POSITIVE_INFINITY]])]]);
    await expect(writeRun(path, infinite)).rejects.toThrow('Expected a finite number for score of a');
    await expect(writeRun(path, new Map([['1', new Map([['a b', 1]])]]))).rejects.toThrow(
      'Expected a word without white space for document but received "a b"',
    );
    expect(readFileSync(path, 'utf8')).toBe('old');
  });

  test('options by other names are refused', async () => {
    await expect(readRun(file('x'), { fromat: 'trec' } as never)).rejects.toThrow('did you mean format?');
    await expect(readRun(file('x'), { format: 'csv' } as never)).rejects.toThrow(
      'Expected one of trec, msmarco',
    );
  });
});

const TREC_EVAL = join(SHARED, 'trec_eval');
(existsSync(TREC_EVAL) ? describe : describe.skip)('files of trec_eval', () => {
  test('have what its own output says of them', async () => {
    const expected = new Map(
      readFileSync(join(TREC_EVAL, 'out.test'), 'utf8')
        .split('\n')
        .map((line) => line.split(/\s+/))
        .map(([measure = '', , value = '']) => [measure, value]),
    );
    const qrels = await readQrels(join(TREC_EVAL, 'qrels.test'));
    const run = await readRun(join(TREC_EVAL, 'results.test'));
    const both = [...run].filter(([topic]) => qrels.has(topic));
    const retrieved = both.map(([, scores]) => scores.size).reduce((a, b) => a + b, 0);
    const relevant = both
      .flatMap(([topic]) => [...(qrels.get(topic) ?? new Map()).values()])
      .filter((grade) => grade > 0);
    expect(`${both.length}`).toBe(expected.get('num_q'));
    expect(`${retrieved}`).toBe(expected.get('num_ret'));
    expect(`${relevant.length}`).toBe(expected.get('num_rel'));
    expect(run.tag).toBe(expected.get('runid'));
  });
});
