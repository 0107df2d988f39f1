/** The texts of the data cases: the same file for both sides, made anew for each run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LINES = 2000;
const WORDS = 5000;

export interface TextFile {
  readonly path: string;
  remove(): void;
}

/**
 * Queries of 3 to 10 words and documents of 60 to 140, one of each on a line with a label; beside it `triples.tsv`, of
 * each query with its document and the next one.
 */
export function writeTextFile(): TextFile {
  const directory = mkdtempSync(join(tmpdir(), 'xpmir-bench-'));
  const path = join(directory, 'texts.jsonl');
  const lines = textLines(LINES);
  writeFileSync(path, `${lines.join('\n')}\n`);
  writeFileSync(
    join(directory, 'triples.tsv'),
    triples(lines)
      .map((line) => `${line}\n`)
      .join(''),
  );
  return { path, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** The same ones each time. */
export function textLines(lines: number): string[] {
  const draw = generator();
  const word = () => {
    // Squared, so that some words come often and most seldom.
    const name = Math.floor(draw() ** 2 * WORDS).toString(36);
    return `${draw() < 0.1 ? 'W' : 'w'}ord${name}`;
  };
  const text = (least: number, most: number) =>
    Array.from({ length: least + Math.floor(draw() * (most - least + 1)) }, word).join(' ');
  return Array.from({ length: lines }, (_, i) =>
    JSON.stringify({ query: text(3, 10), document: text(60, 140), label: i % 2 }),
  );
}

function triples(lines: readonly string[]): string[] {
  const texts = lines.map((line) => JSON.parse(line) as { query: string; document: string });
  return texts.map(({ query, document }, i) =>
    [query, document, texts[(i + 1) % texts.length]?.document].join('\t'),
  );
}

/** Numbers from 0 to 1 by a linear congruence, which are random enough for texts. */
function generator(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
