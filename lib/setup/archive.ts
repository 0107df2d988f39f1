/** The vendor's own libtorch archive: for a machine without pip, and for CUDA. */
import { mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expected } from '../errors.ts';
import { verifyFile } from './checksums.ts';
import { download, shown } from './download.ts';
import type { FetchedZip, LibtorchRequest } from './libtorch.ts';
import { archiveName } from './variants.ts';

/** Where the archive is; XPMIR_LIBTORCH_URL names a mirror, the folder that has it. */
export function archiveUrl({ version, variant, mirror }: LibtorchRequest, env: NodeJS.ProcessEnv): string {
  const folder = mirror ?? env.XPMIR_LIBTORCH_URL ?? `https://download.pytorch.org/libtorch/${variant}`;
  if (!URL.canParse(folder))
    throw expected('the address of a folder, such as https://host/path,', 'mirror', folder);
  const url = new URL(folder);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/${archiveName(version, variant)}`;
  return url.href;
}

/** Whoever is between could change what comes without encryption, and no archive's SHA-256 is known to us. */
function warnOfPlain({ protocol, hostname, origin }: URL, env: NodeJS.ProcessEnv): void {
  const isHere = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
  if (protocol !== 'http:' || isHere || env.XPMIR_LIBTORCH_SHA256) return;
  console.error(
    `Warning: ${origin} is not encrypted, and what comes from there is not known to be what was asked for: set XPMIR_LIBTORCH_SHA256 to its SHA-256`,
  );
}

/**
 * Downloads the archive into `directory`, where a part that is there already is continued.
 * XPMIR_LIBTORCH_SHA256 says what it must be.
 */
export async function fetchArchive(
  directory: string,
  request: LibtorchRequest,
  env: NodeJS.ProcessEnv,
): Promise<FetchedZip> {
  mkdirSync(directory, { recursive: true });
  const url = archiveUrl(request, env);
  warnOfPlain(new URL(url), env);
  try {
    const path = await download(url, join(directory, basename(new URL(url).pathname)), env);
    try {
      await verifyFile(path, env.XPMIR_LIBTORCH_SHA256);
    } catch (error) {
      rmSync(path); // or the next try would find it complete, and wrong again
      throw error;
    }
    return { path, folder: 'libtorch/', discard: () => rmSync(directory, { recursive: true, force: true }) };
  } catch (error) {
    throw Object.assign(error as Error, { url: shown(url) });
  }
}
