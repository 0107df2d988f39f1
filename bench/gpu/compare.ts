/**
 * `compare.ts DEVICE STEPS ROUNDS`: trains in Python and here in turn, each in a process of its own, and prints a table:
 * milliseconds a step, the most memory of the device, and whether the losses are equal.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

interface Result {
  readonly losses: readonly number[];
  readonly milliseconds: number;
  readonly peak: number;
  readonly warnings?: readonly string[];
}

const CASES = [
  { name: 'mlp', precision: '32-true' },
  { name: 'cross-encoder', precision: '32-true' },
  { name: 'cross-encoder', precision: 'bf16-mixed' },
] as const;
const WAYS = [
  ['eager', 'overlapped'],
  ['compiled', 'waiting'],
  ['compiled', 'overlapped'],
  ['graph', 'overlapped'],
] as const;

const [device = 'cuda', steps = '200', rounds = '3', root = '.'] = process.argv.slice(2);
const here = import.meta.dirname;
const ours = ['ours.js', 'ours.ts']
  .map((file) => join(here, file))
  .find((path) => existsSync(path)) as string;
const node = [process.execPath, ...process.execArgv, ours];
const python = [process.env.PYTHON ?? 'python3', join(root, 'bench', 'gpu', 'reference.py')];

function run(command: readonly string[], args: readonly string[]): Result {
  const [file = '', ...rest] = [...command, ...args];
  const text = execFileSync(file, rest, { encoding: 'utf8', maxBuffer: 1 << 26 });
  return JSON.parse(text.trim().split('\n').at(-1) as string) as Result;
}

/** How far the losses of two trainings are apart. */
function apart(a: readonly number[], b: readonly number[]): string {
  const differences = a.map((loss, i) => Math.abs(loss - (b[i] as number)) / Math.abs(b[i] as number));
  const first = differences.findIndex((each) => each !== 0);
  if (a.length === b.length && first < 0) return 'equal';
  return `within ${Math.max(...differences).toExponential(1)}, from step ${first + 1} on`;
}

function median(results: readonly Result[]): number {
  const sorted = results.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

function print(label: string, results: readonly Result[], reference?: readonly Result[]): void {
  const [first] = results as [Result];
  const beside = reference?.[0];
  const ratio = reference === undefined ? '' : `${(median(reference) / median(results)).toFixed(2)} x`;
  const losses = beside === undefined ? '' : apart(first.losses, beside.losses);
  const cells = [label, median(results).toFixed(3), ratio, (first.peak / 2 ** 20).toFixed(1), losses];
  console.log(`| ${cells.join(' | ')} |`);
  for (const warning of first.warnings ?? []) console.log(`|   ${warning} | | | | |`);
}

console.log(`${device}, ${steps} steps, median of ${rounds} rounds\n`);
console.log('| case | ms a step | beside PyTorch | peak MiB of the device | losses |');
console.log('| --- | ---: | ---: | ---: | --- |');
for (const { name, precision } of CASES) {
  const args = [name, steps, device, precision];
  const reference: Result[] = [];
  const found = WAYS.map((): Result[] => []);
  for (let round = 0; round < Number(rounds); round++) {
    reference.push(run(python, args));
    for (const [i, way] of WAYS.entries()) found[i]?.push(run(node, [...args, ...way]));
  }
  print(`${name} ${precision}: PyTorch`, reference);
  for (const [i, way] of WAYS.entries())
    print(`${name} ${precision}: ${way.join(', ')}`, found[i] as Result[], reference);
}
