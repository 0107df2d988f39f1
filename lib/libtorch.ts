/**
 * Where libtorch is. The one search order, used when a program starts and by the set-up script. Only Node's own
 * modules, synchronous, and no Python is started: version files are read instead.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { builtAddons } from './addon.ts';
import { cacheRoot } from './cache.ts';
import type { ErrorCode } from './errors.ts';
import { listDirectory } from './listDirectory.ts';
import { builtPlatforms, isCheckout, libtorchPackage, platformName, setUpCommand } from './platform.ts';
import { pythonTorches } from './pythonTorch.ts';

/** Versions whose headers and behaviour this package is written for; libtorch's C++ interface changes with each minor one. */
export const supportedVersions: readonly string[] = ['2.11', '2.12', '2.13', '2.14'];

/** The version that is fetched when none is found, and the one whose numbers the tests compare with. */
export const pinnedVersion = '2.13.0';

export type LibtorchSource =
  | 'XPMIR_LIBTORCH'
  | 'xpmir setup'
  | 'npm package'
  | 'Python'
  | 'cache'
  | 'pip'
  | 'download';

/** One place that was looked at, and why it was not taken. */
export interface Attempt {
  readonly source: LibtorchSource;
  readonly place: string;
  readonly outcome: string;
}

/** A libtorch: `directory` has `lib/` (and `include/` where headers were asked for). */
export interface Libtorch {
  readonly directory: string;
  readonly version: string;
  readonly source: LibtorchSource;
  readonly tried: readonly Attempt[];
}

export interface LocateOptions {
  /** Only a libtorch of one of these versions' minors will do; any if empty. Default: what the addons that are there were compiled against. */
  readonly builtFor?: readonly string[];
  /** Whether `include/` must be there too, as it must for a build. Default: false. */
  readonly headers?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export type LibtorchErrorCode = Extract<ErrorCode, `ERR_LIBTORCH_${string}`>;

/** No libtorch, or not the one that is needed. `tried` holds every place that was looked at. */
export class LibtorchError extends Error {
  readonly code: LibtorchErrorCode;
  readonly #tried: readonly Attempt[]; // private, so that an uncaught error prints its message and not this list too

  constructor(code: LibtorchErrorCode, message: string, tried: readonly Attempt[]) {
    super(message);
    this.name = 'LibtorchError';
    this.code = code;
    this.#tried = tried;
  }

  get tried(): readonly Attempt[] {
    return this.#tried;
  }
}

const extension = process.platform === 'darwin' ? 'dylib' : 'so';

/** The file to open first: it is what pulls the CUDA libraries in where there are some. */
export function libtorchFile(directory: string): string {
  return join(directory, 'lib', `libtorch.${extension}`);
}

/** `2.13.0+cpu` -> `2.13`. */
export function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** The version of the libtorch in a directory: a wheel says it in `version.py`, the vendor's archive in `build-version`. */
export function libtorchVersion(directory: string): string | undefined {
  const python = readText(join(directory, 'version.py'));
  return (
    /^__version__\s*=\s*['"]([^'"]+)['"]/m.exec(python)?.[1] ??
    (readText(join(directory, 'build-version')).trim() || undefined)
  );
}

/** The directory under which set-up keeps the libtorch builds that it fetched. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheRoot(env), 'libtorch');
}

/** The file in which `xpmir setup` notes the libtorch that a person asked for: `{ "directory": ... }`. */
export function choiceFile(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheDirectory(env), 'chosen.json');
}

/** The directory that `xpmir setup` was told to use; undefined where it was not. */
export function chosenDirectory(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const text = readText(choiceFile(env));
  return text === '' ? undefined : (JSON.parse(text) as { readonly directory: string }).directory;
}

/**
 * Finds libtorch: XPMIR_LIBTORCH, what `xpmir setup` was told to use, the npm package of this platform, an installed
 * Python torch, then our cache.
 *
 * An XPMIR_LIBTORCH that cannot be used is an error; every other place is passed over, and said in `tried`.
 *
 * @throws LibtorchError `ERR_LIBTORCH_NOT_FOUND`, or `ERR_LIBTORCH_VERSION` when only other versions were found.
 */
export function locateLibtorch(options: LocateOptions = {}): Libtorch {
  const { env = process.env, cwd = process.cwd(), headers = false } = options;
  const builtFor = options.builtFor ?? builtAddons(env).map(({ libtorch }) => libtorch);
  const tried: Attempt[] = [];
  let otherVersion: { directory: string; version: string } | undefined;

  for (const { source, place } of candidates(env, cwd, tried)) {
    const version = libtorchVersion(place);
    const missing = missingPart(place, headers);
    const problem = missing ?? versionProblem(version, builtFor);
    if (problem === undefined) return { directory: place, version: version as string, source, tried };
    tried.push({ source, place, outcome: problem });
    if (missing === undefined && version !== undefined) otherVersion ??= { directory: place, version };
    if (source === 'XPMIR_LIBTORCH') break;
  }
  if (otherVersion !== undefined) throw versionError(otherVersion, builtFor, tried);
  throw new LibtorchError('ERR_LIBTORCH_NOT_FOUND', notFoundMessage(tried, { builtFor, headers }), tried);
}

/** What a libtorch must be to help. */
export interface Need {
  /** Versions that the addons which are there were compiled against; any supported one if empty. */
  readonly builtFor: readonly string[];
  /** Whether something is compiled with its headers. */
  readonly headers: boolean;
}

