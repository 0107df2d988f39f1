/** Fails when a C++ file is not formatted as .clang-format says; with `--write` formats it. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const files = readdirSync(join(root, 'native')).filter((name) => /\.(cc|h)$/.test(name));
// The npm package, so that everybody has the same version: another one formats differently.
const program = (
  createRequire(import.meta.url)('clang-format') as { getNativeBinary(): string }
).getNativeBinary();
const mode = process.argv.includes('--write') ? ['-i'] : ['--dry-run', '--Werror'];
const { status } = spawnSync(program, [...mode, ...files.map((name) => join('native', name))], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
