/**
 * `safetensors.ts SEED ROUNDS`: mutated safetensors files, each read and mapped. What is accepted is written again and must
 * come back equal. Prints what became of them, the slowest one, and by how much the process grew for one at most.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as torch from '../../../lib/torch/index.ts';
import { readSafetensors, safetensorsOf } from '../../../lib/torch/io/safetensors.ts';
import { announce } from '../judge.ts';
import { mutated } from '../mutated.ts';
import { seeded } from '../random.ts';

const [seed, rounds] = process.argv.slice(2).map(Number) as [number, number];
const BATCH = 100;
const UNEXPECTED = 'unexpected:';
const folder = await mkdtemp(join(tmpdir(), 'xpmir-mutated-'));
const path = join(folder, 'file');
const outcomes = new Map<string, number>();
const problems: string[] = [];
const slowest = { seconds: 0, round: 0 };
let [files, bytes, grown] = [0, 0, 0];

interface Content {
  readonly tensors: ReadonlyMap<string, torch.Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

async function contentOf(mmap: boolean): Promise<Content> {
  const file = await torch.openSafetensors(path, { mmap });
  try {
    return { tensors: await file.getTensors(), metadata: Object.fromEntries(file.metadata()) };
  } finally {
    await file.close();
  }
}

/** The file again, as we write it, and what is read of that. */
function written({ tensors, metadata }: Content): Uint8Array {
  const file = safetensorsOf(tensors, metadata);
  const whole = new Uint8Array(file.bytes);
  file.copyTo(whole);
  return whole;
}

async function survivesWriting(content: Content): Promise<boolean> {
  const first = written(content);
  const source = {
    size: first.length,
    read: async (into: Uint8Array, at: number) => {
      const part = first.subarray(at, at + into.length);
      into.set(part);
      return part.length;
    },
  };
  const again = { tensors: await readSafetensors(source), metadata: content.metadata };
  const same = Buffer.from(written(again)).equals(first);
  for (const tensor of again.tensors.values()) tensor.dispose();
  return same && again.tensors.size === content.tensors.size;
}

async function examine(mmap: boolean): Promise<[outcome: string, content?: Uint8Array]> {
  try {
    const content = await contentOf(mmap);
    const whole = written(content);
    const fine = mmap || (await survivesWriting(content));
    for (const tensor of content.tensors.values()) tensor.dispose();
    return [fine ? 'accepted' : `${UNEXPECTED} another file when it is written again`, whole];
  } catch (error) {
    if (error instanceof torch.SafetensorsError) return [error.reason];
    return [`${UNEXPECTED} ${error}`];
  }
}

/** The most that this process held since it was last asked, in bytes. Linux only. */
function peak(): number {
  if (process.platform !== 'linux') return 0;
  const found = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  writeFileSync('/proc/self/clear_refs', '5');
  return found;
}

const collect = (globalThis as { gc?: () => void }).gc;
// Whoever comes first waits for libtorch.
torch.ones([2]).dispose();
const dice = seeded(seed);
let before = 0;
for (let round = 0; round < rounds; round++) {
  if (round % BATCH === 0) {
    if (round > 2 * BATCH) grown = Math.max(grown, peak() - before);
    collect?.();
    peak();
    before = process.memoryUsage.rss();
  }
  announce(`round ${round} of seed ${seed}`);
  const file = mutated(dice);
  writeFileSync(path, file);
  bytes = Math.max(bytes, file.length);
  files += 1;
  const start = performance.now();
  const [outcome, content] = await examine(false);
  const [mapped, other] = await examine(true);
  const seconds = (performance.now() - start) / 1000;
  if (seconds > slowest.seconds) Object.assign(slowest, { seconds, round });
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const isSame = outcome === mapped && (content === undefined || Buffer.from(content).equals(other!));
  if (!isSame || outcome.startsWith(UNEXPECTED))
    problems.push(`round ${round}: ${outcome}, mapped: ${mapped}`);
}
announce('the end');
rmSync(folder, { recursive: true });
console.log(
  JSON.stringify({ files, bytes, outcomes: Object.fromEntries(outcomes), problems, slowest, grown }),
);
