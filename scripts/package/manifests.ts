/** What the published packages say of themselves. All name each other by exact versions. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addonPackage, builtPlatforms, glibcFloor, libtorchPackage } from '../../lib/platform.ts';

type Manifest = Readonly<Record<string, unknown>>;

interface Own extends Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const platform = {
  os: [process.platform],
  cpu: [process.arch],
  ...(process.platform === 'linux' && { libc: ['glibc'], config: { glibc: `>=${glibcFloor}` } }),
  preferUnplugged: true, // libraries are opened by their paths, which an archive has none of
};

/** The repository's own description without what only a checkout needs, and with the packages of every platform. */
export function mainManifest(root: string, libtorchVersion: string): Manifest {
  const { devDependencies: _, scripts: __, binary: ___, ...own } = ownManifest(root);
  return {
    ...own,
    keywords: ['libtorch', 'pytorch', 'deep-learning', 'information-retrieval', 'training', 'torchscript'],
    optionalDependencies: Object.fromEntries(
      builtPlatforms.flatMap((name) => [
        [addonPackage(name), own.version],
        [libtorchPackage(name), libtorchVersion],
      ]),
    ),
  };
}

export function addonManifest(root: string): Manifest {
  const { version } = ownManifest(root);
  return {
    name: addonPackage(),
    version,
    description: `The native addon of xpmir for ${process.platform} ${process.arch}`,
    license: 'MIT',
    ...platform,
  };
}

export function libtorchManifest(version: string): Manifest {
  return {
    name: libtorchPackage(),
    version,
    description: `The libraries of libtorch ${version} for the CPU, for ${process.platform} ${process.arch}, without symbols for debuggers`,
    // Of PyTorch; of libgomp, which is beside it; what else is linked into it is named in NOTICE.
    license: 'BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1',
    ...platform,
  };
}

/** No `binding.gyp` among its files: npm would take it as an order to compile while it installs. */
export function sourceManifest(root: string): Manifest {
  const { version, devDependencies } = ownManifest(root);
  const headers = ['node-addon-api', 'node-api-headers'];
  return {
    name: '@xpmir/source',
    version,
    description: 'The C++ sources of the native addon of xpmir, for `npx xpmir build`',
    license: 'MIT',
    gypfile: false,
    dependencies: Object.fromEntries(headers.map((name) => [name, devDependencies[name]])),
  };
}

function ownManifest(root: string): Own {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Own;
}
