/** libtorch for a person: the one that is found, or else one fetched into the cache that all projects share. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
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
import { fetchArchive } from './archive.ts';
import { withLock } from './lock.mjs';
import { fetchWheel, pythonWithPip } from './pip.ts';
import { writeProblem } from './space.ts';
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
  const found = tryLocate(env);
  if (!(found instanceof LibtorchError)) return found;
  if (env.XPMIR_LIBTORCH) throw found; // asked for by name: putting another one in its place would hide the mistake
  return inCache(env, async () => {
    const since = tryLocate(env);
    if (!(since instanceof LibtorchError)) return since;
    await fetchInto(cacheDirectory(env), { version: pinnedVersion, variant: 'cpu' }, env, since.tried);
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
    if (request.file === undefined && libtorchVersion(place) !== undefined) return place;
    return fetchInto(cacheDirectory(env), request, env, []);
  });
}

/** Removes every libtorch that was fetched, and what an unfinished download left. */
export async function removeFetched(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  await inCache(env, async () => {
    const cache = cacheDirectory(env);
    for (const name of readdirSync(cache).filter((entry) => entry !== lockName))
      rmSync(join(cache, name), { recursive: true, force: true });
  });
}

const lockName = '.lock';

async function inCache<T>(env: NodeJS.ProcessEnv, body: () => Promise<T>): Promise<T> {
  const cache = cacheDirectory(env);
  try {
    mkdirSync(cache, { recursive: true });
    return await withLock(join(cache, lockName), 'libtorch', body);
  } catch (error) {
    throw writeProblem(cache, error);
  }
}

function tryLocate(env: NodeJS.ProcessEnv): Libtorch | LibtorchError {
  try {
    return locateLibtorch({ headers: true, builtFor: [], env });
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
    await unpack(zip, unpacked);
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
  throw new LibtorchError('ERR_LIBTORCH_NOT_FOUND', notFoundMessage(all), all);
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
