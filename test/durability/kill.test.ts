/** A process that is killed, whenever that is, leaves the newest checkpoint that it told of, whole, or a newer one. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { DamagedError } from '../../lib/learning/damaged.ts';
import { compiled } from './compiled.ts';
import { full, randomOf, repeatable, tell } from './effort.ts';
import { hashOf, payloadOf, STORES } from './killedPayload.ts';
import { killed, type Left, unfinished, unfinishedIn, wholeIn } from './killing.ts';

/** Two processes at a time. */
const CHAINS = 2;
const STORE_KILLS = full ? 225 : 23; // in each, of several stores
const LEARNER_KILLS = full ? 100 : 10;
const CONTROL_KILLS = 100;
/** Milliseconds after the first save. */
const WINDOW = full ? 500 : 200;

const test = repeatable(import.meta.url);
let directory = '';
let [store, learner] = ['', ''];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'xpmir-kill-'));
  store = compiled('killedStore.ts', join(directory, 'bare'));
  learner = compiled('killedLearner.ts', join(directory, 'whole'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const chains = (run: (chain: number) => Promise<void>) =>
  Promise.all(Array.from({ length: CHAINS }, (_, chain) => run(chain)));

test('what is saved by a process that is killed is whole', async () => {
  let [saves, left] = [0, 0];
  await chains(async (chain) => {
    const path = join(directory, `store-${chain}`);
    const newest: number[] = Array.from({ length: STORES }, () => 0);
    for (let round = 0; round < STORE_KILLS; round++) {
      const [found, ...told] = await kill([store, path, 'store'], [1, chain, round]);
      const at = `kill ${round} of chain ${chain}`;
      expect([at, unfinished(found as string[])]).toEqual([at, []]);
      for (let i = 0; i < STORES; i++) {
        const own = join(path, `${i}`);
        const [, last = newest[i]] =
          (told as [number, number][]).filter(([which]) => which === i).at(-1) ?? [];
        const whole = await wholeIn(own);
        newest[i] = whole[0]?.steps ?? 0;
        // What it did not get to say may be there.
        expect([at, i, newest[i]]).toEqual([at, i, newest[i] === (last as number) + 1 ? newest[i] : last]);
        for (const { steps, sha256 } of whole)
          expect([at, i, sha256]).toEqual([at, i, hashOf(payloadOf(steps))]);
        left += unfinishedIn(own).length;
      }
      saves += told.length;
    }
  });
  tell(`${CHAINS * STORE_KILLS * STORES} kills, ${saves} saves, ${left} were left unfinished and swept`);
  // They were killed while they saved.
  expect(left).toBeGreaterThan(CHAINS * STORE_KILLS);
});

test('but not where it is written in place', async () => {
  const path = join(directory, 'in place');
  for (let round = 0; round < CONTROL_KILLS; round++) {
    await kill([store, path, 'in place'], [2, round]);
    for (let i = 0; i < STORES; i++) {
      const damage = await wholeIn(join(path, `${i}`)).catch((error: unknown) => error);
      if (damage instanceof DamagedError) return tell(`damaged by kill ${round + 1}: ${damage.message}`);
    }
  }
  expect(`damage within ${CONTROL_KILLS} kills`).toBe('there');
});

test('a learner that is killed goes on to the bits of one that was not', async () => {
  const seen: [at: string, left: Left][] = [];
  let saves = 0;
  await chains(async (chain) => {
    const path = join(directory, `learner-${chain}`);
    let before = 0;
    for (let round = 0; round < LEARNER_KILLS; round++) {
      const at = `kill ${round} of chain ${chain}`;
      const lines = await kill([learner, path, '0'], [3, chain, round]);
      const [found, begin, ...told] = lines as [string[], ...(readonly [steps: number, sha256: string])[]];
      expect([at, unfinished(found)]).toEqual([at, []]);
      expect([at, begin?.[0]]).toEqual([at, before]);
      for (const [steps, sha256] of [begin as [number, string], ...told]) seen.push([at, { steps, sha256 }]);
      const whole = await wholeIn(join(path, 'checkpoints'));
      for (const each of whole) seen.push([at, each]);
      before = whole[0]?.steps ?? 0;
      const [last = 0] = told.at(-1) ?? [];
      expect([at, before]).toEqual([at, Math.max(before, last)]);
      saves += told.length;
    }
  });
  const hashes = hashesUntil(Math.max(...seen.map(([, { steps }]) => steps)));
  for (const [at, { steps, sha256 }] of seen)
    expect([at, steps, sha256]).toEqual([at, steps, hashes.get(steps)]);
  tell(`${CHAINS * LEARNER_KILLS} kills, ${saves} checkpoints, ${hashes.size} steps`);
});

function kill(args: readonly string[], which: readonly number[]) {
  // What is left, what a learner begins with, and the first save.
  const lines = args[0] === learner ? 3 : 1 + STORES;
  return killed(args, { random: randomOf(...which), window: WINDOW, lines });
}

/** Of the model of a learner that nobody killed, after each step. */
function hashesUntil(steps: number): Map<number, string> {
  const output = execFileSync(process.execPath, [learner, '-', `${steps}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 28,
  });
  const lines = output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return new Map(lines.slice(1).map((line: readonly [number, string]) => line));
}
