/** `npm run bench`: PyTorch in Python and this, side by side, in alternating rounds. */

import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { types } from 'node:util';
import type { Case } from './runner/cases.ts';
import { type Options, readOptions, usage } from './runner/options.ts';
import { referencePython } from './runner/python.ts';
import { headerLine, jsonLine, type Outcome, tableLine } from './runner/report.ts';
import { LoopSides, processRound, type RoundOutcome } from './runner/sides.ts';
import { type Round, summarize } from './runner/statistics.ts';

const warmUps = { loop: 3, process: 1 };

async function main(options: Options): Promise<void> {
  const python = referencePython(builtAgainst());
  const loops = options.cases.some(({ kind }) => kind === 'loop');
  const sides = loops ? await LoopSides.start(python, options.threads) : undefined;
  try {
    if (!options.json) introduce(options, sides);
    for (const one of options.cases) {
      const outcome = await measure(one, options, python, sides);
      console.log(options.json ? jsonLine(outcome) : tableLine(outcome));
      if ('problem' in outcome) process.exitCode = 1;
    }
  } finally {
    sides?.stop();
  }
}

/** Rounds that count after some that do not: files are read and code is compiled by then. */
async function measure(
  one: Case,
  { rounds: asked, threads }: Options,
  python: string,
  sides: LoopSides | undefined,
): Promise<Outcome> {
  const play = (round: number): Promise<RoundOutcome> =>
    one.kind === 'loop'
      ? sides!.round(round, one.name, one.iterations)
      : processRound(round, one, python, threads);
  const rounds: Round[] = [];
  const before = 'warmUps' in one ? (one.warmUps ?? warmUps.loop) : warmUps[one.kind];
  for (let round = -before; round < (asked ?? one.rounds); round++) {
    const outcome = await play(round);
    if ('problem' in outcome) return { case: one, problem: outcome.problem };
    if (round >= 0) rounds.push(outcome);
  }
  return { case: one, summary: summarize(rounds) };
}

/** The release of libtorch that the addon was built against, and that Python must have too. */
function builtAgainst(): string {
  const path = join(import.meta.dirname, '..', 'build', 'Release', 'addon.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { libtorch: string }).libtorch;
}

function introduce({ threads }: Options, sides: LoopSides | undefined): void {
  const processors = cpus();
  console.log(
    `${processors.length} x ${processors[0]?.model ?? 'unknown processor'}; threads of libtorch: ${threads}`,
  );
  if (sides !== undefined) {
    const { ours, reference } = sides;
    console.log(
      `ours: ${ours.runtime}, libtorch ${ours.torch}; reference: ${reference.runtime}, torch ${reference.torch}`,
    );
  }
  console.log(`speedup: median over rounds of Python's cost over ours, rounds alternating\n\n${headerLine}`);
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(usage);
  else await main(options);
} catch (error) {
  console.error(types.isNativeError(error) ? error.message : error);
  process.exitCode = 1;
}
