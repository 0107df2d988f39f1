/** What `npm run build` makes, made anew when a source is younger. */

import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The compiled `xpmir/torch`. */
export function compiledTorch(root: string): string {
  const entry = join(root, 'dist', 'torch', 'index.js');
  if (isFresh(root, entry)) return entry;
  console.error('Compiling lib/ for the case that runs without tsx');
  spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  // A type error elsewhere does not keep the compiler from writing: what counts is whether it wrote.
  if (!isFresh(root, entry)) throw new Error('Expected npm run build to write dist/torch/index.js');
  return entry;
}

function isFresh(root: string, entry: string): boolean {
  const written = statSync(entry, { throwIfNoEntry: false })?.mtimeMs;
  if (written === undefined) return false;
  const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' });
  return sources.every(
    (path) => !path.endsWith('.ts') || statSync(join(root, 'lib', path)).mtimeMs < written,
  );
}
