import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { folderOf, newFolder, recorded } from '../transformers/models.ts';

const run = promisify(execFile);
const root = new URL('../../', import.meta.url);
const guide = readFileSync(new URL('docs/transformers.md', root), 'utf8');
const blocks = [...guide.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code as string);
const file = (index: number) => fileURLToPath(new URL(`test/docs/transformers-${index}.run.ts`, root));

afterAll(() => {
  for (const index of blocks.keys()) rmSync(file(index), { force: true });
});

/** In the project's folder, where `xpmir` means the sources; the models are elsewhere. */
async function execute(index: number, models: Readonly<Record<string, string>>): Promise<string> {
  const code = Object.entries(models).reduce(
    (text, [name, path]) => text.replaceAll(`'${name}'`, JSON.stringify(path)),
    blocks[index] as string,
  );
  writeFileSync(file(index), code);
  const { stdout } = await run(process.execPath, ['--import', 'tsx', file(index)], {
    cwd: fileURLToPath(root),
  });
  return stdout;
}

describe('the code of the guide runs as printed', () => {
  const bert = folderOf(recorded('BertForSequenceClassification'));

  test('there is some', () => expect(blocks.length).toBe(3));

  test('reading a model', async () => {
    expect(await execute(0, { 'models/bert-mini': bert })).toBe('[ 2, 3 ]\n');
  });

  test('a copy for inference', async () => {
    expect(await execute(1, { 'models/bert-mini': bert })).toBe('[ 1, 3 ]\n');
  });

  test('training a ranker, and saving it', async () => {
    const saved = newFolder();
    await execute(2, { 'models/bert-mini': bert, 'models/ranker': saved });
    const config = JSON.parse(readFileSync(join(saved, 'config.json'), 'utf8')) as Record<string, unknown>;
    expect(config.id2label).toEqual({ 0: 'LABEL_0' });
    expect(existsSync(join(saved, 'model.safetensors'))).toBe(true);
  });
});
