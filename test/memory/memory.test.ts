import { execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';

const run = promisify(execFile);
const cwd = fileURLToPath(new URL('../../', import.meta.url));
const child = (name: string, ...args: string[]) => [
  '--import',
  'tsx',
  fileURLToPath(new URL(`children/${name}.ts`, import.meta.url)),
  ...args,
];

async function figures<T>(name: string, ...args: string[]): Promise<T> {
  const { stdout } = await run(process.execPath, child(name, ...args), { cwd });
  return JSON.parse(stdout) as T;
}

describe('memory stays bounded', () => {
  test('100,000 operators in tidy with a yield per step: no tensor more, under 20 MB', async () => {
    const { grown, tensors } = await figures<{ grown: number; tensors: number }>('growth', 'tidy');
    expect(tensors).toBe(0);
    expect(grown).toBeLessThan(20);
  }, 120_000);

  test('12,000 results of 256 KB without any dispose, a yield per 100: under 512 MB', async () => {
    const { most } = await figures<{ most: number }>('growth', 'collector');
    expect(most).toBeLessThan(512);
  }, 120_000);

  test('large results in two threads: the memory of the step before, given back when asked', async () => {
    const { grown, given } = await figures<Record<string, number>>('growth', 'large');
    expect(grown).toBeLessThan(20);
    expect(given).toBeGreaterThan(40);
  }, 120_000);
});

/** Exit code or signal, and what stood on standard error. */
function ending(
  way: string,
  signal?: NodeJS.Signals,
): Promise<{ code: number | string | null; stderr: string }> {
  return new Promise((resolve) => {
    const started = spawn(process.execPath, child('ending', way), { cwd });
    let stderr = '';
    started.stderr.on('data', (text) => {
      stderr += text;
    });
    started.stdout.on('data', () => signal && started.kill(signal));
    started.on('close', (code, by) => resolve({ code: code ?? by, stderr }));
  });
}

describe('a process with 1,000 live tensors ends cleanly', () => {
  const stepping = ['exitWhileStepping', 'endWhileStepping', 'workerTerminatedWhileStepping'];
  test.each(['end', 'exit', 'workerEnds', 'workerTerminated', ...stepping])('%s', async (way) => {
    expect(await ending(way)).toEqual({ code: 0, stderr: '' });
  });

  test.each(['throw', 'reject'])('%s: the error, and nothing after it', async (way) => {
    const { code, stderr } = await ending(way);
    expect(code).toBe(1);
    expect(stderr).toMatch(/on purpose/);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s', async (signal) => {
    expect(await ending('wait', signal)).toEqual({ code: signal, stderr: '' });
  });
});

test('the addon works in four workers at once, over and over', async () => {
  const results = await figures<{ sum: number; tensors: number }[]>('rounds');
  expect(results.length).toBe(8);
  expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
});
