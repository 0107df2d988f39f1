/** Ids, masks and decoded texts equal those of Python's tokenizers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Tokenizer } from '../../lib/tokenizers/tokenizer.ts';
import { loadFixture } from '../support/fixtures.ts';
import { itPython, python } from '../support/python.ts';
import { differences, NAMES, type TokenizerRecord, writeTokenizer } from '../support/tokenizers.ts';

const folder = mkdtempSync(join(tmpdir(), 'xpmir-tokenizers-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Of `name`, each set of replaced fields opened once. */
function opening(name: string): (replaced?: object) => Promise<Tokenizer> {
  const opened = new Map<string, Promise<Tokenizer>>();
  return (replaced = {}) => {
    const key = JSON.stringify(replaced);
    const tokenizer = opened.get(key) ?? Tokenizer.fromFile(writeTokenizer(folder, name, replaced));
    opened.set(key, tokenizer);
    return tokenizer;
  };
}

const script = fileURLToPath(new URL('../../scripts/fixtures/tokenizer_files.py', import.meta.url));
describe('what Python recorded', () => {
  const record = loadFixture<TokenizerRecord>('tokenizers/record.json.gz');
  test.each(NAMES)('%s', async (name) => {
    expect(record.lines.length).toBeGreaterThan(200);
    expect(await differences(record, name, opening(name))).toEqual([]);
  });
});

itPython({ tokenizers: '0.23.2' })(
  '10,000 lines in one run with Python',
  async () => {
    const path = join(folder, 'compare.json');
    execFileSync(python, [script, 'compare', path]);
    const record = JSON.parse(readFileSync(path, 'utf8')) as TokenizerRecord;
    for (const name of NAMES) {
      const found = await differences(record, name, opening(name));
      process.stderr.write(
        `${name}: ${found.length} differences from Python in ${record.lines.length} lines\n`,
      );
      expect(found).toEqual([]);
    }
  },
  600_000,
);
