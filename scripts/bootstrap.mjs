/**
 * `npm run setup`, and the first thing that demo, test and bench do: everything that running needs, from a bare clone.
 * Packages, then libtorch, then the addon; each is skipped when nothing it depends on has changed.
 * Plain JavaScript on Node's own modules, because it runs before any package is installed.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withLock } from '../lib/setup/lock.mjs';
import { installPackages, packagesAreFresh } from './setup/packages.mjs';

const root = join(import.meta.dirname ?? '.', '..');
const oldestNode = [20, 19];

/** Sets up whatever is missing or out of date. Rejects with a message for a person. */
export async function bootstrap(flags = []) {
  if (!packagesAreFresh(root)) {
    await withLock(join(root, '.setup', 'lock'), 'npm packages', () => installPackages(root));
  }
  const { tsImport } = await import('tsx/esm/api');
  const { setUpNative } = await tsImport('./setup/native.ts', import.meta.url);
  await setUpNative(root, { sanitize: flags.includes('--sanitize') });
}

/** Prints a failure as its message alone: whoever sets up wants to know what to do, not where in these scripts it happened. */
export function fail(error) {
  console.error(`\n${process.env.XPMIR_DEBUG ? error.stack : error.message}`);
  process.exit(1);
}

export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  throw new Error(
    `Expected Node ${oldestNode.join('.')} or later but this is ${version}. Get one from nodejs.org, or with nvm: nvm install 22`,
  );
}

if (process.argv[1] && pathToFileURL(process.argv[1]).href === import.meta.url) {
  try {
    checkNode();
    if (!existsSync(join(root, 'package.json'))) throw new Error(`Expected package.json in ${root}`);
    await bootstrap(process.argv.slice(2));
    console.error('Everything is set up');
  } catch (error) {
    fail(error);
  }
}
