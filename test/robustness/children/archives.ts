/**
 * `archives.ts SEED ROUNDS`: mutated TorchScript archives through `probeAll`. Half of them are whole archives in which a file
 * is another one, which libtorch gets to see; of the others, bytes are others anywhere. Prints what became of them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as torch from '../../../lib/torch/index.ts';
import { readArchive } from '../../../lib/torch/io/archive.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { type Part, zip } from '../../support/zip.ts';
import { type Random, seeded } from '../random.ts';

const [seed, rounds] = process.argv.slice(2).map(Number) as [number, number];
const { archives } = loadFixture<{ archives: Record<string, string> }>('jit.json.gz');
const good = Object.values(archives).map((text) => Buffer.from(text, 'base64'));

function changed(bytes: Uint8Array, dice: Random): Uint8Array {
  const other = Uint8Array.from(bytes);
  if (other.length === 0) return other;
  const kind = dice.below(6);
  if (kind === 0) return other.subarray(0, dice.below(other.length));
  if (kind === 1) return Buffer.concat([other, other.subarray(dice.below(other.length))]);
  if (kind === 2) {
    const [from, to] = [dice.below(other.length), dice.below(other.length)];
    return other.copyWithin(to, from, from + dice.below(64));
  }
  for (let changes = dice.below(4); changes >= 0; changes--) {
    const at = dice.below(other.length);
    other[at] = kind === 3 ? (other[at] as number) ^ (1 << dice.below(8)) : dice.below(256);
  }
  return other;
}

function archive(dice: Random): Uint8Array {
  const whole = dice.pick(good);
  if (dice.below(2) === 0) return changed(whole, dice);
  const parts: Part[] = [...readArchive(whole).values()].map((entry) => ({
    name: `root/${entry.name}`,
    content: entry.read(),
  }));
  // Weights load whatever they are.
  const read = parts.filter(({ name }) => !name.startsWith('root/data/'));
  const part = dice.pick(read);
  const at = parts.indexOf(part);
  parts[at] = { ...part, content: changed(part.content, dice) };
  return zip(parts);
}

const folder = mkdtempSync(join(tmpdir(), 'xpmir-archives-'));
const dice = seeded(seed);
const outcomes = new Map<string, number>();
const problems: string[] = [];
const AT_ONCE = 50;
for (let round = 0; round < rounds; round += AT_ONCE) {
  const paths = Array.from({ length: Math.min(AT_ONCE, rounds - round) }, (_, i) => {
    const path = join(folder, `${i}.pt`);
    writeFileSync(path, archive(dice));
    return path;
  });
  for (const [i, answer] of (await torch.jit.probeAll(paths, { timeout: 60 })).entries()) {
    const outcome = outcomeOf(answer);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (answer instanceof Error && (answer as { code?: string }).code !== 'ERR_FILE')
      problems.push(`round ${round + i}: ${answer.message}`);
  }
}
rmSync(folder, { recursive: true });
console.log(JSON.stringify({ files: rounds, outcomes: Object.fromEntries(outcomes), problems }));

function outcomeOf(answer: torch.jit.ProbeReport | Error): string {
  if (!(answer instanceof Error)) return 'loaded';
  return (
    /its process ended (?:by|with code) \w+|it took (?:longer|more) than/.exec(answer.message)?.[0] ??
    'refused'
  );
}