/** What was tried, and the ways out that are open in this case. */
export function notFoundMessage(tried: readonly Attempt[], need: Need): string {
  const places = tried.map(({ source, place, outcome }) => `  ${source}: ${place}: ${outcome}`);
  const ways = waysOut(tried, need).map((way, i) => `  ${i + 1}. ${way}`);
  return ['libtorch was not found. Tried:', ...places, 'Any one of these helps:', ...ways].join('\n');
}

function waysOut(tried: readonly Attempt[], { builtFor, headers }: Need): string[] {
  const minors = builtFor.length === 0 ? supportedVersions : [...new Set(builtFor.map(minorOf))];
  const takesPinned = minors.includes(minorOf(pinnedVersion));
  const version = takesPinned ? pinnedVersion : (builtFor[0] as string).split('+')[0];
  const isRefused = tried.some(({ source }) => source === 'download');
  const isPackaged = builtPlatforms.includes(platformName()) && !isCheckout() && takesPinned && !headers;
  return [
    isRefused
      ? 'Another way to the archive: `npx xpmir setup --mirror URL` (or XPMIR_LIBTORCH_URL) from a mirror, `npx xpmir setup --from PATH` \
with an archive or a wheel that was fetched elsewhere, HTTPS_PROXY or HTTP_PROXY through a proxy'
      : `With a network: \`${setUpCommand()}\` fetches libtorch ${version} for CPU into ${cacheDirectory()}`,
    ...(isPackaged
      ? [
          `Install the npm package ${libtorchPackage()}, an optional dependency of xpmir: remove node_modules and package-lock.json and run \`npm install --include=optional\``,
        ]
      : []),
    `Install PyTorch ${minors.length > 2 ? `${minors[0]} to ${minors.at(-1)}` : minors.join(' or ')} and activate its environment: pip install torch==${version}`,
    `Set XPMIR_LIBTORCH to a directory with lib/${headers ? ' and include/' : ''}: an unpacked libtorch, or the torch/ folder of a Python installation`,
  ];
}

function* candidates(
  env: NodeJS.ProcessEnv,
  cwd: string,
  tried: Attempt[],
): Generator<{ source: LibtorchSource; place: string }> {
  if (env.XPMIR_LIBTORCH) {
    yield { source: 'XPMIR_LIBTORCH', place: resolve(cwd, env.XPMIR_LIBTORCH) };
  } else {
    tried.push({ source: 'XPMIR_LIBTORCH', place: 'environment', outcome: 'not set' });
  }
  const chosen = chosenDirectory(env);
  if (chosen !== undefined) yield { source: 'xpmir setup', place: chosen };
  for (const place of npmPackages(cwd, tried)) yield { source: 'npm package', place };
  for (const place of pythonTorches(env, (where) =>
    tried.push({ source: 'Python', place: where, outcome: 'no torch' }),
  )) {
    yield { source: 'Python', place };
  }
  const cache = cacheDirectory(env);
  const cached = listDirectory(cache).filter((name) => /^\d+\.\d+\.\d+\+[\w.]+$/.test(name));
  cached.sort(
    (a, b) => Number(b.startsWith(pinnedVersion)) - Number(a.startsWith(pinnedVersion)) || (a < b ? 1 : -1),
  );
  if (cached.length === 0) tried.push({ source: 'cache', place: cache, outcome: 'empty' });
  for (const name of cached) yield { source: 'cache', place: join(cache, name) };
}

/** Resolved from us and from the program: a strict installer shows a package only to the one that declares it. */
function npmPackages(cwd: string, tried: Attempt[]): readonly string[] {
  const name = libtorchPackage();
  const found = new Set<string>();
  for (const from of [import.meta.url, join(cwd, 'package.json')]) {
    try {
      found.add(dirname(createRequire(from).resolve(`${name}/package.json`)));
    } catch {
      // not installed where this one looks
    }
  }
  if (found.size === 0) tried.push({ source: 'npm package', place: name, outcome: 'not installed' });
  return [...found];
}

function missingPart(directory: string, headers: boolean): string | undefined {
  if (!existsSync(libtorchFile(directory))) return `has no lib/libtorch.${extension}`;
  if (headers && !existsSync(join(directory, 'include', 'ATen', 'ATen.h')))
    return 'has no include/ with the headers';
  return undefined;
}

function versionProblem(version: string | undefined, builtFor: readonly string[]): string | undefined {
  if (version === undefined) return 'says no version (neither version.py nor build-version)';
  const minor = minorOf(version);
  if (!supportedVersions.includes(minor))
    return `version ${version}, supported are ${supportedVersions.join(', ')}`;
  if (builtFor.length > 0 && !builtFor.map(minorOf).includes(minor))
    return `version ${version}, the addon is built for ${builtFor.join(', ')}`;
  return undefined;
}

function versionError(
  found: { directory: string; version: string },
  builtFor: readonly string[],
  tried: readonly Attempt[],
): LibtorchError {
  const minors = builtFor.map(minorOf).join(', ');
  const needed = minors === '' ? supportedVersions.join(', ') : `${minors}, which the addon is built for`;
  const message = `Found libtorch ${found.version} in ${found.directory} but needed version ${needed}. To fix it, run \
\`${setUpCommand()}\`${isCheckout() ? ' to build for what is installed' : ` to fetch libtorch ${pinnedVersion}, \`npx xpmir build\` to compile for what is installed`}, \
or set XPMIR_LIBTORCH to a libtorch ${minors || minorOf(pinnedVersion)}.`;
  return new LibtorchError('ERR_LIBTORCH_VERSION', message, tried);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
