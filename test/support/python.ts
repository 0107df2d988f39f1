/** Tests that compare with Python: `XPMIR_PYTHON` names one, `python3` otherwise. */
import { execFileSync } from 'node:child_process';
import { test } from '@jest/globals';
import { version } from '../../lib/torch/threads.ts';

export const python = process.env.XPMIR_PYTHON ?? 'python3';

/** Runs a program and gives what it printed. */
export function runPython(program: string, ...args: readonly string[]): string {
  return execFileSync(python, ['-c', program, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Where Python has modules, of a version where one is given; the test is skipped elsewhere. */
export function itPython(
  modules: Readonly<Record<string, string | undefined>>,
): typeof test | typeof test.skip {
  try {
    for (const [name, wanted] of Object.entries(modules)) {
      const found = runPython(`import ${name}; print(${name}.__version__)`).trim().split('+')[0];
      if (wanted !== undefined && found !== wanted.split('+')[0]) return test.skip;
    }
    return test;
  } catch {
    return test.skip;
  }
}

/** The PyTorch whose libtorch is loaded here, without which bits differ, and the safetensors package. */
export const sameTorch = { torch: version(), safetensors: undefined };
