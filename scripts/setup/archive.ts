/** The vendor's own libtorch archive, for a machine without pip. */
import { mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pinnedVersion } from '../../lib/libtorch.ts';
import { verifyFile } from './checksums.ts';
import { download } from './download.ts';
import type { FetchedZip } from './libtorch.ts';

/**
 * Downloads the archive into `directory`, where a part that is there already is continued.
 * XPMIR_LIBTORCH_URL names a mirror (the folder that has the archive), XPMIR_LIBTORCH_SHA256 what it must be.
 */
export async function fetchArchive(directory: string, env: NodeJS.ProcessEnv): Promise<FetchedZip> {
  mkdirSync(directory, { recursive: true });
  const url = `${(env.XPMIR_LIBTORCH_URL ?? 'https://download.pytorch.org/libtorch/cpu').replace(/\/$/, '')}/${archiveName()}`;
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

function archiveName(): string {
  if (process.platform === 'linux' && process.arch === 'x64')
    return `libtorch-shared-with-deps-${pinnedVersion}%2Bcpu.zip`;
  if (process.platform === 'darwin' && process.arch === 'arm64')
    return `libtorch-macos-arm64-${pinnedVersion}.zip`;
  throw new Error(`there is no libtorch archive for ${process.platform} ${process.arch}`);
}
