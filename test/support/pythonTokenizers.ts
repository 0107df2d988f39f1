/** A Python with the version of tokenizers that is compared with. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from '@jest/globals';

export const python = process.env.XPMIR_PYTHON ?? '';

function hasTokenizers(): boolean {
  if (!existsSync(python)) return false;
  try {
    const version = execFileSync(python, ['-c', 'import tokenizers; print(tokenizers.__version__)'], {
      encoding: 'utf8',
    });
    return version.trim() === '0.23.2';
  } catch {
    return false;
  }
}

export const itPythonTokenizers = hasTokenizers() ? test : test.skip;
