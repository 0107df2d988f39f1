/** Small disks of their own, for tests that fill them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where a file system of some kilobytes is, read-only if asked for; undefined where one may not mount any. */
export function mountTmpfs(kilobytes: number, readOnly = false): string | undefined {
  const path = mkdtempSync(join(tmpdir(), 'xpmir-full-'));
  const options = ['-t', 'tmpfs', '-o', `size=${kilobytes}k,${readOnly ? 'ro' : 'rw'}`, 'tmpfs', path];
  if (spawnSync('mount', options, { stdio: 'ignore' }).status === 0) return path;
  rmSync(path, { recursive: true });
  return undefined;
}

export function unmount(path: string): void {
  execFileSync('umount', [path]);
  rmSync(path, { recursive: true });
}
