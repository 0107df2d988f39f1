/** The folders of the packages, as they are packed. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minorOf } from '../../lib/libtorch.ts';
import { addonManifest, libtorchManifest, mainManifest, sourceManifest } from './manifests.ts';

/** A compiled addon: its directory, and the version of libtorch that it is for. */
export interface Compiled {
  readonly directory: string;
  readonly libtorch: string;
}

function begin(directory: string, manifest: object): string {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return directory;
}

/** JavaScript, types, the sources that both map to, and the pages that the README names. */
export function stageMain(root: string, directory: string, libtorchVersion: string): string {
  begin(directory, mainManifest(root, libtorchVersion));
  for (const name of [
    'dist',
    'lib',
    'docs',
    'bench/RESULTS.md',
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'LICENSE',
  ])
    cpSync(join(root, name), join(directory, name), { recursive: true });
  return directory;
}

/** One folder for each minor version of libtorch. */
export function stageAddon(root: string, directory: string, compiled: readonly Compiled[]): string {
  begin(directory, addonManifest(root));
  cpSync(join(root, 'LICENSE'), join(directory, 'LICENSE'));
  for (const { directory: from, libtorch } of compiled) {
    const place = join(directory, minorOf(libtorch));
    mkdirSync(place);
    for (const name of ['addon.node', 'preload.node']) strip(join(from, name), join(place, name));
    writeFileSync(join(place, 'addon.json'), `${JSON.stringify({ libtorch })}\n`);
  }
  return directory;
}

const notice = `libtorch is PyTorch's: licenses/LICENSE, and what it has of others in licenses/third_party.

lib/libgomp.so.1 is the OpenMP runtime of GCC, as PyTorch ships it: GPL-3.0-or-later with the GCC Runtime Library Exception 3.1, by
which programs that use it are free of the GPL. Its sources are those of GCC, gcc.gnu.org.

lib/libtorch_cpu.so has parts of Intel's oneMKL linked in, under the Intel Simplified Software License.
`;

const libraries = ['libtorch.so', 'libtorch_cpu.so', 'libc10.so', 'libgomp.so.1'];

/** The four libraries that a program needs, and the licences. */
export function stageLibtorch(from: string, directory: string, version: string): string {
  begin(directory, libtorchManifest(version));
  mkdirSync(join(directory, 'lib'));
  for (const name of libraries) strip(realpathSync(join(from, 'lib', name)), join(directory, 'lib', name));
  writeFileSync(join(directory, 'build-version'), `${version}+cpu\n`);
  writeFileSync(join(directory, 'NOTICE'), notice);
  cpSync(licencesOf(from), join(directory, 'licenses'), { recursive: true });
  return directory;
}

/** A fetched libtorch has its licences inside, an installed torch beside it. */
function licencesOf(libtorch: string): string {
  const beside = join(libtorch, '..');
  const installed = readdirSync(beside)
    .filter((name) => /^torch-.*\.dist-info$/.test(name))
    .map((name) => join(beside, name, 'licenses'));
  const found = [join(libtorch, 'licenses'), ...installed].find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new Error(
    `Expected the licences of libtorch in ${libtorch}, which an earlier set-up left out: remove it, and \`npm run setup\` fetches it with them`,
  );
}

/** The C++ sources, for those who compile. */
export function stageSource(root: string, directory: string): string {
  begin(directory, sourceManifest(root));
  for (const name of ['native', 'CMakeLists.txt', 'LICENSE'])
    cpSync(join(root, name), join(directory, name), { recursive: true });
  return directory;
}

function strip(from: string, to: string): void {
  const { status, stderr, error } = spawnSync('strip', ['--strip-unneeded', '-o', to, from], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`strip failed for ${from}: ${error?.message ?? stderr}`);
}
