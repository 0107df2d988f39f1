/** Packages that Python's AOTInductor makes for this machine, once: they are kept under build/ for later runs. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from '@jest/globals';
import { version } from '../../lib/torch/threads.ts';
import type { TensorEntry } from './fixtures.ts';
import { itPython, python, sameTorch } from './python.ts';

/** Tensors in arrays and objects. */
export type Nested = TensorEntry | readonly Nested[] | { readonly [name: string]: Nested };

export interface Case {
  readonly args: readonly Nested[];
  readonly named?: Record<string, TensorEntry>;
  readonly result: Nested;
}

export interface Cases {
  readonly mlp: readonly Case[];
  readonly reloaded: Case & { readonly state: Record<string, TensorEntry> };
  readonly ranker: readonly Case[];
  readonly layouts: readonly Case[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const script = join(root, 'scripts', 'fixtures', 'aoti_package.py');

/** Where Python can compile packages for the libtorch that is here. */
export function itCompiles(): typeof test | typeof test.skip {
  const it = itPython(sameTorch);
  try {
    execFileSync(process.env.CXX ?? 'g++', ['--version'], { stdio: 'ignore' });
    return it;
  } catch {
    return test.skip;
  }
}

/** The directory with the packages, and what Python computed with them. */
export function compiledPackages(): { readonly directory: string; readonly cases: Cases } {
  const directory = join(root, 'build', 'aoti', digest());
  const cases = join(directory, 'cases.json');
  if (!existsSync(cases)) {
    mkdirSync(directory, { recursive: true });
    execFileSync(python, [script, directory], { stdio: ['ignore', 'ignore', 'pipe'] });
  }
  return { directory, cases: JSON.parse(readFileSync(cases, 'utf8')) as Cases };
}

/** Of what the packages depend on: the program, the version of PyTorch and the processor. */
function digest(): string {
  const processor =
    readFileSync('/proc/cpuinfo', 'utf8').match(/^(model name|flags|Features)\s*:.*$/gm) ?? [];
  const parts = [readFileSync(script, 'utf8'), version(), ...new Set(processor)];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}
