import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type BuiltAddon, compiledDirectory } from '../addon.ts';
import { ArgumentError } from '../errors.ts';
import { packageVersion } from '../packageVersion.ts';
import { compile } from './compile.ts';
import { ensureLibtorch } from './libtorch.ts';
import { withLock } from './lock.mjs';
import { makeDirectory } from './space.ts';
import { checkBuildTools } from './tools.ts';

const sourcePackage = '@xpmir/source';

/**
 * Compiles the addon from the npm package `@xpmir/source` into the cache, where programs find it, for the libtorch that is
 * found (with headers, as Python's torch has) or for one that is fetched.
 *
 * @throws ArgumentError `ERR_NO_NATIVE` where the package is not installed or of another version
 * @throws Error where a compiler or CMake is missing, with how to get it, or where they failed
 */
export async function buildFromSource(env: NodeJS.ProcessEnv = process.env): Promise<BuiltAddon> {
  const source = sourceDirectory();
  checkBuildTools(env);
  const libtorch = await ensureLibtorch(env);
  const root = compiledDirectory(env);
  const directory = join(root, libtorch.version);
  makeDirectory(root);
  await withLock(join(root, '.lock'), 'the addon', () =>
    compile({ source, work: join(root, '.work', libtorch.version), output: directory, libtorch }),
  );
  return { directory, libtorch: libtorch.version, source: 'xpmir build' };
}

/** Resolved from us and from the project: a strict installer shows a package only to the one that declares it. */
function sourceDirectory(): string {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    const require = createRequire(from);
    try {
      const description = require.resolve(`${sourcePackage}/package.json`);
      const { version } = require(description) as { readonly version: string };
      if (version === packageVersion()) return dirname(description);
      throw new ArgumentError(
        `Expected ${sourcePackage} ${packageVersion()} but received ${version}: npm install --save-dev ${sourcePackage}@${packageVersion()}`,
        'ERR_NO_NATIVE',
      );
    } catch (error) {
      if (error instanceof ArgumentError) throw error;
    }
  }
  throw new ArgumentError(
    `Expected the npm package ${sourcePackage}, which is not installed: npm install --save-dev ${sourcePackage}@${packageVersion()}`,
    'ERR_NO_NATIVE',
  );
}
