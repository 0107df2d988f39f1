/** The vendor's own libtorch archive: for a machine without pip, and for CUDA. */
import { mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { verifyFile } from './checksums.ts';
import { download } from './download.ts';
import type { FetchedZip, LibtorchRequest } from './libtorch.ts';
import { archiveName } from './variants.ts';

/** Where the archive is; XPMIR_LIBTORCH_URL names a mirror, the folder that has it. */
export function archiveUrl({ version, variant, mirror }: LibtorchRequest, env: NodeJS.ProcessEnv): string {
  const folder = mirror ?? env.XPMIR_LIBTORCH_URL ?? `https://download.pytorch.org/libtorch/${variant}`;
  return `${folder.replace(/\/$/, '')}/${archiveName(version, variant)}`;
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
    throw Object.assign(error as Error, { url });
  }
}
