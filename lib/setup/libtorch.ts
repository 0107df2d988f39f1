/** libtorch for a person: the one that is found, or else one fetched into the cache that all projects share. */
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { damagedLibtorch, damageOf } from '../damage.ts';
import {
  type Attempt,
  cacheDirectory,
  type Libtorch,
  LibtorchError,
  libtorchVersion,
  locateLibtorch,
  notFoundMessage,
  pinnedVersion,
} from '../libtorch.ts';
import { platformError } from '../platform.ts';
import { fetchArchive } from './archive.ts';
import { withLock } from './lock.mjs';
import { fetchWheel, pythonWithPip } from './pip.ts';
import { isOfDisk, makeDirectory, writeProblem } from './space.ts';
import { unpack } from './unpack.ts';
import type { Variant } from './variants.ts';

/** Which libtorch to get. */
export interface LibtorchRequest {
  readonly version: string;
  readonly variant: Variant;
  /** A wheel or an archive that is here already, instead of the network. */
  readonly file?: string | undefined;
  /** The address of the folder that has the vendor's archive. */
  readonly mirror?: string | undefined;
  /** Whether something is to be compiled against it. */
  readonly headers?: boolean;
}

/** A zip file, and the folder inside it that is libtorch. */
export interface FetchedZip {
  readonly path: string;
  readonly folder: string;
  /** Removes what is no longer needed once it is unpacked. */
  readonly discard: () => void;
}

const stagingPrefix = '.staging-';
const downloads = '.download';

/** The libtorch to build against, with headers; fetched when there is none. */
export async function ensureLibtorch(env: NodeJS.ProcessEnv = process.env): Promise<Libtorch> {
  const wrong = platformError();
  if (wrong !== undefined) throw wrong;
  const found = tryLocate(env);
  if (!(found instanceof LibtorchError)) return found;
  if (env.XPMIR_LIBTORCH) throw found; // asked for by name: putting another one in its place would hide the mistake
  return inCache(env, async () => {
    const since = tryLocate(env);
    if (!(since instanceof LibtorchError)) return since;
    const request = { version: pinnedVersion, variant: 'cpu', headers: true } as const;
    await fetchInto(cacheDirectory(env), request, env, since.tried);
    return locateLibtorch({ headers: true, builtFor: [], env });
  });
}

/**
 * Gets a libtorch into the cache, unless it is there.
 *
 * @returns its directory
 * @throws LibtorchError `ERR_LIBTORCH_NOT_FOUND` that names everything which was tried
 */
export async function fetchLibtorch(
  request: LibtorchRequest,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  return inCache(env, async () => {
    const place = join(cacheDirectory(env), `${request.version}+${request.variant}`);
    if (request.file === undefined && isUsable(place)) return place;
    return fetchInto(cacheDirectory(env), request, env, []);
  });
}

function isUsable(directory: string): boolean {
  return libtorchVersion(directory) !== undefined && damageOf(directory) === undefined;
}

/**
 * Removes every libtorch that was fetched, what an unfinished download left, and what was chosen.
 *
 * @returns whether there was anything
 */
export async function removeFetched(env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  const cache = cacheDirectory(env);
  if (!existsSync(cache)) return false;
  return inCache(env, async () => {
    const names = readdirSync(cache).filter((entry) => entry !== lockName);
    for (const name of names) rmSync(join(cache, name), { recursive: true, force: true });
    return names.length > 0;
  });
}

const lockName = '.lock';

async function inCache<T>(env: NodeJS.ProcessEnv, body: () => Promise<T>): Promise<T> {
  const cache = cacheDirectory(env);
  try {
    makeDirectory(cache);
    return await withLock(join(cache, lockName), 'libtorch', body);
  } catch (error) {
    throw writeProblem(cache, error);
  }
}

