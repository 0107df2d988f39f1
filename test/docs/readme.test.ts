import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';

const run = promisify(execFile);
const root = new URL('../../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');
const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code as string);
const file = (index: number) => fileURLToPath(new URL(`test/docs/readme-${index}.run.ts`, root));

afterAll(() => {
  for (const index of blocks.keys()) rmSync(file(index), { force: true });
});

/** In the project's folder, where `xpmir` means the sources. */
async function execute(index: number): Promise<string> {
  writeFileSync(file(index), blocks[index] as string);
  const { stdout } = await run(process.execPath, ['--import', 'tsx', file(index)], {
    cwd: fileURLToPath(root),
  });
  return stdout;
}

describe('the code in the README runs as printed', () => {
  test('there is some', () => expect(blocks.length).toBe(2));

  test('the training script learns the product of two numbers', async () => {
    expect(Number(await execute(0))).toBeCloseTo(-0.25, 1);
  });

  test('the tensors below it', async () => {
    expect(await execute(1)).toMatch(/^\d\.\d+ \[ 4, 3 \]\n$/);
  });
});
