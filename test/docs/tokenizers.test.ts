/** The code in docs/tokenizers.md runs. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { ended } from '../support/process.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { writeTokenizer } from '../support/tokenizers.ts';

const page = readFileSync(new URL('../../docs/tokenizers.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code as string);
const PRINTED = [
  'console.log(text, inputIds.shape)',
  "console.log('done')",
  'console.log((await batches.next()).value)',
];

test.each([0, 1, 2])('block %d', async (index) => {
  const folder = temporaryDirectory();
  mkdirSync(join(folder, 'bert'));
  writeTokenizer(join(folder, 'bert'), 'wordpiece');
  writeFileSync(join(folder, 'bert', 'tokenizer_config.json'), '{"pad_token": "[PAD]"}');
  const code = blocks[index]!.replaceAll('models/bert', join(folder, 'bert'));
  // In the project's folder, where `xpmir` means the sources.
  const program = fileURLToPath(new URL(`tokenizers-${index}.run.ts`, import.meta.url));
  writeFileSync(program, `${code}\n${PRINTED[index]};\n`);
  try {
    const { output, errors } = await ended(process.execPath, ['--import', 'tsx', program], process.env);
    expect([output, errors]).toEqual([
      ['a query a document [ 2, 8 ]\n', 'done\n', "[ 'a', 'another', 'a longer text' ]\n"][index],
      '',
    ]);
  } finally {
    rmSync(program);
  }
});

test('there are no more', () => expect(blocks.length).toBe(3));