function tryLocate(env: NodeJS.ProcessEnv): Libtorch | LibtorchError {
  try {
    const found = locateLibtorch({ headers: true, builtFor: [], env });
    const damage = damageOf(found.directory);
    if (damage === undefined) return found;
    const { source, directory: place, tried } = found;
    if (source !== 'cache') throw damagedLibtorch(found, damage);
    return new LibtorchError('ERR_LIBTORCH_NOT_FOUND', damage, [
      ...tried,
      { source, place, outcome: damage },
    ]);
  } catch (error) {
    if (error instanceof LibtorchError) return error;
    throw error;
  }
}

/** Everything happens beside the final place, and appears there in one rename. Called under the cache's lock. */
async function fetchInto(
  cache: string,
  request: LibtorchRequest,
  env: NodeJS.ProcessEnv,
  tried: readonly Attempt[],
): Promise<string> {
  for (const left of readdirSync(cache).filter((name) => name.startsWith(stagingPrefix))) {
    rmSync(join(cache, left), { recursive: true, force: true }); // of a process that was killed: we hold the lock
  }
  const staging = mkdtempSync(join(cache, stagingPrefix));
  try {
    const zip = await getZip(cache, staging, request, env, tried);
    const unpacked = join(staging, 'libtorch');
    await unpackOrDiscard(zip, unpacked, request);
    const version = libtorchVersion(unpacked);
    if (version === undefined)
      throw new Error('The fetched libtorch says no version: it is not what was asked for');
    const place = join(cache, version.includes('+') ? version : `${version}+${request.variant}`);
    if (existsSync(place)) renameSync(place, join(staging, 'replaced')); // it was there, yet not usable
    renameSync(unpacked, place);
    zip.discard();
    console.error(`libtorch ${version} is in ${place}`);
    return place;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** What is no libtorch must not be there for the next try, which would take it for fetched already. */
async function unpackOrDiscard(zip: FetchedZip, directory: string, { file }: LibtorchRequest): Promise<void> {
  try {
    await unpack(zip, directory);
  } catch (error) {
    if (file !== undefined || isOfDisk(error)) throw error;
    zip.discard();
    throw new Error(
      `${(error as Error).message} (removed: the next set-up fetches it again). Where the same comes again, use \
\`npx xpmir setup --mirror URL\` or \`--from PATH\`, or look at HTTPS_PROXY, HTTP_PROXY and NO_PROXY`,
    );
  }
}

async function getZip(
  cache: string,
  staging: string,
  request: LibtorchRequest,
  env: NodeJS.ProcessEnv,
  tried: readonly Attempt[],
): Promise<FetchedZip> {
  if (request.file !== undefined)
    return {
      path: request.file,
      folder: request.file.endsWith('.whl') ? 'torch/' : 'libtorch/',
      discard: () => {},
    };
  const failures: Attempt[] = [];
  // A wheel with CUDA needs a dozen others beside it; the vendor's archive has all in one.
  if (request.variant === 'cpu' && request.mirror === undefined) {
    const wheel = await tryWheel(staging, request, env);
    if ('path' in wheel) return wheel;
    failures.push(wheel);
  }
  try {
    return await fetchArchive(join(cache, downloads), request, env);
  } catch (error) {
    const { url = 'archive', message } = error as Error & { readonly url?: string };
    if (writeProblem(cache, error) !== error) throw error;
    failures.push({ source: 'download', place: url, outcome: message });
  }
  const all = [...tried, ...failures];
  const need = { builtFor: [request.version], headers: request.headers === true };
  throw new LibtorchError('ERR_LIBTORCH_NOT_FOUND', notFoundMessage(all, need), all);
}

async function tryWheel(
  staging: string,
  request: LibtorchRequest,
  env: NodeJS.ProcessEnv,
): Promise<FetchedZip | Attempt> {
  const python = pythonWithPip(env);
  if (python === undefined)
    return { source: 'pip', place: env.XPMIR_PYTHON ?? 'python3', outcome: 'no Python with pip' };
  try {
    return await fetchWheel(python, staging, request, env);
  } catch (error) {
    return { source: 'pip', place: python, outcome: (error as Error).message };
  }
}
