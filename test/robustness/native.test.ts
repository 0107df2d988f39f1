import { expect, test } from '@jest/globals';
import { runChild } from './child.ts';

interface Report {
  readonly calls: number;
  readonly untyped: unknown[];
}

/** The child ends by itself, and everything it threw was one of our errors or the hostile value's own. */
async function survives(script: string, ...args: (string | number)[]): Promise<number> {
  const result = await runChild(new URL(`children/${script}`, import.meta.url), { args, timeoutMs: 150_000 });
  const { code, signal, timedOut, lastCall } = result;
  const ended = { code, signal, timedOut, lastCall: code === 0 ? '' : `${lastCall} [${args}]` };
  expect(ended).toEqual({ code: 0, signal: null, timedOut: false, lastCall: '' });
  const { calls, untyped } = JSON.parse(result.stdout) as Report;
  expect(untyped).toEqual([]);
  return calls;
}

test('every native entry takes every hostile value in every position', async () => {
  expect(await survives('entries.ts')).toBeGreaterThan(10_000);
}, 160_000);

test('garbage in the shared buffer is an error', async () => {
  expect(await survives('buffer.ts', 1, 3000)).toBe(3000);
}, 160_000);

/** What one value in so many goes through each time: `npm run fuzz` lets all of them through. */
const SHARE = 16;

test('every public function takes hostile values', async () => {
  expect(await survives('api.ts', 'functions', SHARE)).toBeGreaterThan(20_000);
}, 160_000);

test('every method and member of a tensor takes hostile values, and hostile receivers', async () => {
  expect(await survives('api.ts', 'methods', SHARE)).toBeGreaterThan(15_000);
}, 160_000);

test('modules, optimizers and all other exports take hostile values', async () => {
  expect(await survives('api.ts', 'rest', SHARE)).toBeGreaterThan(5_000);
}, 160_000);

test('every operator takes hostile values of the right kinds', async () => {
  expect(await survives('operators.ts', 1, 4)).toBeGreaterThan(8_000);
}, 160_000);
