/** A paper's experiment, on a collection of a few sentences. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { lineChart } from '../../examples/ranking/charts.ts';
import { completed, foldsOf } from '../../examples/ranking/data.ts';
import { example } from './support.ts';

const THINGS = [
  'rivers',
  'mountains',
  'engines',
  'birds',
  'storms',
  'bridges',
  'stars',
  'ships',
  'roads',
  'crops',
];
const WAYS = ['old', 'new', 'large', 'small'];

function tinyCollection(): { readonly directory: string; readonly files: readonly string[] } {
  const directory = mkdtempSync(join(tmpdir(), 'xpmir-ranking-'));
  const documents = THINGS.flatMap((thing) =>
    WAYS.map((way) => ({
      _id: `${thing}-${way}`,
      title: '',
      text: `about ${way} ${thing} and how ${thing} were ${way}`,
    })),
  );
  const topics = THINGS.map((thing, i) => ({
    _id: `${i + 1}`,
    text: `what of ${thing} or ${THINGS[(i + 1) % 10]}`,
  }));
  const qrels = THINGS.flatMap((thing, i) => WAYS.slice(0, 2).map((way) => `${i + 1} 0 ${thing}-${way} 1`));
  const write = (name: string, lines: readonly string[]) => {
    writeFileSync(join(directory, name), `${lines.join('\n')}\n`);
    return join(directory, name);
  };
  return {
    directory,
    files: [
      write(
        'corpus.jsonl',
        documents.map((each) => JSON.stringify(each)),
      ),
      write(
        'queries.jsonl',
        topics.map((each) => JSON.stringify(each)),
      ),
      write('qrels.txt', qrels),
    ],
  };
}

describe('the experiment', () => {
  test('leaves one table, curves and runs, and trains nothing twice', async () => {
    const { directory, files } = tinyCollection();
    const out = join(directory, 'out');
    const options = ['--folds', '3', '--seeds', '2', '--epochs', '2', '--pretraining', '1', '--out', out];
    const first = await example('ranking.ts', ...files, ...options);
    expect(first).toMatchObject({ code: 0 });
    const table = readFileSync(join(out, 'table.md'), 'utf8');
    expect(first.out).toContain(table);
    for (const name of ['BM25', 'knrm', 'knrm + BM25', 'dense', 'dense + BM25', 'cross', 'cross + BM25'])
      expect(table).toMatch(new RegExp(`^\\| ${name.replace('+', '\\+')} \\| [01]\\.\\d{4}`, 'm'));
    expect(readFileSync(join(out, 'table.csv'), 'utf8').trim().split('\n')).toHaveLength(1 + 7 * 3);
    for (const chart of ['loss.svg', 'validation.svg'])
      expect(readFileSync(join(out, chart), 'utf8').match(/<polyline/g)).toHaveLength(3);
    expect(readFileSync(join(out, 'dense-1.run'), 'utf8')).toMatch(/^1 Q0 [\w-]+ 1 [\d.-]+ dense$/m);

    const second = await example('ranking.ts', ...files, ...options);
    expect(second).toEqual(first);
  }, 240_000);

  test('what is missing is told, and how it is called', async () => {
    const { code, err } = await example('ranking.ts', 'documents.jsonl');
    expect(code).toBe(1);
    expect(err).toMatch(/Expected files of documents, topics and judgements/);
  });
});

test('every topic is tested in one fold, and never trained on there', () => {
  const topics = Array.from({ length: 13 }, (_, i) => ({ id: `${i + 1}`, text: 't' }));
  const folds = foldsOf(topics, 5);
  expect(folds.flatMap(({ test }) => test).sort((a, b) => Number(a.id) - Number(b.id))).toEqual(topics);
  for (const { train, validation, test: tested } of folds)
    expect(new Set([...train, ...validation, ...tested])).toEqual(new Set(topics));
  expect(folds[1]!.test.map(({ id }) => id)).toEqual(['1', '6', '11']);
  const tens = topics.map(({ id, text }) => ({ id: `${id}0`, text }));
  expect(foldsOf(tens, 5).map(({ test }) => test.length)).toEqual([3, 3, 3, 2, 2]);
  expect(() => foldsOf(topics, 2)).toThrow('Expected at least 3 folds');
});

test('documents that were not looked at come behind, in their order', () => {
  const all = new Map([['q', new Map(['a', 'b', 'c', 'd'].map((id, i) => [id, 10 - i]))]]);
  const scores = completed(
    new Map([
      [
        'q',
        new Map([
          ['c', -2],
          ['a', -5],
        ]),
      ],
    ]),
    all,
  ).get('q')!;
  expect([...scores].sort((a, b) => b[1] - a[1]).map(([id]) => id)).toEqual(['c', 'a', 'b', 'd']);
});

describe('charts', () => {
  test('ends at round numbers, and names what could be taken for a tag', () => {
    const svg = lineChart(
      [
        {
          name: 'a<b',
          points: [
            [1, 0.12],
            [5, 0.31],
          ],
        },
      ],
      { title: 'T', x: 'x', y: 'y' },
    );
    expect(svg).toContain('a&#60;b');
    expect(svg.match(/<text[^>]*text-anchor="end">([^<]*)/g)?.at(-1)).toContain('>0.35');
  });

  test('a constant is a line, nothing is an error', () => {
    expect(
      lineChart(
        [
          {
            name: 'a',
            points: [
              [1, 2],
              [2, 2],
            ],
          },
        ],
        { title: 'T', x: 'x', y: 'y' },
      ),
    ).not.toContain('NaN');
    expect(() => lineChart([], { title: 'T', x: 'x', y: 'y' })).toThrow('received none');
  });
});
