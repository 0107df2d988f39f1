/**
 * Every block of TypeScript and Python in the pages runs, prints what it says that it prints, and has the right types.
 *
 * A page is a folder, the directory of its programs; its blocks are modules there, named by their lines, or by a comment
 * `// name.ts` in their first one. What stands in `<!-- with ... -->` right before a block and in `<!-- then ... -->` behind it
 * is put around it.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { run } from '../support/process.ts';
import { itPython, python } from '../support/python.ts';
import { type Block, blocksOf, matches, pages, root } from './markdown.ts';

// Within the project, where `xpmir` means the sources.
const folder = fileURLToPath(new URL('pages/', import.meta.url));
const LONGEST = 300_000;

const directoryOf = (page: string) => join(folder, page.replaceAll('/', '-').replace(/\.md$/, ''));
const extensions: Readonly<Record<string, string>> = { ts: 'ts', python: 'py' };

/** The name of a block's module. */
function fileOf({ code, line, language }: Block): string {
  const named = /^\/\/ ([\w-]+\.ts)$/m.exec(code.split('\n', 1)[0] as string)?.[1];
  return named ?? `${line}.${extensions[language]}`;
}

const blocks = pages.flatMap((page) => blocksOf(page));
const inLanguage = (language: string) => blocks.filter((block) => block.language === language);

function write(): void {
  rmSync(folder, { recursive: true, force: true });
  for (const block of blocks.filter(({ language }) => language in extensions)) {
    const { page, before, code, after } = block;
    mkdirSync(directoryOf(page), { recursive: true });
    writeFileSync(join(directoryOf(page), fileOf(block)), `${[before, code, after].join('\n')}\n`);
  }
  const settings = { extends: '../../../tsconfig.json', compilerOptions: { noUnusedLocals: false } };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...settings, include: ['.'], exclude: [] }));
}

const env = { ...process.env, OMP_NUM_THREADS: '1' };

/** What each block of a page printed, by its module. */
async function runPage(page: string): Promise<ReadonlyMap<string, string>> {
  const cwd = directoryOf(page);
  const files = inLanguage('ts')
    .filter((block) => block.page === page)
    .map(fileOf);
  const program = fileURLToPath(new URL('runBlocks.ts', import.meta.url));
  const { status, output, errors } = await run(process.execPath, ['--import', 'tsx', program, ...files], {
    cwd,
    env,
  });
  const parts = output.split('\u001e').slice(1);
  if (status !== 0) throw new Error(`${page}:${parts.at(-1)}${errors}`);
  return new Map(parts.map((part) => part.split(/\n([\s\S]*)/, 2) as [string, string]));
}

async function checkTypes(): Promise<string> {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { output } = await run(process.execPath, [tsc, '--noEmit', '-p', folder], { cwd: root, env });
  return output;
}

const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];

/** Two at a time. */
function queue<T>(fn: () => Promise<T>): Promise<T> {
  const result = (lanes.shift() as Promise<unknown>).then(fn);
  lanes.push(result.catch(() => {})); // who waits for the result is told
  return result;
}

const pagesOfCode = [...new Set(inLanguage('ts').map(({ page }) => page))];
const outputs = new Map<string, Promise<ReadonlyMap<string, string>>>();
let types: Promise<string>;

beforeAll(() => {
  write();
  types = queue(checkTypes);
  for (const page of pagesOfCode)
    outputs.set(
      page,
      queue(() => runPage(page)),
    );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('TypeScript', () => {
  test.each(pagesOfCode)(
    '%s',
    async (page) => {
      const printed = (await outputs.get(page)) as ReadonlyMap<string, string>;
      const wrong = inLanguage('ts')
        .filter((block) => block.page === page && block.prints !== undefined)
        .map((block) => ({ block, text: printed.get(fileOf(block)) ?? '' }))
        .filter(({ block, text }) => !matches(text, block.prints as string))
        .map(({ block, text }) => ({ line: block.line, expected: block.prints, text }));
      expect(wrong).toEqual([]);
    },
    LONGEST,
  );

  test('has the right types', async () => expect(await types).toBe(''), LONGEST);
});

describe('Python', () => {
  const itTransformers = itPython({ torch: undefined, transformers: undefined });
  itTransformers.each(inLanguage('python').map((block) => [`${block.page}:${block.line}`, block] as const))(
    '%s',
    async (_name, block) => {
      await outputs.get(block.page); // which may make what it reads
      const cwd = directoryOf(block.page);
      const { status, output, errors } = await run(python, [basename(fileOf(block))], { cwd, env });
      expect([status, status === 0 ? '' : errors]).toEqual([0, '']);
      if (block.prints !== undefined) expect(matches(output, block.prints)).toBe(true);
    },
    LONGEST,
  );
});
