/**
 * `node --import tsx bench/tokenizers.ts [ROUNDS]`: lines a second of tokenizers here, on this thread and through a pool of one
 * thread, and of Python's on one thread, alternating. Needs XPMIR_PYTHON with tokenizers.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tokenizer, TokenizerPool } from '../lib/tokenizers/index.ts';
import { writeTokenizer } from '../test/support/tokenizers.ts';

const BATCH = 64;
const rounds = Number(process.argv[2] ?? 5);
const script = fileURLToPath(new URL('../scripts/fixtures/tokenizer_files.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'xpmir-tokenizers-'));

function python(args: readonly string[], input = ''): string {
  return execFileSync(process.env.XPMIR_PYTHON ?? 'python3', [script, ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
}

const lines = JSON.parse(python(['lines'])) as string[];
const batches = Array.from({ length: Math.ceil(lines.length / BATCH) }, (_, i) =>
  lines.slice(BATCH * i, BATCH * (i + 1)),
);
const options = { padding: 'longest' } as const;

/** With a tokenizer that saw no word yet, as Python's. */
async function onThisThread(path: string): Promise<number> {
  const tokenizer = await Tokenizer.fromFile(path);
  const started = performance.now();
  for (const batch of batches) tokenizer.encodeArrays(batch, options);
  return (performance.now() - started) / 1000;
}

async function throughPool(path: string): Promise<number> {
  await using pool = await TokenizerPool.open(path);
  const started = performance.now();
  for await (const _ of pool.encodeBatches(batches, options));
  return (performance.now() - started) / 1000;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
const padding = {
  strategy: 'BatchLongest',
  direction: 'Right',
  pad_id: 0,
  pad_type_id: 0,
  pad_token: '[PAD]',
};

for (const name of ['wordpiece', 'bytelevel', 'unigram']) {
  const path = writeTokenizer(folder, name, { padding });
  const seconds: [here: number[], pool: number[], python: number[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    seconds[0].push(await onThisThread(path));
    seconds[1].push(await throughPool(path));
    seconds[2].push(
      (JSON.parse(python(['rate', name], JSON.stringify(lines))) as { seconds: number }).seconds,
    );
  }
  const [here, pool, reference] = seconds.map((each) => Math.round(lines.length / median(each)));
  console.log(
    `${name}: ${here} lines/s here, ${pool} through a pool, ${reference} in Python; medians of ${rounds}`,
  );
}
rmSync(folder, { recursive: true });
