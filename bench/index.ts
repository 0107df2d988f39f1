/**
 * `node --import tsx bench/index.ts [DOCUMENTS]`: a first stage over made-up documents of 50 words, beside minisearch and bm25s.
 *
 * Each side builds in a process of its own, and searches in others, three times: medians are told. `XPMIR_PYTHON` names a Python
 * with bm25s and PyStemmer. Queries have three or four words, drawn as often as documents have them; all want ten documents.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Words, writeCorpus } from './firststage/corpus.ts';

const ROUNDS = 3;
type Figures = Record<string, number>;

const documents = Number(process.argv[2] ?? 1_000_000);
const minisearchDocuments = Math.min(documents, Number(process.env.MINISEARCH_DOCUMENTS ?? documents));
const directory = mkdtempSync(join(tmpdir(), 'xpmir-bench-'));
const python = process.env.XPMIR_PYTHON ?? 'python3';
const file = (name: string) => join(directory, name);
const here = (name: string) => join(import.meta.dirname, 'firststage', name);
const node = [process.execPath, '--max-old-space-size=12000', '--import', 'tsx'];

/** Lines of JSON that a program printed, together. */
function figuresOf([program = '', ...args]: readonly string[]): Figures {
  try {
    const lines = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    return Object.assign(
      {},
      ...lines
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
  } catch (error) {
    console.error(`${args.join(' ')}: ${(error as Error).message.split('\n')[0]}`);
    return {};
  }
}

function medians(all: readonly Figures[]): Figures {
  const names = new Set(all.flatMap(Object.keys));
  const median = (name: string) =>
    all.map((figures) => figures[name] ?? Number.NaN).sort((a, b) => a - b)[all.length >> 1] as number;
  return Object.fromEntries([...names].map((name) => [name, median(name)]));
}

function measured(command: readonly string[]): Figures {
  const built = figuresOf(command);
  if (Object.keys(built).length === 0) return built;
  return { ...built, ...medians(Array.from({ length: ROUNDS }, () => figuresOf(command))) };
}

try {
  await writeCorpus(file('corpus'), documents);
  writeFileSync(file('queries'), new Words(99).queries(1000).join('\n'));
  if (minisearchDocuments < documents) await writeCorpus(file('fewer'), minisearchDocuments);
  const fewer = file(minisearchDocuments < documents ? 'fewer' : 'corpus');
  const sides: Record<string, Figures> = {
    xpmir: measured([...node, here('ours.ts'), file('corpus'), file('queries'), file('ours')]),
    bm25s: measured([python, here('bm25s_side.py'), file('corpus'), file('queries'), file('bm25s')]),
    [`minisearch, ${minisearchDocuments} documents`]: measured([
      ...node,
      here('minisearch.ts'),
      fewer,
      file('queries'),
      file('minisearch.json'),
    ]),
  };
  const names = [...new Set(Object.values(sides).flatMap(Object.keys))];
  console.log(`| ${documents} documents | ${Object.keys(sides).join(' | ')} |`);
  console.log(`| --- ${'| ---: '.repeat(Object.keys(sides).length)}|`);
  for (const name of names) {
    const cells = Object.values(sides).map((figures) => figures[name]?.toPrecision(4) ?? '');
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
