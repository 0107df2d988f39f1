/** From lines of JSON to tensors of word numbers; reference/texts.py does the same in Python. */
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { EndlessIterator, JsonlSampler, Random } from '../../lib/learning/index.ts';
import * as torch from '../../lib/torch/index.ts';
import type { Loop } from './loops.ts';

/** A line of the file. */
export interface Text {
  readonly query: string;
  readonly document: string;
  readonly label: number;
}

/** As many as BERT has; 0 fills up. */
const VOCABULARY = 30522;
const BATCH_SIZE = 32;
/** Words of a query with its document, at most. */
const LONGEST = 128;
/** Lengths of pairs are multiples of this, so that shapes come again. */
const MULTIPLE = 32;

/** The file that runner/textFile.ts wrote. */
function path(): string {
  const file = process.env.XPMIR_BENCH_TEXTS;
  if (file === undefined) throw new Error('Expected the path of the texts in XPMIR_BENCH_TEXTS');
  return file;
}

/** All lines. */
export function textsOf(): Text[] {
  const lines = readFileSync(path(), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Text);
}

function wordsOf(text: string): number[] {
  return text
    .toLowerCase()
    .split(' ')
    .map((word) => (crc32(word) % (VOCABULARY - 1)) + 1);
}

/** Lists of different lengths as one int64 tensor, with zeros behind. */
function padded(lists: readonly (readonly number[])[], multiple = 1): torch.Tensor {
  const longest = Math.max(...lists.map(({ length }) => length));
  const width = Math.ceil(longest / multiple) * multiple;
  const all = new Int32Array(lists.length * width);
  for (const [i, list] of lists.entries()) all.set(list, i * width);
  return torch.fromTypedArray(all, [lists.length, width], { dtype: 'int64' });
}

/** Queries and documents, `[B, Q]` and `[B, L]`. */
export function textTensors(texts: readonly Text[]): readonly [torch.Tensor, torch.Tensor] {
  return [
    padded(texts.map(({ query }) => wordsOf(query))),
    padded(texts.map(({ document }) => wordsOf(document))),
  ];
}

/** What a cross-encoder takes: words `[B, L]` of queries with their documents, and labels `[B, 1]`. */
export function pairTensors(texts: readonly Text[]): readonly [torch.Tensor, torch.Tensor] {
  const pairs = texts.map(({ query, document }) =>
    [...wordsOf(query), ...wordsOf(document)].slice(0, LONGEST),
  );
  const labels = Float32Array.from(texts, ({ label }) => label);
  return [padded(pairs, MULTIPLE), torch.fromTypedArray(labels, [texts.length, 1])];
}

/** Batches of the file, pass after pass: a number that depends on the words, their order and shapes. */
export function reading(): Loop {
  const sampler = new JsonlSampler<Text>({ file: path() });
  return async (iterations) => {
    const batches = new EndlessIterator(sampler.batches(new Random({ seed: 1 }).newState(), BATCH_SIZE));
    let check = 0;
    for (let i = 0; i < iterations; i++) {
      const { value } = await batches.next();
      torch.tidy(() => {
        for (const words of textTensors(value as readonly Text[])) check = mixed(check, words);
      });
    }
    await batches.close();
    return check;
  };
}

/** Sums of words, one behind the other, below 2 to the 40th. */
function mixed(check: number, words: torch.Tensor): number {
  const sum = Number(words.sum().item());
  return (check * 31 + sum + 1_000_003 * (words.shape[1] as number)) % 2 ** 40;
}
