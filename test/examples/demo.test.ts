import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Ended, example, tinyTree } from './support.ts';

describe('the demo', () => {
  const from = tinyTree();
  const out = join(from, 'out');
  let demo: Ended;

  beforeAll(async () => {
    demo = await example('demo.ts', '--from', from, '--out', out, '--epochs', '3', '--seeds', '2');
  }, 180_000);

  test('reads, trains, validates beside BM25 and tells its progress', () => {
    expect(demo).toMatchObject({ code: 0 });
    expect(demo.out).toMatch(
      /^100 documented declarations, 100 queries: \d+ train, \d+ validation, \d+ test$/m,
    );
    const validations = demo.err.match(
      /^validation .*epoch=\d\/3 .* MRR@10=[\d.]+ recall@100=[\d.]+ BM25_MRR@10=[\d.]+ .*$/gm,
    );
    expect(validations).toHaveLength(6);
    expect(demo.err).toMatch(/^step epoch=1\/3 step=1\/\d+ loss=[\d.]+ left_s=\d+$/m);
  });

  test('ends with a table over the test part and three searches', () => {
    expect(demo.out).toMatch(/^ +MRR@10 +recall@100$/m);
    for (const name of ['dual encoder', 'both mixed']) {
      expect(demo.out).toMatch(
        new RegExp(`^${name} +[\\d.]+ \\([\\d.]+ [\\d.]+\\) +1\\.0000 \\(1\\.0000 1\\.0000\\)$`, 'm'),
      );
    }
    expect(demo.out.match(/^ {2}\d\.\d{3} {2}types\/tiny › \w+$/gm)).toHaveLength(9);
  });

  test('leaves a model that searches', async () => {
    const { code, out: found } = await example(
      'search.ts',
      '--model',
      out,
      '--top',
      '2',
      'sort',
      'one',
      'table',
    );
    expect(code).toBe(0);
    expect(found.split('\n')[0]).toMatch(/^ {2}\d\.\d{3} {2}types\/tiny › sortTable$/);
    expect(found.match(/›/g)).toHaveLength(2);
  });
});

describe('errors are one line that says what to do', () => {
  const empty = mkdtempSync(join(tmpdir(), 'xpmir-empty-'));
  test.each<[string, string[], string]>([
    [
      'demo.ts',
      ['--from', empty],
      `No documented declarations under ${empty}: it needs .d.ts files with JSDoc`,
    ],
    ['demo.ts', ['--seed', '3'], "Unknown option '--seed'"],
    ['demo.ts', ['--seeds', '0'], 'Expected a positive integer for --seeds but received "0"'],
    ['search.ts', ['--model', empty, 'read'], `No model in ${empty}: train one with npm run demo`],
    ['search.ts', [], 'Expected what to search for'],
  ])('%s %j', async (name, args, message) => {
    const { code, err } = await example(name, ...args);
    expect(code).toBe(1);
    expect(err).toContain(message);
    expect(err).not.toMatch(/^\s+at /m);
  });
});
