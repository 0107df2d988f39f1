/** libtorch for a build: the one that is found, or else the pinned one, fetched into the cache that all checkouts share. */
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
} from '../../lib/libtorch.ts';
import { fetchArchive } from './archive.ts';
import { withLock } from './lock.mjs';
import { fetchWheel, pythonWithPip } from './pip.ts';
import { unpack } from './unpack.ts';

/** A fetched zip file, and the folder inside it that is libtorch. */
export interface FetchedZip {
  readonly path: string;
  readonly folder: string;
  /** Removes what is no longer needed once it is unpacked. */
  readonly discard: () => void;
}

const stagingPrefix = '.staging-';

/** The libtorch to build against, with headers; fetched when there is none. */
export async function ensureLibtorch(env: NodeJS.ProcessEnv = process.env): Promise<Libtorch> {
  const found = tryLocate(env);
  if (!(found instanceof LibtorchError)) return found;
  if (env.XPMIR_LIBTORCH) throw found; // asked for by name: putting another one in its place would hide the mistake
  const cache = cacheDirectory(env);
  mkdirSync(cache, { recursive: true });
  return withLock(join(cache, '.lock'), 'libtorch', async () => {
    const since = tryLocate(env);
    if (!(since instanceof LibtorchError)) return since;
    await fetchInto(cache, env, since.tried);
    return locateLibtorch({ headers: true, builtFor: undefined, env });
  });
}

function tryLocate(env: NodeJS.ProcessEnv): Libtorch | LibtorchError {
  try {
    return locateLibtorch({ headers: true, builtFor: undefined, env });
  } catch (error) {
    if (error instanceof LibtorchError) return error;
    throw error;
  }
}

/** Everything happens beside the final place, and appears there in one rename. Called under the cache's lock. */
async function fetchInto(cache: string, env: NodeJS.ProcessEnv, tried: readonly Attempt[]): Promise<void> {
  for (const left of readdirSync(cache).filter((name) => name.startsWith(stagingPrefix))) {
    rmSync(join(cache, left), { recursive: true, force: true }); // of a process that was killed: we hold the lock
  }
  const staging = mkdtempSync(join(cache, stagingPrefix));
  try {
    const zip = await fetchZip(cache, staging, env, tried);
    const unpacked = join(staging, 'libtorch');
    await unpack(zip, unpacked);
    const version = libtorchVersion(unpacked);
    if (version === undefined)
      throw new Error('The fetched libtorch says no version: it is not what was asked for');
    const place = join(cache, version.includes('+') ? version : `${version}+cpu`);
    if (existsSync(place)) renameSync(place, join(staging, 'replaced')); // it was there, yet not usable
    renameSync(unpacked, place);
    zip.discard();
    console.error(`libtorch ${version} is in ${place}`);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

async function fetchZip(
  cache: string,
  staging: string,
  env: NodeJS.ProcessEnv,
  tried: readonly Attempt[],
): Promise<FetchedZip> {
  const failures: Attempt[] = [];
  const python = pythonWithPip(env);
  if (python === undefined) {
    failures.push({ source: 'pip', place: env.XPMIR_PYTHON ?? 'python3', outcome: 'no Python with pip' });
  } else {
    try {
      return await fetchWheel(python, staging, env);
    } catch (error) {
      failures.push({ source: 'pip', place: python, outcome: (error as Error).message });
    }
  }
  try {
    return await fetchArchive(join(cache, '.download'), env);
  } catch (error) {
    failures.push({
      source: 'download',
      place: (error as { url?: string }).url ?? 'archive',
      outcome: (error as Error).message,
    });
  }
  throw new LibtorchError('ERR_LIBTORCH_NOT_FOUND', notFoundMessage([...tried, ...failures]), [
    ...tried,
    ...failures,
  ]);
}
