/**
 * Puts packages for other systems into package-lock.json that npm left out, and with `--check` fails where some are
 * missing. npm leaves out what a registry mirror does not have, and `npm ci` then refuses the lock file everywhere.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

export interface Lock {
  packages: Record<string, LockEntry>;
}

/** Names and versions that a lock entry wants and the lock does not have, with the one that wants them. */
function missingEntries({ packages }: Lock): { name: string; version: string; dev: boolean }[] {
  return Object.entries(packages).flatMap(([path, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`])
      .map(([name, version]) => ({ name, version, dev: entry.dev === true })),
  );
}

/** The system that a package is for, as the last words of its name say; without it npm would install all of them. */
export function systemOf(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> {
  const match = /[-/](aix|android|darwin|freebsd|linux|openharmony|win32)-([a-z0-9]+)(?:-([a-z]+))?$/.exec(
    name,
  );
  if (match === null)
    throw new Error(`Expected the name of ${name} to end with a system such as linux-x64-gnu`);
  const [, os, cpu, variant] = match as unknown as [string, string, string, string | undefined];
  const libc =
    os !== 'linux' || variant === undefined ? {} : { libc: [variant.startsWith('musl') ? 'musl' : 'glibc'] };
  return { os: [os], cpu: [cpu], ...libc };
}

/** The lock with an entry for every optional package; `missing` names those that it did not have. */
export function completed(lock: Lock): { lock: Lock; missing: string[] } {
  const missing = missingEntries(lock);
  const packages = { ...lock.packages };
  for (const { name, version, dev } of missing) {
    if (!/^\d+\.\d+\.\d+/.test(version))
      throw new Error(`Expected an exact version for ${name} but received ${version}`);
    packages[`node_modules/${name}`] = { version, ...systemOf(name), ...(dev && { dev }), optional: true };
  }
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  return {
    lock: { ...lock, packages: Object.fromEntries(sorted) },
    missing: missing.map(({ name }) => name),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const path = join(import.meta.dirname, '..', 'package-lock.json');
  const { lock, missing } = completed(JSON.parse(readFileSync(path, 'utf8')) as Lock);
  if (process.argv.includes('--check')) {
    for (const name of missing) console.error(`package-lock.json lacks ${name}: run npm run lock`);
    if (missing.length > 0) process.exit(1);
  } else {
    writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
    console.log(`${missing.length} packages of other systems added`);
  }
}
