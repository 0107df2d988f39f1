/** What machine this is, and the packages that are built for such a one. */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ArgumentError } from './errors.ts';

/** Platforms with prebuilt packages. */
export const builtPlatforms: readonly string[] = ['linux-x64'];

/** The oldest glibc that the prebuilt addon and libtorch run on. `npm run package` checks their symbols against it. */
export const glibcFloor = '2.28';

/** Such as `linux-x64`. */
export function platformName(): string {
  return `${process.platform}-${process.arch}`;
}

/** The npm package with the addon, for this platform unless told otherwise. */
export function addonPackage(platform = platformName()): string {
  return `@xpmir/addon-${platform}`;
}

/** The npm package with the CPU build of libtorch, for this platform unless told otherwise. */
export function libtorchPackage(platform = platformName()): string {
  return `@xpmir/libtorch-cpu-${platform}`;
}

let glibc: string | null | undefined;

/** The glibc of this process, such as `2.36`; undefined where there is another C library, such as musl. */
export function glibcVersion(): string | undefined {
  if (glibc === undefined) {
    const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean };
    const { excludeNetwork } = report;
    report.excludeNetwork = true; // it would look up the names of all peers otherwise
    const { header } = report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
    report.excludeNetwork = excludeNetwork;
    glibc = header.glibcVersionRuntime ?? null;
  }
  return glibc ?? undefined;
}

/** Why libtorch does not run with the C library that is here; undefined where it does. */
function glibcProblem(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const version = glibcVersion();
  if (version === undefined)
    return 'this Linux has no glibc (Alpine has musl), for which there is no libtorch: use a system with glibc, such as the image node:22-slim';
  if (isOlder(version, glibcFloor))
    return `glibc ${version} is older than ${glibcFloor}, which libtorch needs: use a newer system, such as Debian 10, Ubuntu 20.04 or RHEL 8`;
  return undefined;
}

/** The error where neither libtorch nor an addon can run, wherever they come from; undefined where they can. */
export function platformError(): ArgumentError | undefined {
  const problem = glibcProblem();
  return problem === undefined ? undefined : wrongPlatform(problem);
}

/** The one wording for a platform that does not do. */
export function wrongPlatform(problem: string): ArgumentError {
  return new ArgumentError(`Expected a platform that xpmir is built for, but ${problem}`, 'ERR_NO_NATIVE');
}

/** Why nothing prebuilt runs here; undefined where it does. */
export function platformProblem(): string | undefined {
  const problem = glibcProblem();
  if (problem !== undefined) return problem;
  if (builtPlatforms.includes(platformName())) return undefined;
  return `there is no prebuilt addon for ${platformName()}, only for ${builtPlatforms.join(', ')}: \`npx xpmir build\` compiles one`;
}

/** Of two versions of numbers and points. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version.split('.').map(Number), than.split('.').map(Number)];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Whether these are the sources of a checkout, and not an installed package. */
export function isCheckout(): boolean {
  return existsSync(fileURLToPath(new URL('../scripts/bootstrap.mjs', import.meta.url)));
}

/** What a person types to get what is missing. */
export function setUpCommand(): string {
  return isCheckout() ? 'npm run setup' : 'npx xpmir setup';
}
