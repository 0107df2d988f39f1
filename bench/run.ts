/** `npm run bench`: PyTorch in Python and this, side by side, in alternating rounds. */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join, resolve } from 'node:path';
import { types } from 'node:util';
import type { Case, ComparedCase } from './runner/cases.ts';
import { type Options, readOptions, usage } from './runner/options.ts';
import { playLosses, playOwn } from './runner/own.ts';
import { root } from './runner/process.ts';
import { referencePython } from './runner/python.ts';
import { headerLine, jsonLine, type Outcome, tableLine } from './runner/report.ts';
import { resultsPage, type Setting } from './runner/results.ts';
import { LoopSides, processRound, type RoundOutcome } from './runner/sides.ts';
import { type Round, summarize } from './runner/statistics.ts';
import { writeTextFile } from './runner/textFile.ts';

const warmUps = { loop: 3, process: 1 };

async function main(options: Options): Promise<void> {
  const python = referencePython(builtAgainst());
  const texts = writeTextFile();
  process.env.XPMIR_BENCH_TEXTS = texts.path;
  const load = loadavg().map((each) => each.toFixed(2));
  let sides: LoopSides | undefined;
  try {
    sides = await LoopSides.start(python, options.threads);
    const setting = settingOf(options, sides, load.join(', '));
    if (!options.json) introduce(setting);
    const outcomes: Outcome[] = [];
    for (const one of options.cases) {
      const outcome = await measure(one, options, python, sides);
      outcomes.push(outcome);
      console.log(options.json ? jsonLine(outcome) : tableLine(outcome));
      if ('problem' in outcome) process.exitCode = 1;
    }
    if (options.write !== undefined)
      writeFileSync(resolve(root, options.write), resultsPage(setting, outcomes));
  } finally {
    sides?.stop();
    texts.remove();
  }
}

async function measure(one: Case, options: Options, python: string, sides: LoopSides): Promise<Outcome> {
  switch (one.kind) {
    case 'losses':
      return { case: one, ...(await playLosses(one, python, options.threads)) };
    case 'own':
      return { case: one, figures: await playOwn(one, options) };
    default:
      return await compare(one, options, python, sides);
  }
}

/** Rounds that count after some that do not: files are read and code is compiled by then. */
async function compare(
  one: ComparedCase,
  { rounds: asked, threads }: Options,
  python: string,
  sides: LoopSides,
): Promise<Outcome> {
  const play = (round: number): Promise<RoundOutcome> =>
    one.kind === 'loop' ? sides.round(round, one) : processRound(round, one, python, threads);
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
  const path = join(root, 'build', 'Release', 'addon.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { libtorch: string }).libtorch;
}

function settingOf({ threads }: Options, { ours, reference }: LoopSides, load: string): Setting {
  const processors = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return {
    command: ['npm run bench', ...shownArguments(process.argv.slice(2))].join(' '),
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    machine: `${processors.length} x ${processors[0]?.model ?? 'unknown processor'}, ${memory}, ${type()} ${release()}`,
    load,
    threads,
    ours: `${ours.runtime}, libtorch ${ours.torch}`,
    reference: `${reference.runtime}, torch ${reference.torch}`,
  };
}

function shownArguments(args: readonly string[]): readonly string[] {
  return args.length === 0 ? [] : ['--', ...args];
}

/** What was measured; changes of the page itself are none. */
function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!bench/RESULTS.md');
    return `${git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : ', with changes'}`;
  } catch {
    return 'unknown';
  }
}

function introduce({ machine, load, threads, ours, reference }: Setting): void {
  console.log(`${machine}; load ${load}; threads of libtorch: ${threads}`);
  console.log(`ours: ${ours}; reference: ${reference}`);
  console.log(
    `speedup: median over rounds of the other's cost over ours, rounds alternating; the other is Python, and\nonnxruntime-node where a name says onnx\n\n${headerLine}`,
  );
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(usage);
  else await main(options);
} catch (error) {
  console.error(types.isNativeError(error) ? error.message : error);
  process.exitCode = 1;
}
