/** The test of runs that go on has teeth: without any piece of the saved state a run goes on otherwise, or is refused. */
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, expect } from '@jest/globals';
import { readCheckpoint } from '../../lib/learning/readCheckpoint.ts';
import { STATE_PARTS } from '../../lib/learning/runState.ts';
import { told } from './children.ts';
import { type Change, changed, empty, nothing, older, piecesOf, reseal } from './droppedPieces.ts';
import { full, repeatable, tell } from './effort.ts';
import type { Case } from './resumeCases.ts';
import { differences } from './resumeDifferences.ts';
import type { Asked, Told } from './resumeProgram.ts';
import type { Trace } from './resumeRun.ts';

/** A run that has everything, cut in the middle of the fifth epoch, after its best one. */
const CASE: Case = {
  id: 0,
  optimizer: 'Adam',
  dropout: true,
  accumulate: 1,
  schedule: 'linear',
  threads: 1,
  compile: false,
  scaler: true,
  late: false,
  noise: 'everybody',
  loading: 'at once',
  hook: true,
  cut: 'anywhere',
  way: 'stopped',
  at: 31,
  memory: 10,
};

const CASES: readonly Case[] = full
  ? (['SGD', 'Adam', 'AdamW', 'Adagrad', 'RMSprop'] as const).flatMap((optimizer) =>
      ([1, 4] as const).map((accumulate) => ({ ...CASE, optimizer, accumulate })),
    )
  : [CASE];

const CHANGES: Readonly<Record<string, Change>> = { no: nothing, older, empty };

/** Changes that nothing comes of, and why. */
const EXEMPT: readonly (readonly [change: RegExp, why: string])[] = [
  [
    /^\w+ optimizer\.optimizers\.\*\.param_groups\.\*\.(?!lr$|initial_lr$)\w+$/,
    'the configuration says it again',
  ],
  [/^\w+ optimizer\.schedulers\.\*\.lr_lambdas$/, 'functions are not saved'],
  [/^\w+ optimizer\.schedulers\.\*\._last_lr$/, 'every step sets it'],
  [/^\w+ optimizer\.totalSteps$/, 'a schedule that is made anew is the same'],
];

const test = repeatable(import.meta.url);
const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

for (const each of CASES)
  test(`a state without any of its pieces, or with an older one, is told: ${each.optimizer}, ${each.accumulate} batches`, () =>
    expectTold(each));

async function expectTold(given: Case): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'xpmir-dropped-'));
  directories.push(directory);
  const [{ traces = [], error } = {} as Told] = await go(directory, 'first', [given]);
  expect(error).toBeUndefined();
  const [whole, first] = traces as [Trace, Trace];
  const checkpoints = join(directory, '0-cut', 'checkpoints');
  const [before, newest] = readdirSync(checkpoints).map((name) => join(checkpoints, name)) as [
    string,
    string,
  ];
  const { state } = await readCheckpoint(newest);
  const { state: other } = await readCheckpoint(before);
  const pieces = piecesOf(state);
  // Those of the state, and each of them is looked into.
  expect(pieces).toEqual(expect.arrayContaining([...STATE_PARTS]));

  const names: string[] = [];
  const ask = async (name: string, made: unknown, weights?: string) => {
    const to = join(directory, `without${names.length}-cut`);
    cpSync(join(directory, '0-cut'), to, { recursive: true, verbatimSymlinks: true });
    await reseal(join(to, 'checkpoints', basename(newest)), made, weights);
    names.push(name);
  };
  await ask('nothing', state);
  await ask('older weights', state, before);
  for (const piece of pieces)
    for (const [name, change] of Object.entries(CHANGES)) {
      const made = changed(state, piece, change, other);
      if (made !== undefined) await ask(`${name} ${piece}`, made);
    }
  const asked = names.map((_, i) => ({ ...given, memory: 0, folder: `without${i}` }));
  const came = await go(directory, 'second', asked);
  const unnoticed = names.filter((_, i) => {
    const { traces: [second] = [], error } = came[i] as Told;
    const isTold = second === undefined || differences(whole, { first, second }, given).length > 0;
    return !isTold && error === undefined;
  });
  tell(`${names.length} states of ${pieces.length} pieces`);
  expect(unnoticed.filter((what) => !EXEMPT.some(([exempt]) => exempt.test(what)))).toEqual(['nothing']);
}

async function go(directory: string, part: string, cases: readonly Asked[]): Promise<Told[]> {
  const file = join(directory, 'cases.json');
  writeFileSync(file, JSON.stringify(cases));
  return told<Told>('resumeProgram.ts', [part, directory, file]);
}
