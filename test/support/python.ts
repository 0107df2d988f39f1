/** Tests that compare with PyTorch in Python: `XPMIR_PYTHON` names one, `python3` otherwise. */
import { execFileSync } from 'node:child_process';
import { test } from '@jest/globals';
import { version } from '../../lib/torch/index.ts';

const python = process.env.XPMIR_PYTHON ?? 'python3';

/** Runs a program and gives what it printed. */
export function runPython(program: string, ...args: readonly string[]): string {
  return execFileSync(python, ['-c', program, ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 });
}

function hasSameTorch(): boolean {
  try {
    const found = execFileSync(python, ['-c', 'import torch, safetensors; print(torch.__version__)'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return found.trim().split('+')[0] === version().split('+')[0];
  } catch {
    return false;
  }
}

/** Where a Python has the safetensors package and the PyTorch whose libtorch is loaded here: only that one has the same bits. */
export const itSameTorch = hasSameTorch() ? test : test.skip;
