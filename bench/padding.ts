/**
 * `node --import tsx bench/padding.ts DOCUMENTS...`: how much of batches is padding, which is the most that packing could save.
 *
 * Files as TREC lays them out, one collection each. Tokens are words and the two special ones: subwords would lengthen all alike.
 */
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { tokenBudgetBatches } from '../lib/tokenizers/index.ts';
import * as torch from '../lib/torch/index.ts';

const BATCH = 32;
const WINDOW = 1024;

/** Words of each document, and two. */
function lengthsOf(path: string): readonly number[] {
  const documents = readFileSync(path, 'utf8').split('</DOCNO>').slice(1);
  return documents.map((each) => each.split('</DOC>')[0]!.trim().split(/\s+/).length + 2);
}

/** Of so many texts, shuffled. */
function order(texts: number): readonly number[] {
  torch.manualSeed(1);
  return torch.tidy(() => torch.randperm(texts).tolist() as number[]);
}

const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);
const batches = <T>(items: readonly T[], size: number): readonly T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
/** Tokens of a batch that is padded to its longest. */
const padded = (lengths: readonly number[]): number => lengths.length * Math.max(...lengths);

/** Of windows of texts, each cut into batches of like lengths that have as many tokens as 32 texts of the mean length. */
function budgeted(lengths: readonly number[]): number {
  const maxTokens = Math.max(Math.round((BATCH * sum(lengths)) / lengths.length), ...lengths);
  return sum(
    batches(lengths, WINDOW).flatMap((window) =>
      tokenBudgetBatches(window, { maxTokens }).map((indices) => padded(indices.map((i) => window[i]!))),
    ),
  );
}

console.log(
  `| texts | cut at | tokens: mean, p90, most | padding, to the longest of ${BATCH} | padding, by tokenBudget |`,
);
console.log('| --- | --- | --- | --- | --- |');
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
for (const path of process.argv.slice(2)) {
  for (const most of [128, 512]) {
    const cut = lengthsOf(path).map((length) => Math.min(length, most));
    const lengths = order(cut.length).map((i) => cut[i]!);
    const sorted = [...lengths].sort((a, b) => a - b);
    const tokens = sum(lengths);
    const [longest, budget] = [sum(batches(lengths, BATCH).map(padded)), budgeted(lengths)];
    const told = [
      (tokens / lengths.length).toFixed(0),
      sorted[Math.floor(0.9 * sorted.length)],
      sorted.at(-1),
    ];
    const cells = [
      basename(dirname(path)),
      most,
      told.join(', '),
      percent(1 - tokens / longest),
      percent(1 - tokens / budget),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
