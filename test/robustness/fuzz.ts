/**
 * `npm run fuzz -- [SEED]`: the complete form of what npm test does in short: every hostile value through the public
 * API, operators with more arguments by seed, and mutated files. Prints each call that the process did not survive, and goes on.
 */

import { runChild } from './child.ts';
import { fuzzedArchives, fuzzedSafetensors } from './files.ts';

const ROUNDS = 60;
const SAFETENSORS = 200_000;
const ARCHIVES = 2_000;
const seed = Number(process.argv[2] ?? Date.now() % 1_000_000);
const script = (name: string): URL => new URL(`children/${name}`, import.meta.url);
let failures = 0;

function fail(text: string): void {
  failures++;
  process.stdout.write(`${text}\n`);
}

for (const part of ['functions', 'methods', 'rest']) {
  const result = await runChild(script('api.ts'), { args: [part, 1], timeoutMs: 3_600_000 });
  if (result.code !== 0) fail(`${part}: ${result.signal ?? result.code} in ${result.lastCall}`);
  else
    for (const text of (JSON.parse(result.stdout) as { untyped: string[] }).untyped) fail(`${part}: ${text}`);
}

process.stdout.write(`operators with seed ${seed}\n`);
for (let first = 0; ; ) {
  const args = [seed, ROUNDS, first];
  const result = await runChild(script('operators.ts'), { args, timeoutMs: 3_600_000 });
  if (result.code === 0) break;
  fail(`operators: ${result.signal ?? result.code} in ${result.lastCall}`);
  const index = Number.parseInt(result.lastCall, 10);
  if (Number.isNaN(index)) break;
  first = index + 1;
}
for (const [name, run] of [
  ['safetensors', () => fuzzedSafetensors(seed, SAFETENSORS)],
  ['archives', () => fuzzedArchives(seed, ARCHIVES)],
] as const) {
  process.stdout.write(`${name} with seed ${seed}\n`);
  try {
    const { problems, ...report } = await run();
    process.stdout.write(`${JSON.stringify(report)}\n`);
    for (const problem of problems) fail(`${name}: ${problem}`);
  } catch (error) {
    fail(`${name}: ${(error as Error).message}`);
  }
}
process.exitCode = failures > 0 ? 1 : 0;
