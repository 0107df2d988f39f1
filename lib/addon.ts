/** Where the native addon is: compiled in this checkout, by `xpmir build`, or from the npm package of this platform. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheRoot } from './cache.ts';
import { listDirectory } from './listDirectory.ts';
import { packageVersion } from './packageVersion.ts';
import { addonPackage, isCheckout, platformProblem, setUpCommand, wrongPlatform } from './platform.ts';

export type AddonSource = 'XPMIR_ADDON_ROOT' | 'this checkout' | 'xpmir build' | 'npm package';

/** An addon: `directory` has `addon.node`, `preload.node`, and `addon.json`, which says what it was compiled against. */
export interface BuiltAddon {
  readonly directory: string;
  /** Version of libtorch. */
  readonly libtorch: string;
  readonly source: AddonSource;
}

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Every addon that could be loaded, the preferred ones first. XPMIR_ADDON_ROOT names the root of another build, such as
 * the one with sanitizers, and then there is no other.
 */
export function builtAddons(env: NodeJS.ProcessEnv = process.env): BuiltAddon[] {
  if (env.XPMIR_ADDON_ROOT)
    return addonAt(join(resolve(env.XPMIR_ADDON_ROOT), 'build', 'Release'), 'XPMIR_ADDON_ROOT');
  return [
    ...addonAt(join(packageRoot, 'build', 'Release'), 'this checkout'),
    ...addonsUnder(compiledDirectory(env), 'xpmir build'),
    ...addonsUnder(packageDirectory(), 'npm package'),
  ];
}

/** The directory under which `xpmir build` puts an addon for each version of libtorch. */
export function compiledDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheRoot(env), 'addon', packageVersion());
}

/** The directory of this platform's npm package; undefined where it is not installed. */
export function packageDirectory(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${addonPackage()}/package.json`));
  } catch {
    return undefined;
  }
}

function addonsUnder(directory: string | undefined, source: AddonSource): BuiltAddon[] {
  if (directory === undefined) return [];
  const versions = listDirectory(directory).filter((name) => /^\d+\.\d+/.test(name));
  return versions.flatMap((version) => addonAt(join(directory, version), source));
}

function addonAt(directory: string, source: AddonSource): BuiltAddon[] {
  const stamp = join(directory, 'addon.json');
  if (!existsSync(stamp)) return [];
  const { libtorch } = JSON.parse(readFileSync(stamp, 'utf8')) as { readonly libtorch: string };
  return [{ directory, libtorch, source }];
}

/** What is said to a person where there is none: why, and how to get one. */
export function noAddonMessage(): string {
  if (isCheckout()) return `Expected the native addon, which is not built: run \`${setUpCommand()}\``;
  const problem = platformProblem();
  if (problem !== undefined) return wrongPlatform(problem).message;
  return `Expected the npm package ${addonPackage()}, which is not installed. It is an optional dependency of xpmir: installing \
with --omit=optional leaves it out, and so does npm before 11.3 with a lock file that was made on another system. To get it, \
remove node_modules and package-lock.json and run \`npm install --include=optional\`, or compile one: \`npx xpmir build\``;
}
